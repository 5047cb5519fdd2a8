"""What went wrong, in one line, with the place that its user can mend."""

import json
import re
import statistics
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.overrides import BaseTorchFunctionMode

from sweeper.components.build import build
from sweeper.errors import ModelError
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


def test_of_a_library_s_error_its_line_is_named() -> None:
    """Not torch's, which stands below it, where no line of the user took part."""
    with pytest.raises(RuntimeError) as caught_error, BaseTorchFunctionMode():
        torch.func.vmap(statistics.median_low)(torch.zeros(2, 3))
    library = caught_error.value.with_traceback(caught_error.tb.tb_next)
    assert re.search(r"\(statistics\.py:\d+\)$", reason_of(library))


def test_an_error_without_a_place_has_none() -> None:
    """One that was never raised."""
    assert reason_of(ValueError("two\n  lines")) == "ValueError: two lines"


def wrongly_made() -> None:
    """A model function that raises."""
    raise ValueError("no such width")


@pytest.mark.parametrize("function", [dict, wrongly_made])
def test_a_message_of_this_package_stands_for_itself(function: Callable[[], object]) -> None:
    """No class or file of the package; the user's line is named where it was the cause."""
    with pytest.raises(ModelError) as caught_error:
        build(function, row=torch.zeros(1, 4), out_features=3, activation=None, init=None, options={})
    reason = reason_of(caught_error.value)
    line = wrongly_made.__code__.co_firstlineno + 2
    place = f" (test_reasons.py:{line})" if function is wrongly_made else ""
    assert reason == f"{caught_error.value}{place}"
    assert "ModelError" not in reason


def test_without_own_files_the_innermost_line_is_told() -> None:
    """It came from a library alone."""
    with pytest.raises(ValueError, match="Expecting value") as caught:
        json.loads("")
    error = caught.value
    assert error.__traceback__ is not None
    error.__traceback__ = error.__traceback__.tb_next  # leave out this file
    assert "(decoder.py:" in reason_of(error)
