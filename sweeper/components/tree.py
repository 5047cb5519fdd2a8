"""What a model takes: one tensor, or a tuple or dict of tensors with one row each; also of arrays.

A tuple is passed as positional arguments, ``model(*inputs)``; a dict as keyword arguments,
``model(**inputs)``, where ``forward`` takes its names, and as the dict elsewhere. These functions go through
either leaf by leaf; a single tensor is its own leaf.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from torch import Tensor, nn

Tree: TypeAlias = Any
"""A tensor, or a tuple or dict of trees; in the room of data the same of arrays."""

ROWS_PER_PASS = 8192
"""Rows evaluated in one forward pass."""
MAX_PIECE = 2**28
"""Bytes of rows on disk that are read at once."""


def leaves(tree: Tree) -> list[Any]:
    """The tensors, in order."""
    if isinstance(tree, tuple | dict):
        return [leaf for part in (tree.values() if isinstance(tree, dict) else tree) for leaf in leaves(part)]
    return [tree]


def named_leaves(tree: Tree, name: str = "inputs") -> Iterator[tuple[str, Any]]:
    """(where it is, tensor): ``inputs``, or ``inputs[0]``, or ``inputs['mask']``."""
    if isinstance(tree, tuple | dict):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, part in items:
            yield from named_leaves(part, f"{name}[{key!r}]")
    else:
        yield name, tree


def mapped(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """`function` of each tensor of `tree` and those at its place in `others`, in the same arrangement."""
    if isinstance(tree, tuple):
        return tuple(mapped(function, *parts) for parts in zip(tree, *others, strict=True))
    if isinstance(tree, dict):
        return {key: mapped(function, part, *(one[key] for one in others)) for key, part in tree.items()}
    return function(tree, *others)


def rebuilt(tree: Tree, tensors: Iterable[Any]) -> Tree:
    """`tensors` in the arrangement of `tree`; `leaves` gives them back."""
    following = iter(tensors)
    return mapped(lambda leaf: next(following), tree)


def alike(tree: Tree, other: Tree) -> bool:
    """Whether both have the same arrangement: lengths of tuples, keys of dicts in any order."""
    if isinstance(tree, tuple) and isinstance(other, tuple):
        return len(tree) == len(other) and all(map(alike, tree, other))
    if isinstance(tree, dict) and isinstance(other, dict):
        return tree.keys() == other.keys() and all(alike(tree[key], other[key]) for key in tree)
    return not isinstance(tree, tuple | dict) and not isinstance(other, tuple | dict)


def rows_in(tree: Tree) -> int:
    """Length of the first axis, which all tensors share."""
    return len(leaves(tree)[0])


def taken(tree: Tree, rows: Any) -> Tree:
    """Some rows of each tensor: ``tensor[rows]``."""
    return mapped(lambda leaf: leaf[rows], tree)


def put(tree: Tree, rows: Any, values: Tree) -> None:
    """Write `values` to some rows of each tensor."""
    for leaf, value in zip(leaves(tree), leaves(values), strict=True):
        leaf[rows] = value


def copied(tree: Tree) -> Tree:
    """A copy of each tensor."""
    return mapped(lambda leaf: leaf.clone(), tree)


def stacked(tree: Tree, count: int) -> Tree:
    """`count` copies of each tensor along a new first axis."""
    return mapped(lambda leaf: leaf.expand(count, *leaf.shape).clone(), tree)


def passes(tree: Tree, rows: int) -> Iterator[Tree]:
    """The tree in pieces of at most so many rows; one that is short enough stays itself.

    Pieces of rows that lie on disk are read one after the other, of at most `MAX_PIECE` bytes each.
    """
    count = rows_in(tree)
    on_disk = not all(isinstance(leaf, Tensor) for leaf in leaves(tree))
    if count <= rows and not on_disk:
        yield tree
        return
    if on_disk:
        rows = max(1, min(rows, MAX_PIECE * count // max(1, sum(leaf.nbytes for leaf in leaves(tree)))))
    for start in range(0, count, rows):
        yield taken(tree, slice(start, start + rows))


def first_tensor(tree: Tree) -> Tensor:
    """The first leaf, whose device is that of all."""
    tensor: Tensor = leaves(tree)[0]
    return tensor


def arguments(model: nn.Module, inputs: Tree) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments with which `model` is called on `inputs`."""
    if isinstance(inputs, tuple):
        return inputs, {}
    if isinstance(inputs, dict) and _takes(model, inputs):
        return (), inputs
    return (inputs,), {}


def applied(model: nn.Module, inputs: Tree) -> Any:
    """What `model` puts out for `inputs`."""
    given, named = arguments(model, inputs)
    return model(*given, **named)


def _takes(model: nn.Module, names: Iterable[str]) -> bool:
    """Whether ``forward`` has an argument of each of these names."""
    try:
        known = inspect.signature(model.forward).parameters
    except (ValueError, TypeError):  # compiled code does not tell
        return False
    by_name = {n for n, p in known.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return set(names) <= by_name or any(p.kind is p.VAR_KEYWORD for p in known.values())
