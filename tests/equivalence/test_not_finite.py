"""A model whose output is no number trains together as it does alone."""

import math

import torch
from equivalence import by_stack, numbered, task_of
from torch import nn

from sweeper.training.shapes import why_not_stackable
from sweeper.trial import Outcome


class Broken(nn.Module):
    """The logarithm of what is below 0."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.out = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(x) + torch.log(-x.abs().sum(1, keepdim=True) - 1)


def broken(in_features: int, out_features: int) -> nn.Module:
    """A model function."""
    return Broken(in_features, out_features)


def test_outputs_that_are_no_number_are_alike() -> None:
    """The stack computes what the model does: nothing but NaN, so it is no reason to train one by one."""
    task, trials = task_of(model=broken), numbered([{}, {}], seeds=[0, 1])
    assert why_not_stackable(task, trials[0]) == ""
    for one in by_stack(task, trials, 2).values():
        assert one.result.outcome == Outcome.DIVERGED
        assert one.result.engine == "fused"
        assert math.isnan(one.result.objective)
        assert one.result.steps == 0
