"""What went wrong, in one line, with the place that its user can mend."""

import json

import pytest
import torch
from torch import nn

from sweeper.training.reasons import reason_of


def caught(model: nn.Module, x: torch.Tensor) -> BaseException:
    """What the model raises."""
    try:
        model(x)
    except RuntimeError as error:
        return error
    raise AssertionError("nothing was raised")


class Wrong(nn.Module):
    """Its second layer does not fit the first."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.Linear(5, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output."""
        return self.layers(x)


def test_the_place_is_in_the_users_file_not_in_torch() -> None:
    """The innermost line of the model's own code, though torch raised it some calls below."""
    line = Wrong.forward.__code__.co_firstlineno + 2
    assert reason_of(caught(Wrong(), torch.zeros(1, 3))).endswith(f"(test_reasons.py:{line})")


def test_an_error_without_a_place_has_none() -> None:
    """One that was never raised."""
    assert reason_of(ValueError("two\n  lines")) == "ValueError: two lines"


def test_without_own_files_the_innermost_line_is_told() -> None:
    """It came from a library alone."""
    with pytest.raises(ValueError, match="Expecting value") as caught:
        json.loads("")
    error = caught.value
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next  # leave out this file
    assert "(decoder.py:" in reason_of(error)
