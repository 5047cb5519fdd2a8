"""Targets as the data set of the user gives them, for code of the user: its own shape, type and numbers.

Inside, targets are class numbers 0 … k − 1 of shape (n,), or numbers (n, columns). A loss that was written
for a loader expects what the loader gives: (n,) numbers, labels 1 … 5, truth values, pictures.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class TargetForm:
    """What one target looked like when it came."""

    shape: tuple[int, ...]
    """Without the axis of the rows."""
    boolean: bool = False
    labels: tuple[int, ...] = ()
    """The whole numbers that classes 0 … k − 1 stand for; empty where these are the same."""

    def __call__(self, target: Tensor) -> Tensor:
        """(n, …) as inside -> (n, \\*shape) as it came."""
        if self.labels:
            target = torch.tensor(self.labels, device=target.device)[target]
        if self.boolean:
            target = target.bool()
        if tuple(target.shape[1:]) == self.shape:
            return target
        return target.reshape(target.shape[0], *self.shape)

    def is_identity(self, shape: tuple[int, ...]) -> bool:
        """Whether targets of this shape inside, without the axis of the rows, are as they came."""
        return shape == self.shape and not self.boolean and not self.labels

    def code(self) -> str:
        """A function `as_given` that does the same, for scripts."""
        value = (
            f"torch.tensor({list(self.labels)}, device=target.device)[target]" if self.labels else "target"
        )
        value += ".bool()" if self.boolean else ""
        shape = "".join(f", {size}" for size in self.shape)
        return (
            "def as_given(target):\n"
            '    """Targets in the shape and type in which the data set gives them."""\n'
            f"    return {value}.reshape(len(target){shape})"
        )


def form_of(came: np.ndarray, inside: np.ndarray, is_classes: bool, counted: bool) -> TargetForm:
    """The form of targets that `came` and are `inside` so; `counted`: classes are 0 … k − 1 as they are."""
    labels: tuple[int, ...] = ()
    if is_classes and not counted and came.dtype.kind in "iu" and inside.ndim == 1:
        numbers = tuple(int(number) for number in np.unique(came))
        labels = () if numbers == tuple(range(len(numbers))) else numbers
    return TargetForm(tuple(came.shape[1:]), came.dtype.kind == "b", labels)
