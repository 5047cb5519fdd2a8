"""What a model's last operation lets it put out, read off the autograd graph, against what the loss needs."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from sweeper.components.losses import Loss
from sweeper.wording import given, number

RESHAPING = (
    "View",
    "UnsafeView",
    "ReshapeAlias",
    "Squeeze",
    "Unsqueeze",
    "Select",
    "Slice",
    "T",
    "Transpose",
)
SAME_VALUES = (*RESHAPING, "Permute", "Clone", "Expand", "Alias", "ToCopy")
"""Operations that move values and leave them as they are."""
RANGES = {
    "Sigmoid": (0.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
    "Relu": (0.0, math.inf),
    "Softplus": (0.0, math.inf),
    "Exp": (0.0, math.inf),
    "Abs": (0.0, math.inf),
    "Tanh": (-1.0, 1.0),
    "LogSigmoid": (-math.inf, 0.0),
    "LogSoftmax": (-math.inf, 0.0),
}
"""Last operation -> interval that holds all outputs."""
PROBABILITIES = ("Sigmoid", "Hardsigmoid", "Softmax")


def last_operation(output: Any) -> str:
    """Name of the operation that made the values of `output`: ``Sigmoid``, ``Addmm`` …; empty for a leaf.

    Also empty for several outputs, as a tuple or dict.
    """
    node: Any = output.grad_fn if isinstance(output, Tensor) else None
    while node is not None:
        name = node.name().rstrip("0123456789").removesuffix("Backward")
        if name not in SAME_VALUES or not node.next_functions:
            return str(name).lstrip("_")
        node = node.next_functions[0][0]
    return ""


def range_problem(output: Any, loss: Loss, targets: Sequence[Tensor]) -> str:
    """Why a model with this output cannot fit these targets with this loss; empty if it can.

    A loss of the user's own is not judged.
    """
    last = "" if loss.is_users else last_operation(output)
    if last not in RANGES:
        return ""
    low, high = RANGES[last]
    if loss.inside and last in PROBABILITIES:
        return (
            f"ends in {last.lower()}, but loss {loss.name} has {loss.inside} inside and takes logits: leave "
            f"the last operation out, or keep it with training.loss = {loss.expression!r}"
        )
    if loss.task == "binary" and (low >= 0 or high <= 0):
        side = "above" if low >= 0 else "below"
        return (
            f"ends in {last.lower()}, so that all probabilities are {side} one half: loss {loss.name} takes "
            "logits of both signs; use a linear output layer"
        )
    if loss.task != "regression" or loss.outputs > 1:
        return ""
    lowest = min(float(part.min()) for part in targets if part.numel())
    highest = max(float(part.max()) for part in targets if part.numel())
    if low <= lowest and highest <= high:
        return ""
    return (
        f"ends in {last.lower()}, whose outputs are {_in_words(low, high)}, but the targets go from "
        f"{number(lowest, 4)} to {number(highest, 4)}: use a linear output layer, or scale the targets"
    )


def _in_words(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at least {given(low)}"
    return f"at most {given(high)}" if math.isinf(low) else f"from {given(low)} to {given(high)}"
