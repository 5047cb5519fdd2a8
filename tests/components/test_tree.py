"""Tuples and dicts of tensors: leaf by leaf, and how a model is called with them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sweeper.components.tree import (
    alike,
    applied,
    copied,
    leaves,
    mapped,
    named_leaves,
    passes,
    put,
    rebuilt,
    rows_in,
    stacked,
    taken,
)

X = torch.arange(12.0).reshape(6, 2)
TREE = {"a": X, "b": (X[:, 0], X > 3)}


def test_a_single_tensor_is_its_own_leaf() -> None:
    """Nothing is wrapped or copied where there is one tensor."""
    assert mapped(lambda leaf: leaf, X) is X
    assert next(passes(X, 6)) is X
    assert leaves(X)[0] is X
    assert list(named_leaves(X)) == [("inputs", X)]


def test_arrangement_is_kept() -> None:
    """Rows, copies and leaves put back come in the arrangement that was given."""
    some = taken(TREE, torch.tensor([4, 0]))
    assert alike(some, TREE)
    assert rows_in(some) == 2
    assert some["b"][0].tolist() == [8.0, 0.0]
    assert some["b"][1].dtype == torch.bool
    assert alike(rebuilt(TREE, [1, 2, 3]), TREE)
    assert rebuilt(TREE, [1, 2, 3]) == {"a": 1, "b": (2, 3)}
    assert not alike(TREE, {"a": X, "b": X})
    assert not alike((X, X), (X,))


def test_names_say_where_a_tensor_is() -> None:
    """Messages name inputs as one would write them."""
    assert [name for name, _ in named_leaves(TREE)] == ["inputs['a']", "inputs['b'][0]", "inputs['b'][1]"]


def test_copies_are_copies() -> None:
    """Writing to a copy, or to one of several, changes nothing else."""
    copy, two = copied(TREE), stacked(TREE, 2)
    put(two, 1, mapped(torch.zeros_like, TREE))
    put(copy, slice(0, 1), taken(two, (1, slice(0, 1))))
    assert X[0].tolist() == [0.0, 1.0]
    assert copy["a"][0].tolist() == [0.0, 0.0]
    assert two["a"][0].tolist() == X.tolist()


def test_passes_hold_all_rows_in_order() -> None:
    """Pieces of at most so many rows; together they are the whole."""
    pieces = list(passes(TREE, 4))
    assert [rows_in(piece) for piece in pieces] == [4, 2]
    assert torch.equal(torch.cat([piece["a"] for piece in pieces]), X)


class Named(nn.Module):
    """Takes two inputs by name."""

    def forward(self, a: Tensor, b: Tensor) -> Any:
        return a - b


class Whole(nn.Module):
    """Takes one input, whatever it is."""

    def forward(self, batch: Any) -> Any:
        return batch["a"] - batch["b"] if isinstance(batch, dict) else batch


class Open(nn.Module):
    """Takes any names."""

    def forward(self, **inputs: Tensor) -> Any:
        return inputs["a"] - inputs["b"]


@pytest.mark.parametrize("model", [Named(), Whole(), Open()])
def test_a_dict_goes_in_by_name_where_forward_takes_the_names(model: nn.Module) -> None:
    """As keyword arguments where forward has them, in any order; else as the dict."""
    assert applied(model, {"b": X, "a": 3 * X}).tolist() == (2 * X).tolist()


def test_a_tuple_goes_in_by_position() -> None:
    """And a tensor as the one argument."""
    assert applied(Named(), (3 * X, X)).tolist() == (2 * X).tolist()
    assert applied(Whole(), X) is X
