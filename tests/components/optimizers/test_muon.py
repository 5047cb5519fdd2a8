"""Muon: torch's own for matrices, AdamW for the rest."""

import inspect

import torch
from torch import nn

from sweeper.components.optimizers.muon import _A, _B, _C, _ITERATIONS, _SMALLEST, SHARE, Muon


def model() -> nn.Module:
    """Wide, tall and square matrices, biases, a scale, and filters of four dimensions."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 3), nn.Tanh(), nn.Linear(3, 5)]
    return nn.Sequential(*layers)


def step(net: nn.Module, *optimizers: torch.optim.Optimizer) -> None:
    """One step of a loop on fixed rows."""
    x = torch.linspace(-1, 1, 4 * 16).reshape(4, 1, 4, 4)
    net.zero_grad()
    net(x).square().mean().backward()
    for optimizer in optimizers:
        optimizer.step()


def test_two_optimizers_of_torch_by_hand() -> None:
    """Matrices follow torch.optim.Muon, all else torch.optim.AdamW at 0.015 of its rate."""
    ours, theirs = model(), model()
    optimizer = Muon(ours.parameters(), lr=0.1, weight_decay=0.05)
    matrices = [p for p in theirs.parameters() if p.ndim == 2]
    others = [p for p in theirs.parameters() if p.ndim != 2]
    muon = torch.optim.Muon(matrices, lr=0.1, weight_decay=0.05)
    adamw = torch.optim.AdamW(others, lr=0.0015, weight_decay=0.05)
    assert (len(matrices), len(others)) == (2, 6)
    for k in range(20):
        rate = 0.1 / (1 + k)
        for group in optimizer.param_groups:
            group["lr"] = rate
        muon.param_groups[0]["lr"], adamw.param_groups[0]["lr"] = rate, SHARE * rate
        step(ours, optimizer)
        step(theirs, muon, adamw)
        assert all(map(torch.equal, ours.parameters(), theirs.parameters()))


def test_the_numbers_are_torch_s() -> None:
    """Coefficients, iterations and defaults are those of torch.optim.Muon, but for its rate of 1e-3."""
    theirs = {n: p.default for n, p in inspect.signature(torch.optim.Muon).parameters.items()}
    assert theirs["ns_coefficients"] == (_A, _B, _C)
    assert (theirs["ns_steps"], theirs["eps"]) == (_ITERATIONS, _SMALLEST)
    ours = {n: p.default for n, p in inspect.signature(Muon).parameters.items()}
    assert all(ours[name] == theirs[name] for name in ("weight_decay", "momentum", "nesterov"))


def test_models_without_matrices_or_with_nothing_else() -> None:
    """Either part may be empty."""
    for net in (nn.LayerNorm(3), nn.Linear(3, 2, bias=False)):
        optimizer = Muon(net.parameters(), lr=0.1)
        before = [p.clone() for p in net.parameters()]
        net(torch.randn(5, 3)).pow(3).sum().backward()
        optimizer.step()
        assert not any(map(torch.equal, before, net.parameters()))
