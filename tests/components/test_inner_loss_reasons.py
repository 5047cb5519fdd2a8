"""Why a loss that is computed with the model has no constant that beats others."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from sweeper.components.users_loss import InnerLoss
from sweeper.errors import ModelError


@pytest.mark.parametrize(
    ("function", "asks", "words"),
    [
        (None, (), "the loss is that of the model's own training_step, so"),
        (max, (), "the loss 'both' takes several targets or outputs, so no constant has one"),
        (max, ("model",), "the loss 'both' takes the model, so no constant has one"),
        (
            max,
            ("inputs", "age"),
            "the loss 'both' takes the inputs and the input age, so no constant has one",
        ),
    ],
)
def test_the_reason_is_that_of_the_loss(
    function: Callable[..., Any] | None, asks: tuple[str, ...], words: str
) -> None:
    """Nothing is called computed with the model whose function takes no model."""
    with pytest.raises(ModelError) as told:
        InnerLoss("both", function, asks)(torch.zeros(3), torch.zeros(3))
    assert words in str(told.value)
