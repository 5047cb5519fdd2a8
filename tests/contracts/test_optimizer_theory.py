"""What entries of `OPTIMIZERS` say of their steps: up to where they are stable, what divides the gradient."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZERS

FIXED = 1e6
"""An eps so large that what the gradient is divided by stands still."""
STEPS, START, FAR = 800, 1e-13, 1e3
"""Bias correction lets averages overshoot by many orders of magnitude before they settle."""
DIVIDING = [name for name, entry in OPTIMIZERS.items() if entry.divisor]
CHOICES: list[dict[str, Any]] = [
    {},
    {"momentum": 0.5},
    {"momentum": 0.5, "dampening": 0.3},
    {"momentum": 0.8, "nesterov": True},
    {"betas": (0.8, 0.99)},
]


def bowl(name: str, rate: float, steps: int, **options: Any) -> tuple[float, torch.optim.Optimizer]:
    """Where an optimizer is after these steps on ½θ², or far away before; its divisor stands still."""
    theta = nn.Parameter(torch.tensor([START], dtype=torch.float64))
    frozen = {"eps": FIXED} if "eps" in OPTIMIZERS[name].options else {}
    decay = {"weight_decay": 0.0} if "weight_decay" in OPTIMIZERS[name].options else {}
    optimizer = OPTIMIZERS[name].make([theta], lr=rate, **frozen, **decay, **options)
    for _ in range(steps):
        theta.grad = theta.detach().clone()
        optimizer.step()
        if abs(theta.item()) > FAR:  # farther out the gradients would no longer be small against eps
            break
    return abs(theta.item()), optimizer


def divisor(name: str, steps: int, **options: Any) -> float:
    """What the gradient is divided by after these steps; 1 where it is not."""
    found = OPTIMIZERS[name].preconditioner(bowl(name, 1e-9, steps, **options)[1])
    return found[0].item() if found else 1.0


LIMITED = [
    (name, options)
    for name, entry in OPTIMIZERS.items()
    if entry.limit and divisor(name, 50) == pytest.approx(divisor(name, 1), rel=1e-6)
    for options in CHOICES
    if options.keys() <= entry.options.keys()
]


@pytest.mark.parametrize(("name", "options"), LIMITED)
def test_the_limit_is_where_steps_begin_to_grow(name: str, options: dict[str, Any]) -> None:
    """2 % below the limit of η·λ the way to the minimum shrinks, 2 % above it grows."""
    entry, scale = OPTIMIZERS[name], divisor(name, 1, **options)
    assert entry.limit is not None
    first, last = (entry.limit.value(entry.chosen(options), step) for step in (0, STEPS))
    assert bowl(name, 0.98 * first * scale, STEPS, **options)[0] < START
    assert bowl(name, 1.02 * last * scale, STEPS, **options)[0] > START
    assert entry.limit.formula(entry.chosen(options)).startswith("2")


def test_most_limits_are_tried() -> None:
    """Left out is only what has a divisor that does not stand still: its bias correction is part of it."""
    left_out = {name for name, entry in OPTIMIZERS.items() if entry.limit} - {name for name, _ in LIMITED}
    assert left_out <= {"radam", "schedule_free_adamw"}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_linear_means_that_the_loss_itself_has_the_limit(name: str) -> None:
    """What divides the gradient has a limit of the scaled Hessian, if any; what does not, of the Hessian."""
    entry = OPTIMIZERS[name]
    assert entry.limit is None or entry.limit.preconditioned == (entry.divisor is not None)
    assert entry.linear == (entry.limit is not None and entry.divisor is None)


def problem() -> tuple[nn.Module, Tensor, Tensor]:
    """A small float64 network with rows of regression data."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2))
    return model.double(), torch.randn(20, 3, dtype=torch.float64), torch.randn(20, 2, dtype=torch.float64)


def trained(name: str, steps: int, **options: Any) -> tuple[nn.Module, torch.optim.Optimizer]:
    """A network after `steps` of an optimizer."""
    model, x, y = problem()
    optimizer = OPTIMIZERS[name].make(model.parameters(), lr=1e-3, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()
    return model, optimizer


@pytest.mark.parametrize("name", DIVIDING)
def test_the_next_update_is_the_gradient_over_the_divisor(name: str) -> None:
    """Where averages of the gradient are off (β1 = 0), a tiny gradient moves weights by η·g/P.

    The divisor is read after the step, which has seen the gradient; but sizes of updates as they were.
    """
    plain = {"betas": (0.0, 0.99), "weight_decay": 0.0}
    known = OPTIMIZERS[name].options
    options = {key: value for key, value in plain.items() if key in known and "betas" in known}
    model, optimizer = trained(name, 30, **options)
    _, x, y = problem()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.zero_grad()
    nn.functional.mse_loss(model(x), y).backward()
    sizes = {p: s["acc_delta"].clone() for p, s in optimizer.state.items() if "acc_delta" in s}
    optimizer.step()
    for parameter, size in sizes.items():
        optimizer.state[parameter]["acc_delta"] = size
    found = OPTIMIZERS[name].preconditioner(optimizer)
    assert found is not None
    for p, was, q in zip(model.parameters(), before, found, strict=True):
        torch.testing.assert_close(was - p.detach(), 1e-3 * p.grad / q, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_there_is_a_divisor_only_after_a_step(name: str) -> None:
    """None before the first step, and none at all for what does not divide."""
    entry = OPTIMIZERS[name]
    assert entry.preconditioner(trained(name, 0)[1]) is None
    found = entry.preconditioner(trained(name, 1)[1])
    assert (found is None) == (entry.divisor is None)
    assert found is None or all(bool((p > 0).any()) for p in found)


def test_state_needs_no_count_of_steps() -> None:
    """A class that keeps no ``step`` has a divisor from its first step on."""
    (_, optimizer), entry = trained("rmsprop", 1), OPTIMIZERS["rmsprop"]
    expected = entry.preconditioner(optimizer)
    for state in optimizer.state.values():
        del state["step"]
    found = entry.preconditioner(optimizer)
    assert expected is not None
    assert found is not None
    assert all(map(torch.equal, expected, found))
