"""A gradient that is nothing but rounding is no difference."""

from typing import Any

import pytest
import torch
from equivalence import numbered, task_of
from torch import Tensor, nn

from sweeper.training.stacked import guard
from sweeper.training.stacked.engine import compare_stack

pytestmark = pytest.mark.usefixtures("one_thread")


class Pooled(nn.Module):
    """The mean over steps, weighted by a softmax of scores with a bias, which changes nothing."""

    def __init__(self, in_features: int, out_features: int, activation: Any) -> None:
        super().__init__()
        self.first, self.act, self.score = nn.Linear(1, 6), activation(), nn.Linear(6, 1)
        self.last, self.out = activation(), nn.Linear(6, out_features)

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.first(x[:, :, None]))
        return self.out(self.last((torch.softmax(self.score(h), 1) * h).sum(1)))


def pooled(in_features: int, out_features: int, activation: Any) -> nn.Module:
    """`Pooled`"""
    return Pooled(in_features, out_features, activation)


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "silu", "elu", "prelu", "mish", "softplus"])
def test_a_gradient_of_rounding_alone_is_no_difference(activation: str) -> None:
    """The bias of scores before a softmax: exactly 0 on paper, some rounding errors in a computer."""
    task = task_of(model=pooled, space={"activation": [activation]})
    trials = numbered([{"activation": activation}] * 6, seeds=range(6))
    assert set(compare_stack(task, trials).values()) == {""}


AMPLIFIED = 1e9


class Cancelled(nn.Module):
    """Two numbers of which almost nothing is left when one is taken from the other."""

    def __init__(self, in_features: int, out_features: int, activation: Any) -> None:
        super().__init__()
        self.first, self.act, self.out = nn.Linear(in_features, 24), activation(), nn.Linear(24, out_features)

    def forward(self, x: Tensor) -> Tensor:
        y = self.out(self.act(self.first(x)))
        return y * AMPLIFIED - y * (AMPLIFIED - 1)


def cancelled(in_features: int, out_features: int, activation: Any) -> nn.Module:
    """`Cancelled`"""
    return Cancelled(in_features, out_features, activation)


def test_rounding_that_a_model_amplifies_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses and gradients are further apart than numbers of this precision are, but no further than those of
    the plain model from weights that are off by rounding."""
    task, trials = task_of(model=cancelled), numbered([{}] * 4, seeds=range(4))
    assert set(compare_stack(task, trials).values()) == {""}
    monkeypatch.setattr(guard.PlainTrial, "moved", lambda self, seen, rounding: seen)
    assert "" not in compare_stack(task, trials).values()
