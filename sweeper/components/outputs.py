"""What models put out: a tensor, or a tuple, list or dict of such, whose first axis is that of the rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from sweeper.errors import ModelError


def mapped(function: Callable[..., Any], first: Any, *others: Any) -> Any:
    """`function` of the tensors at each place of outputs of one arrangement; what is no tensor stays."""
    if isinstance(first, Tensor):
        return function(first, *others)
    if isinstance(first, Mapping):
        return {key: mapped(function, first[key], *(other[key] for other in others)) for key in first}
    if isinstance(first, list | tuple):
        return type_of(first)(mapped(function, *parts) for parts in zip(first, *others, strict=True))
    return first


def type_of(sequence: Sequence[Any]) -> Callable[..., Any]:
    """What makes a sequence of the same kind from an iterator; a named tuple takes its parts one by one."""
    sequence_type = type(sequence)
    return (lambda parts: sequence_type(*parts)) if hasattr(sequence_type, "_fields") else sequence_type


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
    if isinstance(outputs, Tensor):
        return outputs
    parts = outputs.values() if isinstance(outputs, Mapping) else outputs
    for part in parts if isinstance(outputs, Mapping | list | tuple) else ():
        if isinstance(part, Tensor | Mapping | list | tuple):
            return first_tensor(part)
    raise ModelError(f"a model must put out tensors, not {type(outputs).__name__}")


def suits(task: str, output: Any, target: Any) -> bool:
    """Whether scores of a task can be computed of outputs and targets, as far as their shapes tell."""
    if not isinstance(output, Tensor) or not isinstance(target, Tensor):
        return False
    if task == "regression":
        return output.numel() == target.numel() and output.is_floating_point() and target.is_floating_point()
    return output.shape[:-1] == target.shape and output.is_floating_point()
