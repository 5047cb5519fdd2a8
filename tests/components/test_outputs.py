"""Outputs that are no single tensor: copied, joined and looked through leaf by leaf."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from sweeper.components.outputs import copied, first_tensor, joined, suits
from sweeper.errors import ModelError


class Pair(NamedTuple):
    """What a model may put out."""

    logits: Tensor
    state: dict[str, Tensor]


def test_outputs_keep_their_kind() -> None:
    """Named tuples, lists and dicts come back as such; tensors are joined along the rows."""
    one = Pair(torch.ones(2, 3), {"h": torch.zeros(2)})
    both = joined([one, copied(one)])
    assert isinstance(both, Pair)
    assert (both.logits.shape, both.state["h"].shape) == ((4, 3), (4,))
    assert copied([one.logits, None])[1] is None
    assert copied(one).logits is not one.logits
    assert first_tensor({"a": [one]}) is one.logits


def test_outputs_without_a_tensor_are_told() -> None:
    """In words."""
    with pytest.raises(ModelError, match="a model must put out tensors, not float"):
        first_tensor(0.5)


def test_scores_are_computed_where_shapes_suit() -> None:
    """Of a loss of the user nothing is known but shapes."""
    output, classes, real = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64), torch.zeros(4, 3)
    found = [suits("classification", output, classes), suits("regression", output, real)]
    assert found == [True, True]
    wrong = [suits("classification", output, real), suits("regression", (output,), real)]
    assert [*wrong, suits("regression", output[:, :2], real)] == [False] * 3
