"""The plan says of what no trial begins afresh with; all else that counts is put back and not told."""

import itertools
from contextvars import ContextVar
from typing import Any

import pytest
import torch
from equivalence import numbered, task_of
from torch import Tensor, nn

from sweeper.study.settings import settings as settings_of
from sweeper.training.state_notes import state_notes

STEP, TIMES, CALLS = itertools.count(), ContextVar("TIMES", default=0), [0]


class Plain(nn.Module):
    """A layer, beside which others count."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.layer = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """Counts nothing."""
        return self.layer(x)


class Iterated(Plain):
    """By an iterator, which nothing brings back."""

    def forward(self, x: Tensor) -> Tensor:
        """Counts."""
        return super().forward(x) * (0.3 if next(STEP) < 100 else 1.0)


class Varied(Plain):
    """By a variable and a list, which are put back."""

    def forward(self, x: Tensor) -> Tensor:
        """Counts."""
        TIMES.set(TIMES.get() + 1)
        CALLS[0] += 1
        return super().forward(x)


class Backward(torch.autograd.Function):
    """Counts in its backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """As it is."""
        return x * 1

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """Counts."""
        next(STEP)
        return slope


class Behind(Plain):
    """Uses it."""

    def forward(self, x: Tensor) -> Tensor:
        """Counts later."""
        out: Tensor = Backward.apply(super().forward(x))
        return out


class Broken(Plain):
    """Raises, which is told elsewhere."""

    def forward(self, x: Tensor) -> Tensor:
        """Never returns."""
        raise ValueError("no")


@pytest.mark.parametrize(
    ("model", "told"), [(Plain, False), (Varied, False), (Broken, False), (Iterated, True), (Behind, True)]
)
def test_what_cannot_be_put_back_is_named(model: type[nn.Module], told: bool) -> None:
    """By the place of what is used up, with what to do."""
    task = task_of(model=model)
    (trial,) = numbered([{}])
    said = state_notes(task, settings_of(task.study, trial.parameters))
    assert bool(said) is told
    assert not told or (said.startswith("a training changes ") and "STEP, which cannot be put back" in said)
