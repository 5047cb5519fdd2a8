"""What a plan says of losses: parameters that nobody trains, sums over rows."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from preflight_cases import SIGNED, X, linear
from torch import nn
from torch.nn import functional as F

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.loss_notes import SUMS
from sweeper.training.preflight import step_summary
from sweeper.training.setup import Task


class Weighing(nn.Module):
    """A loss with a parameter."""

    def __init__(self, trained: bool) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(1), requires_grad=trained)

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The square error in units of the scale."""
        return ((output - target) ** 2 * torch.exp(-self.log_scale)).mean() + self.log_scale.sum()


def told(loss: Any, model: Callable[..., nn.Module] = linear) -> str:
    """The notes of a plan for `loss`."""
    study = Study(name="own", data=lambda: (X, SIGNED), model=model, training={"loss": loss})
    return step_summary(Task(study, load(lambda: (X, SIGNED))))


@pytest.mark.parametrize("trained", [True, False])
def test_parameters_of_a_loss_that_nobody_trains_are_told(trained: bool) -> None:
    """In the plan line; those that want no gradient are constants."""
    words = "parameters of the loss (log_scale) stay as they are, only the model is trained"
    assert told(Weighing(trained)) == (words if trained else "")


def of_batch(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A sum over rows, divided by a number that is no number of rows."""
    return F.mse_loss(output, target, reduction="sum") / 7


def spread(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A mean over rows and what the rows of a batch have in common: near a mean."""
    return F.mse_loss(output, target) + output.std()


def noisy_sum(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A sum over rows with noise that differs from call to call."""
    return (output + 0.1 * torch.randn_like(output) - target).square().sum()


class Summing(nn.Module):
    """A model that trains by its own step, a sum over rows."""

    def __init__(self, in_features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_features, 4), nn.ReLU(), nn.Linear(4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, in_features) -> (n, 1)"""
        return self.layers(x)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        """The sum of square errors."""
        x, y = batch
        return (self(x) - y).square().sum()


@pytest.mark.parametrize("loss", [nn.MSELoss(reduction="sum"), of_batch, noisy_sum])
def test_a_loss_that_sums_over_rows_is_told(loss: Any) -> None:
    """Its rates belong to a batch size, and its scores to a number of rows."""
    assert told(loss) == SUMS


@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.L1Loss(), spread, "mse"])
def test_a_mean_over_rows_is_not_told(loss: Any) -> None:
    """Nothing is to be said of it, also where rows of a batch are seen together."""
    assert told(loss) == ""


def test_a_training_step_that_sums_over_rows_is_told() -> None:
    """Beside what is used of the step."""
    assert told("training_step", Summing) == f"loss of Summing.training_step; {SUMS}"
