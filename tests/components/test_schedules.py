"""Schedules against ``torch.optim.lr_scheduler`` and closed forms."""

import math
from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler as lrs

from sweeper.components.schedules import SCHEDULES

Scheduler = Callable[[torch.optim.Optimizer, int], lrs.LRScheduler]


def warmup_cosine(optimizer: torch.optim.Optimizer, steps: int) -> lrs.LRScheduler:
    """Linear over 5 %, then a cosine."""
    warm = round(0.05 * steps)
    linear = lrs.LinearLR(optimizer, start_factor=1 / warm, end_factor=1, total_iters=warm - 1)
    cosine = lrs.CosineAnnealingLR(optimizer, T_max=steps - warm)
    return lrs.SequentialLR(optimizer, [linear, cosine], milestones=[warm])


def one_cycle(optimizer: torch.optim.Optimizer, steps: int) -> lrs.LRScheduler:
    """Torch's defaults."""
    return lrs.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps, cycle_momentum=False)


TORCH: dict[str, Scheduler] = {
    "constant": lambda o, n: lrs.ConstantLR(o, factor=1.0),
    "step": lambda o, n: lrs.MultiStepLR(o, [math.ceil(0.5 * n), math.ceil(0.75 * n)], gamma=0.1),
    "exponential": lambda o, n: lrs.ExponentialLR(o, gamma=0.01 ** (1 / n)),
    "cosine": lambda o, n: lrs.CosineAnnealingLR(o, T_max=n),
    "warmup_cosine": warmup_cosine,
    "one_cycle": one_cycle,
    "inverse_sqrt": lambda o, n: lrs.LambdaLR(
        o, lambda k: min((k + 1) / round(0.1 * n), math.sqrt(round(0.1 * n) / (k + 1)))
    ),
}


@pytest.mark.parametrize("steps", [40, 101, 1000])
@pytest.mark.parametrize("name", TORCH)
def test_equals_torch(name: str, steps: int) -> None:
    """The multiplier before every update is the learning rate that torch's scheduler sets from 1."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = TORCH[name](optimizer, steps)
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step() if len(expected) < steps else None
    actual = [SCHEDULES[name](step, steps) for step in range(steps)]
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_contract(name: str) -> None:
    """A schedule is finite, between 0 and 1, reaches 1 in long trainings, and exists for every length."""
    for steps in (*range(1, 30), 500):
        values = [SCHEDULES[name](step, steps) for step in range(steps)]
        assert all(math.isfinite(value) and 0 <= value <= 1 for value in values)
    assert max(values) == pytest.approx(1, abs=1e-3)


def test_every_schedule_is_compared() -> None:
    """A new schedule needs its line in `TORCH`."""
    assert set(TORCH) == set(SCHEDULES)
