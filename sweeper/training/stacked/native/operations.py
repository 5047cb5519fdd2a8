"""How each recorded operation becomes code.

To add one, write its function and add a line to `OPERATIONS`; a pointwise one needs a line in formulas.py.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from sweeper.training.stacked.native import (
    along_axes,
    attention,
    convolution,
    indexing,
    moving,
    normalization,
    ordering,
    pooling,
    rearranging,
)
from sweeper.training.stacked.native import mathematics as m
from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.operation import Emit, Operation
from sweeper.training.stacked.native.pointwise import is_pointwise, name_of, of_nothing, value_of, values_of
from sweeper.training.stacked.native.products import narrow_product, product
from sweeper.training.stacked.native.reductions import (
    EVERY,
    LARGEST,
    SMALLEST,
    SOME,
    fold_and_map,
    sums,
)
from sweeper.training.stacked.native.simplify import Unit
from sweeper.training.stacked.native.views import (
    Place,
    View,
    contiguous,
    each,
    element_of,
    part,
    without,
)
from sweeper.training.stacked.recording import Call, storage_of, tensors
from sweeper.training.stacked.refusal import NotCompiled


def emit(op: Operation, unit: Unit) -> None:
    """Write the code of one call, or of several pointwise ones.

    Raises:
        NotCompiled: if there is none.
    """
    call = unit.last
    name = name_of(call.operation)
    if not any(t.numel() for t in unit.results):
        return  # nothing to write
    given = unit.inputs if name != "cat" else ()  # of which parts may be empty
    if not all(t.numel() for t in (*given, *unit.results[:1])):  # batch norm leaves others out
        raise NotCompiled(f"{name} of an empty tensor")
    if name in OPERATIONS:
        OPERATIONS[name](op, call)
    elif of_nothing(call):
        moving.fill(op, op.view(call.results[0]), value_of(call))
    elif is_pointwise(call):
        _pointwise(op, unit)
    else:
        raise NotCompiled(f"no translation of the operation {name}")


def _pointwise(op: Operation, unit: Unit) -> None:
    targets = [op.view(t) for t in unit.results]
    inner = {storage_of(t) for call in unit.calls[:-1] for t in call.results}
    given = {id(t): t for call in unit.calls for t in tensors(call.arguments) if storage_of(t) not in inner}
    if unit.last.written:
        given |= {id(t): t for t in unit.last.written}
    sizes = targets[0].sizes
    views = [*targets, *(op.view(t).broadcast(sizes) for t in given.values())]
    code, lanes = op.code, op.lanes(targets[0].element)

    def body(places: list[Place], width: int) -> None:
        at = dict(zip(given, places[len(targets) :], strict=True))
        made: dict[int, Number] = {}

        def load(tensor: Tensor) -> Number:
            return made[where] if (where := storage_of(tensor)) in made else at[id(tensor)].load(code, width)

        for call in unit.calls[:-1]:
            (result,), (value,) = call.results, values_of(call, load)
            made[storage_of(result)] = value.converted(element_of(result.dtype))
        for target, value in zip(places, values_of(unit.last, load), strict=False):
            target.store(code, code.spread(value.converted(target.view.element), width))

    each(code, views, lanes, body)


def _product(op: Operation, a: Tensor, b: Tensor, target: Tensor, first: Tensor | None) -> None:
    views = [op.view(t) for t in (a, b, target)]
    start = op.view(first).broadcast(views[2].sizes) if first is not None else None
    for where in (storage_of(a), storage_of(b)):
        if where == storage_of(target):
            raise NotCompiled("a product into its own factor")
    if views[0].element not in ("float", "double"):
        raise NotCompiled("a product of whole numbers")
    room = op.room(max(t.numel() for t in (a, b)) + target.numel(), views[0].element)
    _products(op, views, start, room)


def _products(op: Operation, views: Sequence[View], start: View | None, room: str) -> None:
    """One product, or one after the other along the axes in front."""
    if len(views[2].sizes) == 2:
        left, right, result = views
        if start is None:
            narrow_product(op.code, op.machine, left, right, result, room)
        else:
            product(op.code, op.machine, left, right, result, start, room)
        return
    given = [*views, *([start] if start is not None else [])]
    if views[2].sizes[0] == 1:
        inner = [without(view, 0) for view in given]
        _products(op, inner[:3], inner[3] if start is not None else None, room)
        return
    code = op.code
    with code.loop(views[2].sizes[0]) as loop:
        inner = [part(code, view, loop.index) for view in given]
        _products(op, inner[:3], inner[3] if start is not None else None, room)


def _multiply(op: Operation, call: Call) -> None:
    a, b = call.arguments
    _product(op, a, b, call.results[0], None)


def _multiply_add(op: Operation, call: Call) -> None:
    if any(call.options.get(name, 1) != 1 for name in ("alpha", "beta")) or len(call.arguments) > 3:
        raise NotCompiled("products with factors")
    first, a, b = call.arguments
    _product(op, a, b, call.results[0], first)


EXPONENTIALS = [(LARGEST, lambda v, f: v[0]), (sums(), lambda v, f: m.exp(v[0] - f[0]))]
"""The largest number, and the sum of exponentials of the distances to it."""


def _log_softmax(op: Operation, call: Call) -> None:
    x, axis, _ = call.arguments
    largest, (total, exponential) = EXPONENTIALS
    once = replace(total, finish=m.log)  # one logarithm for all classes
    _softmax_like(
        op,
        [call.results[0], x],
        axis,
        [largest, (once, exponential)],
        lambda v, f: v[0] - f[0] - f[1],
    )


def _softmax(op: Operation, call: Call) -> None:
    x, axis, _ = call.arguments
    _softmax_like(
        op,
        [call.results[0], x],
        axis,
        EXPONENTIALS,
        lambda v, f: m.exp(v[0] - f[0]) / f[1],
    )


def _safe_softmax(op: Operation, call: Call) -> None:
    """Softmax, but 0 where all numbers are −∞."""
    x, axis = call.arguments[:2]
    _softmax_like(
        op,
        [call.results[0], x],
        axis,
        EXPONENTIALS,
        lambda v, f: f[0].compare("eq", -math.inf).where(0.0, m.exp(v[0] - f[0]) / f[1]),
    )


def _log_softmax_backward(op: Operation, call: Call) -> None:
    g, y, axis = call.arguments[:3]
    _softmax_like(
        op,
        [call.results[0], g, y],
        axis,
        [(sums(), lambda v, f: v[0])],
        lambda v, f: v[0] - m.exp(v[1]) * f[0],
    )


def _softmax_backward(op: Operation, call: Call) -> None:
    g, y, axis = call.arguments[:3]
    _softmax_like(
        op,
        [call.results[0], g, y],
        axis,
        [(sums(), lambda v, f: v[0] * v[1])],
        lambda v, f: (v[0] - f[0]) * v[1],
    )


def _softmax_like(op: Operation, given: Sequence[Tensor], axis: int, folds: Any, result: Any) -> None:
    views = [op.view(t) for t in given]
    fold_and_map(op.code, op.lanes(views[0].element), views, axis, folds, result)


def _activate(op: Operation, call: Call) -> None:
    z, w, _, site = call.arguments
    _call_site(op, site, False, [z, call.results[0]], w)


def _activate_backward(op: Operation, call: Call) -> None:
    g, z, a, w, _, site = call.arguments
    for gradient in call.results[1:]:
        moving.fill(op, op.view(gradient), 0.0)  # of an activation that learns nothing
    _call_site(op, site, True, [g, z, a, call.results[0]], [*w, *call.results[1:]])


def _call_site(
    op: Operation, site: int, backward: bool, given: Sequence[Tensor], learned: Sequence[Tensor]
) -> None:
    """`learned`: what is learned, then the gradients of that."""
    if any(t.numel() > 1 for t in learned):
        raise NotCompiled("an activation that learns more than single numbers")
    views = [op.view(t) for t in given]
    like, size = views[backward], given[0].numel()
    if 1 + sum((n - 1) * s for n, s in zip(like.sizes, like.strides, strict=True)) != size:  # it has gaps
        like = replace(like, strides=contiguous(like.sizes))
    room, called = op.room(size * len(views), like.element), op.site(site, backward)
    spare = [replace(like, base=room, offset=k * size) for k in range(len(views))]
    used = [v if v.strides == like.strides else other for v, other in zip(views, spare, strict=True)]
    for mine, theirs in zip(views[:-1], used[:-1], strict=True):
        if theirs is not mine:
            moving.copy(op, mine, theirs)
    starts = [view.start(op.code) for view in used]
    single = [op.view(t).start(op.code) for t in learned]
    given_to = ", ".join(f"ptr {s}" for s in (*starts, *single))
    op.code.do(f"call void {called}({given_to}, i64 {size})")
    if used[-1] is not views[-1]:
        moving.copy(op, used[-1], views[-1])


OPERATIONS: Mapping[str, Emit] = {
    "activate": _activate,
    "activate_backward": _activate_backward,
    "all": along_axes.reduction(lambda call, count: EVERY),
    "amax": along_axes.reduction(lambda call, count: LARGEST),
    "amin": along_axes.reduction(lambda call, count: SMALLEST),
    "any": along_axes.reduction(lambda call, count: SOME),
    "argmax": ordering.extreme("gt"),
    "argmin": ordering.extreme("lt"),
    "baddbmm": _multiply_add,
    "addmm": _multiply_add,
    "bmm": _multiply,
    "mm": _multiply,
    "avg_pool2d": pooling.average_pool,
    "avg_pool2d_backward": pooling.average_pool_backward,
    "cat": moving.join,
    "constant_pad_nd": moving.pad,
    "convolution": convolution.convolution,
    "convolution_backward": convolution.convolution_backward,
    "cummax": ordering.running_extreme(ordering.at_least),
    "cummin": ordering.running_extreme(ordering.at_most),
    "cumsum": ordering.running_sum,
    "embedding": indexing.embedding,
    "embedding_dense_backward": indexing.embedding_backward,
    "flip": ordering.flip,
    "gather": indexing.gather,
    "index": indexing.index,
    "index_add": indexing.index_add,
    "index_put": indexing.index_put,
    "index_select": indexing.index_select,
    "linalg_vector_norm": along_axes.reduction(along_axes.norm),
    "logsumexp": along_axes.log_sum_exp,
    "_log_softmax": _log_softmax,
    "_log_softmax_backward_data": _log_softmax_backward,
    "native_batch_norm": normalization.batch_norm,
    "native_batch_norm_backward": normalization.batch_norm_backward,
    "native_layer_norm": normalization.layer_norm,
    "native_layer_norm_backward": normalization.layer_norm_backward,
    "max": ordering.extreme("gt"),
    "min": ordering.extreme("lt"),
    "max_pool2d_with_indices": pooling.max_pool,
    "max_pool2d_with_indices_backward": pooling.max_pool_backward,
    "native_group_norm": normalization.group_norm,
    "native_group_norm_backward": normalization.group_norm_backward,
    "mean": along_axes.reduction(lambda call, count: sums(count)),
    "pixel_shuffle": rearranging.pixel_shuffle,
    "pixel_unshuffle": rearranging.pixel_unshuffle,
    **{f"reflection_pad{k}d": rearranging.reflect for k in (1, 2, 3)},
    **{f"reflection_pad{k}d_backward": rearranging.reflect_backward for k in (1, 2, 3)},
    "repeat": moving.repeat,
    "roll": moving.roll,
    "scatter": indexing.scatter,
    "scatter_add": indexing.scatter_add,
    "select_backward": moving.select_backward,
    "slice_backward": moving.slice_backward,
    "_scaled_dot_product_flash_attention_for_cpu": attention.attention,
    "_scaled_dot_product_flash_attention_for_cpu_backward": attention.attention_backward,
    "_safe_softmax": _safe_softmax,
    "_softmax": _softmax,
    "_softmax_backward_data": _softmax_backward,
    "sort": ordering.sort,
    "stack": moving.pile,
    "std": along_axes.deviation(root=True),
    "sum": along_axes.reduction(lambda call, count: sums()),
    "tril": rearranging.triangle(lower=True),
    "triu": rearranging.triangle(lower=False),
    "var": along_axes.deviation(root=False),
}
"""aten operation without overload and underscore -> what writes its code"""
