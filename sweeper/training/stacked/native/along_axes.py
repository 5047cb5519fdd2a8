"""Operations that take the numbers along some axes together, from their recorded calls."""

import math
from collections.abc import Callable

from sweeper.training.stacked.native import moving, normalization
from sweeper.training.stacked.native.operation import Emit, Operation
from sweeper.training.stacked.native.pointwise import name_of
from sweeper.training.stacked.native.reductions import NORMS, Reduction, reduce
from sweeper.training.stacked.native.views import View, without
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotCompiled


def reduction(how: Callable[[Call, int], Reduction]) -> Emit:
    """What `how` makes of a call and of how many numbers go into one."""

    def emit_it(op: Operation, call: Call) -> None:
        source, target, axes = _along_axes(op, call)
        if source.element != target.element:  # torch converts each number first
            given, source = source, moving.scratch(op, source.sizes, target.element)
            moving.copy(op, given, source)
        folded = how(call, math.prod(source.sizes[a] for a in axes))
        if math.isinf(folded.start) and source.element not in ("float", "double"):
            raise NotCompiled("the largest of whole numbers")
        reduce(op.code, op.lanes(source.element), source, target, axes, folded)

    return emit_it


def _axes(call: Call, count: int) -> tuple[list[int], bool]:
    rest = list(call.arguments[1:])
    if name_of(call.operation) == "linalg_vector_norm":
        rest = rest[1:] if rest else []
    found = rest[0] if rest else call.options.get("dim")
    keep = bool(rest[1] if len(rest) > 1 else call.options.get("keepdim", False))
    if not isinstance(found, list | tuple):
        found = [] if found is None else [found]
    return sorted({a % count for a in found}) or list(range(count)), keep


def _along_axes(op: Operation, call: Call) -> tuple[View, View, list[int]]:
    """Source, target without the axes that go, and these."""
    source, target = op.view(call.arguments[0]), op.view(call.results[0])
    axes, keep = _axes(call, len(source.sizes))
    return source, without(target, *axes) if keep else target, axes


def deviation(*, root: bool) -> Emit:
    """std with the `root`, else var"""

    def emit_it(op: Operation, call: Call) -> None:
        correction = call.options.get("correction")
        less = 1.0 if correction is None else float(correction)
        normalization.deviation(op, *_along_axes(op, call), less, root=root)

    return emit_it


def log_sum_exp(op: Operation, call: Call) -> None:
    """logsumexp"""
    normalization.log_sum_exp(op, *_along_axes(op, call))


def norm(call: Call, count: int) -> Reduction:
    """linalg_vector_norm of order 1 or 2"""
    order = call.arguments[1] if len(call.arguments) > 1 else 2
    if order not in NORMS:
        raise NotCompiled("a norm that is neither that of absolute values nor that of squares")
    return NORMS[order]
