"""Losses and scores of the user that remember: only what a plain loop calls may change them."""

from typing import Any

import pytest
import torch
from preflight_cases import SIGNED, X, linear
from torch import Tensor, nn

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.guessing import guessing
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Trial

PARAMETERS = {"optimizer": "sgd", "learning_rate": 0.05}


class Counting:
    """A loss whose weight falls with every call."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """The square error times 1 + 1 / calls."""
        self.calls += 1
        return (output - target).square().mean() * (1 + 1 / self.calls)


class Normalizing(nn.Module):
    """A loss in units of its own running mean."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.ones(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """The absolute error over its mean so far."""
        error = (output - target).abs().mean()
        with torch.no_grad():
            self.mean.mul_(0.9).add_(0.1 * error)
        return error / self.mean


STEP = 0


def annealing(output: Tensor, target: Tensor) -> Tensor:
    """A loss that a counter of its module warms up."""
    global STEP
    STEP += 1
    return (output - target).abs().mean() * min(1.0, STEP / 20)


def task_with(loss: Any) -> Task:
    """Some steps of a linear model."""
    training = {"loss": loss, "steps": 12, "evaluations": 3, "batch_size": 4}
    study = Study(name="own", data=lambda: (X, SIGNED), model=linear, training=training)
    return Task(study, load(lambda: (X, SIGNED)))


LOSSES = [Counting, Normalizing, lambda: annealing]


@pytest.mark.parametrize("make", LOSSES)
def test_a_training_does_not_depend_on_being_measured(make: Any) -> None:
    """Layers and test rows are looked at beside it."""
    task = task_with(make())
    curves = [
        train(task, Trial(0, "explore", 3, PARAMETERS, measured=measured, test=test)).curves
        for measured, test in ((True, True), (False, False))
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("make", LOSSES)
def test_what_guessing_scores_changes_no_training(make: Any) -> None:
    """Baselines are computed in the processes that train."""
    task = task_with(make())
    before = train(task, Trial(0, "explore", 3, PARAMETERS)).curves
    assert guessing(task, [3, 4])["guess"]
    assert train(task, Trial(0, "explore", 3, PARAMETERS)).curves == before
