"""Losses and scores of the user that remember: only what a plain loop calls may change them."""

import functools
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


KEPT: dict[int, Tensor] = {}


def in_dict(n: int) -> Tensor:
    """A random matrix that is drawn once."""
    if n not in KEPT:
        KEPT[n] = torch.randn(n, n)
    return KEPT[n]


@functools.cache
def in_cache(n: int) -> Tensor:
    """The same, kept by Python."""
    return torch.randn(n, n)


class Projected(nn.Module):
    """Features that a random matrix mixes, which a plain loop would draw once."""

    def __init__(self, inputs: int, outputs: int, matrix: Any) -> None:
        super().__init__()
        self.first, self.last, self.matrix = nn.Linear(inputs, 5), nn.Linear(5, outputs), matrix

    def forward(self, x: Tensor) -> Tensor:
        """Outputs."""
        mixed: Tensor = self.last(torch.tanh(self.first(x)) @ self.matrix(5))
        return mixed


def test_what_a_cached_function_keeps_lasts_as_long_as_a_training() -> None:
    """Evaluations and looks at the layers leave it there: the curves are those of a model that keeps the same
    in a dict; and a second trial draws anew, so that it is like the first."""
    training = {"loss": "mse", "steps": 12, "evaluations": 3, "batch_size": 4}
    curves = []
    for matrix in (in_dict, in_cache, in_cache):

        def model(in_features: int, out_features: int, matrix: Any = matrix) -> nn.Module:
            return Projected(in_features, out_features, matrix)

        study = Study(name="own", data=lambda: (X, SIGNED), model=model, training=training)
        task = Task(study, load(lambda: (X, SIGNED)))
        curves.append(train(task, Trial(0, "explore", 3, PARAMETERS)).curves)
    assert curves[0] == curves[1] == curves[2]
    assert not KEPT
    assert not in_cache.cache_info().currsize
