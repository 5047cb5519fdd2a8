"""What a model's last operation lets it put out, read off the autograd graph, against what the loss needs."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from sweeper.components.losses import Loss
from sweeper.components.operations import tensors_in
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
_NONE = torch.zeros(())
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


def adds_input(output: Any) -> bool:
    """Whether somewhere on the way to `output` f(x) is added to x, where f has weight matrices.

    A first block that adds to the rows themselves is not seen: they have no gradient.
    """
    nodes = _before([tensor.grad_fn for tensor in tensors_in(output)])
    sums = [node for node in nodes if node.name().startswith("AddBackward")]
    parts = [[part for part, _ in node.next_functions if part is not None] for node in sums]
    return any(_is_made_of(b, a) or _is_made_of(a, b) for a, b in (pair for pair in parts if len(pair) == 2))


def _is_made_of(later: Any, earlier: Any) -> bool:
    """Whether `later` comes from `earlier` through a weight matrix."""
    before = _before([later])
    if earlier not in before or later is earlier:
        return False
    between = before - _before([earlier])
    return any(getattr(node, "variable", _NONE).ndim >= 2 for node in between)


def _before(nodes: Iterable[Any]) -> set[Any]:
    """The nodes of the autograd graph that `nodes` came from, themselves included."""
    found, waiting = set[Any](), [node for node in nodes if node is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [inner for inner, _ in node.next_functions if inner is not None]
    return found


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
