"""Outputs that are no single tensor: copied, joined and looked through leaf by leaf."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from sweeper.components.operations import tensors_in
from sweeper.components.outputs import copied, first_tensor, joined, leaves, parted, put_together, suits
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


@dataclass(frozen=True)
class Named:
    """Outputs by name, one of which is not there."""

    logits: Tensor
    state: Tensor | None = None


class Attributes(dict[str, Any]):
    """A dict with attributes, as some packages have."""

    def __getattr__(self, name: str) -> Any:
        return self[name]


@pytest.mark.parametrize("kind", [Named, Attributes, OrderedDict])
def test_outputs_come_apart_and_together(kind: Any) -> None:
    """Dataclasses and mappings of other kinds keep theirs, what is no tensor its place."""
    one = kind(logits=torch.ones(2, 3), state=None)
    arrangement, tensors = parted([one, {"a": torch.zeros(2)}])
    assert [tensor.shape for tensor in tensors] == [(2, 3), (2,)]
    again, rest = put_together(arrangement, tensors)
    assert type(again) is kind
    assert leaves(again)[0] is tensors[0]
    assert rest["a"] is tensors[1]
    assert leaves(joined([one, one]))[0].shape == (4, 3)
    assert [tensor.shape for tensor in tensors_in(one)] == [(2, 3)]
    with pytest.raises(TypeError, match="a model must put out tensors, not object"):
        parted(object())


def test_outputs_without_a_tensor_are_told() -> None:
    """In words."""
    with pytest.raises(ModelError, match="a model must put out tensors, not float"):
        first_tensor(0.5)


def test_scores_are_computed_where_shapes_suit() -> None:
    """Of a loss of the user nothing is known but shapes."""
    output, classes, real = torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64), torch.zeros(4, 3)
    found = [suits("classification", output, classes, 3), suits("regression", output, real, 0)]
    assert found == [True, True]
    wrong = [suits("classification", output, real, 3), suits("regression", (output,), real, 0)]
    assert [*wrong, suits("regression", output[:, :2], real, 0)] == [False] * 3


@pytest.mark.parametrize(
    ("width", "classes", "suit"), [(1, 2, False), (2, 2, True), (4, 2, False), (2, 3, False), (5, 3, True)]
)
def test_scores_of_classes_need_an_output_for_each(width: int, classes: int, suit: bool) -> None:
    """The largest of one output is always the first class: an accuracy of that is the share of this class."""
    target = torch.zeros(4, dtype=torch.int64)
    assert suits("classification", torch.zeros(4, width), target, classes) == suit
