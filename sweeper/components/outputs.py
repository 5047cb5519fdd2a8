"""What models put out: tensors whose first axis is the rows, or a tuple, list, dict or dataclass of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

from sweeper.errors import ModelError

PLACE = torch.empty(0)
"""Stands for a tensor in an arrangement."""


def mapped(function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """`function` of the tensors at each place of outputs of one arrangement; what is no tensor stays."""
    if isinstance(first, Tensor):
        return function(first, *others)
    kind = type(first)
    if is_dataclass(first) and not isinstance(first, type):  # also the outputs of transformers
        names = [field.name for field in fields(first) if field.init]
        own = [{name: getattr(one, name) for name in names} for one in (first, *others)]
        return replace(first, **mapped(function, *own))
    if isinstance(first, Mapping):
        parts = {key: mapped(function, first[key], *(other[key] for other in others)) for key in first}
        try:
            return parts if kind is dict else kind(parts)  # type: ignore[call-arg]
        except TypeError:  # a mapping that is made otherwise
            return parts
    if isinstance(first, list | tuple):
        found = [mapped(function, *parts) for parts in zip(first, *others, strict=True)]
        return kind(*found) if hasattr(kind, "_fields") else kind(found)  # a named tuple takes its parts
    return first


def leaves(outputs: Any) -> list[Tensor]:
    """The tensors, in order."""
    found: list[Tensor] = []
    mapped(found.append, outputs)
    return found


def parted(outputs: Any) -> tuple[Any, tuple[Tensor, ...]]:
    """The arrangement of outputs, which holds empty tensors, and the tensors.

    Raises:
        TypeError: for what holds others than tensors, and tuples, lists, dicts and dataclasses of them.
    """
    tensors = leaves(outputs)
    if not tensors:
        raise TypeError(f"a model must put out tensors, not {type(outputs).__name__}")
    return mapped(lambda tensor: PLACE, outputs), tuple(tensors)


def put_together(arrangement: Any, tensors: Iterable[Tensor]) -> Any:
    """`tensors` in the places of an arrangement; `parted` gives them back."""
    following = iter(tensors)
    return mapped(lambda place: next(following), arrangement)


def copied(outputs: Any) -> Any:
    """A copy of each tensor."""
    return mapped(lambda tensor: tensor.clone(), outputs)


def joined(parts: Sequence[Any], axis: int = 0) -> Any:
    """Outputs for batches of rows, one after another along `axis`, as outputs for all of them."""
    if len(parts) == 1:
        return parts[0]
    return mapped(lambda *tensors: torch.cat(tensors, axis), *parts)


def first_tensor(outputs: Any) -> Tensor:
    """The first tensor there is.

    Raises:
        ModelError: if there is none.
    """
    for tensor in leaves(outputs):
        return tensor
    raise ModelError(f"a model must put out tensors, not {type(outputs).__name__}")


def suits(task: str, output: Any, target: Any, classes: int) -> bool:
    """Whether scores of a task can be computed of outputs and targets, as far as their shapes tell.

    `classes`: how many there are, if any; outputs may be more, of which some never occur, but scores of two
    classes are of two outputs. The largest of fewer outputs would be taken for a class that it is not.
    """
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return False
    if task == "regression":
        return output.numel() == target.numel() and output.is_floating_point() and target.is_floating_point()
    if output.shape[:-1] != target.shape or not output.is_floating_point():
        return False
    more = output.shape[-1] > classes and (classes > 2 or task == "sequence")
    return output.shape[-1] == classes or more
