"""Optimizers: torch's own with its defaults, Lion as its paper has it."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.components.optimizers import OPTIMIZER_OPTIONS, OPTIMIZERS, Lion

OPTIONS: dict[str, Any] = {
    "momentum": 0.7,
    "nesterov": True,
    "dampening": 0.0,
    "weight_decay": 0.02,
    "betas": (0.8, 0.95),
    "eps": 1e-5,
}
CLASSES = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
    "nadam": (torch.optim.NAdam, {}),
    "radam": (torch.optim.RAdam, {}),
    "adamax": (torch.optim.Adamax, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "lion": (Lion, {}),
}


def trained(make: Any) -> list[torch.Tensor]:
    """Parameters after ten steps on a fixed problem."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(20, 3, generator=generator), torch.randn(20, 1, generator=generator)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    optimizer = make(model.parameters())
    for _ in range(10):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    return [parameter.detach() for parameter in model.parameters()]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_defaults_are_torch_s(name: str) -> None:
    """Without options an optimizer is torch's class with the defaults that the name implies."""
    kind, implied = CLASSES[name]
    ours = trained(lambda parameters: OPTIMIZERS[name].make(parameters, lr=0.01))
    theirs = trained(lambda parameters: kind(parameters, lr=0.01, **implied))
    assert all(map(torch.equal, ours, theirs))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_options_reach_the_class(name: str) -> None:
    """Every option that an optimizer takes arrives under torch's name, and changes the training."""
    optimizer, (kind, implied) = OPTIMIZERS[name], CLASSES[name]
    for option in sorted(optimizer.options):
        chosen = {option: OPTIONS[option]}
        if option == "nesterov":
            chosen["momentum"] = 0.7
        made = optimizer.make([torch.zeros(1, requires_grad=True)], lr=0.01, **chosen)
        assert made.param_groups[0][option] == OPTIONS[option]
        ours = trained(lambda parameters, chosen=chosen: optimizer.make(parameters, lr=0.01, **chosen))
        theirs = trained(lambda parameters, chosen=chosen: kind(parameters, lr=0.01, **(implied | chosen)))
        assert all(map(torch.equal, ours, theirs))
        if option != "dampening":
            plain = trained(lambda parameters: optimizer.make(parameters, lr=0.01))
            assert not all(map(torch.equal, ours, plain)), option


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_contract(name: str) -> None:
    """Options are known parameters, others are refused; the expression is the class; state can be copied."""
    optimizer = OPTIMIZERS[name]
    assert optimizer.options <= OPTIMIZER_OPTIONS == set(OPTIONS)
    assert set(optimizer.defaults) <= {"momentum", "nesterov"}
    with pytest.raises(KeyError, match=f"optimizer {name} takes no lookahead"):
        optimizer.make([torch.zeros(1)], lr=0.1, lookahead=1)
    assert eval(optimizer.expression, {"torch": torch, "Lion": Lion}) is optimizer.kind
    made = optimizer.make([torch.ones(2, requires_grad=True)], lr=0.1)
    made.load_state_dict(copy.deepcopy(made.state_dict()))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_lion_is_its_paper(weight_decay: float) -> None:
    """c = β1·m + (1 − β1)·g; w ← w − lr·(sign c + λ·w); m ← β2·m + (1 − β2)·g, in numpy."""
    generator = np.random.default_rng(0)
    w, m = generator.normal(size=5), np.zeros(5)
    parameter = torch.tensor(w, requires_grad=True)
    optimizer = Lion([parameter], lr=0.05, betas=(0.9, 0.99), weight_decay=weight_decay)
    for _ in range(50):
        g = generator.normal(size=5)
        parameter.grad = torch.tensor(g)
        optimizer.step()
        c = 0.9 * m + (1 - 0.9) * g
        w = w - 0.05 * (np.sign(c) + weight_decay * w)
        m = 0.99 * m + (1 - 0.99) * g
        assert parameter.detach().numpy() == pytest.approx(w, abs=1e-12)


def test_lion_takes_a_closure_and_skips_what_has_no_gradient() -> None:
    """As every optimizer of torch: the closure's loss comes back, idle parameters stay."""
    used, idle = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = Lion([used, idle], lr=0.5)

    def closure() -> torch.Tensor:
        loss = (3 * used).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3
    assert (used.item(), idle.item()) == (0.5, 1.0)
