"""Model functions that change the whole process: a trial keeps that to its end, so no stack has them."""

from collections.abc import Callable

import pytest
import torch
from equivalence import numbered, task_of
from torch import nn
from torch.nn import functional as F

from sweeper.training.shapes import why_not_stackable


def autocast() -> None:
    """All products in fewer digits."""
    torch.set_autocast_enabled("cpu", True)


def replaces() -> None:
    """Another function under a name of torch's."""
    F.mse_loss = F.l1_loss


def hooks() -> None:
    """Outputs of all layers, halved."""
    nn.modules.module.register_module_forward_hook(lambda module, inputs, output: output / 2)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (autocast, "autocast"),
        (replaces, "torch.nn.functional.mse_loss"),
        (hooks, "hooks of all modules"),
    ],
)
def test_a_model_function_that_changes_the_process_is_not_stacked(
    change: Callable[[], None], what: str
) -> None:
    """The reason says what it changes, and nothing is left of it."""

    def net(in_features: int, out_features: int) -> nn.Module:
        change()
        return nn.Sequential(nn.Linear(in_features, 4), nn.Tanh(), nn.Linear(4, out_features))

    own = F.mse_loss
    reason = why_not_stackable(task_of(model={"source": net}), numbered([{}])[0])
    assert what in reason
    assert "whole process" in reason
    assert F.mse_loss is own
