"""A loss that is a module may have parameters, which nobody trains."""

import pytest
import torch
from preflight_cases import SIGNED, X, linear
from torch import nn

from sweeper.data.load import load
from sweeper.study.study import Study
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


@pytest.mark.parametrize("trained", [True, False])
def test_parameters_of_a_loss_that_nobody_trains_are_told(trained: bool) -> None:
    """In the plan line; those that want no gradient are constants."""
    study = Study(name="own", data=lambda: (X, SIGNED), model=linear, training={"loss": Weighing(trained)})
    told = step_summary(Task(study, load(lambda: (X, SIGNED))))
    assert told == (
        "parameters of the loss (log_scale) stay as they are, only the model is trained" if trained else ""
    )
