"""How each recorded operation becomes code.

To add one, write its function and add a line to `OPERATIONS`; a pointwise one needs a line in formulas.py.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from sweeper.training.stacked.native import mathematics as m
from sweeper.training.stacked.native.ir import Kind
from sweeper.training.stacked.native.operation import Operation
from sweeper.training.stacked.native.pointwise import is_pointwise, name_of, of_nothing, value_of, values_of
from sweeper.training.stacked.native.products import product
from sweeper.training.stacked.native.reductions import LARGEST, NORMS, Reduction, fold_and_map, reduce, sums
from sweeper.training.stacked.native.views import Place, View, each
from sweeper.training.stacked.recording import Call, storage_of, tensors
from sweeper.training.stacked.refusal import NotCompiled

Emit = Callable[[Operation, Call], None]


def emit(place: Operation, call: Call) -> None:
    """Write the code of one call.

    Raises:
        NotCompiled: if there is none.
    """
    name = name_of(call.operation)
    if not all(t.numel() for t in (*call.inputs, *call.results)):
        raise NotCompiled(f"{name} of an empty tensor")
    if name in OPERATIONS:
        OPERATIONS[name](place, call)
    elif of_nothing(call):
        _fill(place, call)
    elif is_pointwise(call):
        _pointwise(place, call)
    else:
        raise NotCompiled(f"no translation of the operation {name}")


def _pointwise(place: Operation, call: Call) -> None:
    targets = [place.view(t) for t in call.results]
    given = {id(t): t for t in tensors(call.arguments)}
    if call.written:
        given |= {id(t): t for t in call.written}
    sizes = targets[0].sizes
    views = [*targets, *(place.view(t).broadcast(sizes) for t in given.values())]
    code, lanes = place.code, place.lanes(targets[0].element)

    def body(places: list[Place], width: int) -> None:
        at = dict(zip(given, places[len(targets) :], strict=True))
        values = values_of(call, lambda tensor: at[id(tensor)].load(code, width))
        for target, value in zip(places, values, strict=False):
            target.store(code, code.spread(value.converted(target.view.element), width))

    each(code, views, lanes, body)


def _fill(place: Operation, call: Call) -> None:
    view, code, value = place.view(call.results[0]), place.code, value_of(call)
    each(
        code,
        [view],
        place.lanes(view.element),
        lambda places, width: places[0].store(code, code.like(value, Kind(view.element, width))),
    )


def _copy(place: Operation, source: View, target: View) -> None:
    code = place.code
    each(
        code,
        [target, source],
        place.lanes(target.element),
        lambda places, width: places[0].store(code, code.spread(places[1].load(code, width), width)),
    )


def _join(place: Operation, call: Call) -> None:
    """cat along an axis."""
    parts, target = call.arguments[0], place.view(call.results[0])
    axis = (call.arguments[1] if len(call.arguments) > 1 else 0) % len(target.sizes)
    start = 0
    for part in parts:
        source = place.view(part)
        sizes = (*target.sizes[:axis], source.sizes[axis], *target.sizes[axis + 1 :])
        offset = target.offset + start * target.strides[axis]
        _copy(place, source, replace(target, sizes=sizes, offset=offset))
        start += source.sizes[axis]


def _pile(place: Operation, call: Call) -> None:
    """stack along a new axis."""
    parts, target = call.arguments[0], place.view(call.results[0])
    axis = (call.arguments[1] if len(call.arguments) > 1 else 0) % len(target.sizes)
    for k, part in enumerate(parts):
        _copy(
            place,
            place.view(part),
            replace(_without(target, axis), offset=target.offset + k * target.strides[axis]),
        )


def _without(view: View, axis: int) -> View:
    return replace(
        view,
        sizes=view.sizes[:axis] + view.sizes[axis + 1 :],
        strides=view.strides[:axis] + view.strides[axis + 1 :],
    )


def _product(place: Operation, a: Tensor, b: Tensor, target: Tensor, first: Tensor | None) -> None:
    views = [place.view(t) for t in (a, b, target)]
    start = place.view(first).broadcast(views[2].sizes) if first is not None else None
    for where in (storage_of(a), storage_of(b)):
        if where == storage_of(target):
            raise NotCompiled("a product into its own factor")
    if views[0].element not in ("float", "double"):
        raise NotCompiled("a product of whole numbers")
    room = place.room(max(t.numel() for t in (a, b)), views[0].element)
    while len(views[2].sizes) > 2:
        if views[2].sizes[0] != 1:
            raise NotCompiled("several products at once")
        views = [_without(view, 0) for view in views]
        start = _without(start, 0) if start is not None else None
    left, right, result = views
    product(place.code, place.machine, left, right, result, start, room)


def _multiply(place: Operation, call: Call) -> None:
    a, b = call.arguments
    _product(place, a, b, call.results[0], None)


def _multiply_add(place: Operation, call: Call) -> None:
    if any(call.options.get(name, 1) != 1 for name in ("alpha", "beta")) or len(call.arguments) > 3:
        raise NotCompiled("products with factors")
    first, a, b = call.arguments
    _product(place, a, b, call.results[0], first)


def _reduction(how: Callable[[Call, int], Reduction]) -> Emit:
    def emit_it(place: Operation, call: Call) -> None:
        source, target = place.view(call.arguments[0]), place.view(call.results[0])
        if source.element != target.element or call.options.get("dtype") not in (None, call.results[0].dtype):
            raise NotCompiled(f"{name_of(call.operation)} into another type")
        axes, keep = _axes(call, len(source.sizes))
        if keep:
            for axis in sorted(axes, reverse=True):
                target = _without(target, axis)
        count = math.prod(source.sizes[a] for a in axes)
        reduce(place.code, place.lanes(source.element), source, target, axes, how(call, count))

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


def _norm(call: Call, count: int) -> Reduction:
    order = call.arguments[1] if len(call.arguments) > 1 else 2
    if order not in NORMS:
        raise NotCompiled("a norm that is neither that of absolute values nor that of squares")
    return NORMS[order]


def _log_softmax(place: Operation, call: Call) -> None:
    x, axis, _ = call.arguments
    _softmax_like(
        place,
        [call.results[0], x],
        axis,
        [(LARGEST, lambda v, f: v[0]), (sums(), lambda v, f: m.exp(v[0] - f[0]))],
        lambda v, f: v[0] - f[0] - m.log(f[1]),
    )


def _softmax(place: Operation, call: Call) -> None:
    x, axis, _ = call.arguments
    _softmax_like(
        place,
        [call.results[0], x],
        axis,
        [(LARGEST, lambda v, f: v[0]), (sums(), lambda v, f: m.exp(v[0] - f[0]))],
        lambda v, f: m.exp(v[0] - f[0]) / f[1],
    )


def _log_softmax_backward(place: Operation, call: Call) -> None:
    g, y, axis = call.arguments[:3]
    _softmax_like(
        place,
        [call.results[0], g, y],
        axis,
        [(sums(), lambda v, f: v[0])],
        lambda v, f: v[0] - m.exp(v[1]) * f[0],
    )


def _softmax_backward(place: Operation, call: Call) -> None:
    g, y, axis = call.arguments[:3]
    _softmax_like(
        place,
        [call.results[0], g, y],
        axis,
        [(sums(), lambda v, f: v[0] * v[1])],
        lambda v, f: (v[0] - f[0]) * v[1],
    )


def _softmax_like(place: Operation, given: Sequence[Tensor], axis: int, folds: Any, result: Any) -> None:
    views = [place.view(t) for t in given]
    fold_and_map(place.code, place.lanes(views[0].element), views, axis, folds, result)


def _gather(place: Operation, call: Call) -> None:
    x, axis, index = call.arguments[:3]
    _indexed(place, x, axis, index, call.results[0], adding=False)


def _scatter_add(place: Operation, call: Call) -> None:
    x, axis, index, source = call.arguments
    if not call.written:
        _copy(place, place.view(x), place.view(call.results[0]))
    _indexed(place, call.results[0], axis, index, source, adding=True)


def _indexed(
    place: Operation, table: Tensor, axis: int, index: Tensor, other: Tensor, *, adding: bool
) -> None:
    """other[i] ← table[index[i]] along an axis, or table[index[i]] += other[i]; wrong ones set the flag."""
    code, whole = place.code, place.view(table)
    axis %= len(whole.sizes)
    length, step = whole.sizes[axis], whole.strides[axis]
    sizes = tuple(index.shape)
    at = replace(
        whole, sizes=sizes, strides=tuple(0 if k == axis else s for k, s in enumerate(whole.strides))
    )
    values, numbers = place.view(other), place.view(index)
    values = replace(values, sizes=sizes)

    def body(places: list[Place], width: int) -> None:
        k = places[1].load(code, 1).converted("i64")
        right = code.value(f"icmp ult i64 {k.text}, {length}", Kind("i1"))
        with code.when(right ^ True):
            code.store(code.whole(1), place.flag)
        k = right.where(k, 0) * step
        spot = replace(places[0], start=code.address(_start(code, places[0]), k, whole.in_memory), stride=0)
        if adding:
            one = Place(spot.view, spot.start, 1, code.whole(0))
            one.store(code, one.load(code, 1) + places[2].load(code, 1))
        else:
            places[2].store(code, spot.load(code, 1))

    each(code, [at, numbers, values], 1, body)


def _start(code: Any, place: Place) -> str:
    return (
        code.address(place.start, place.at * place.stride, place.view.in_memory)
        if place.stride
        else place.start
    )


def _activate(place: Operation, call: Call) -> None:
    z, w, _, site = call.arguments
    _call_site(place, site, False, [z, call.results[0]], w)


def _activate_backward(place: Operation, call: Call) -> None:
    g, z, a, w, _, site = call.arguments
    _call_site(place, site, True, [g, z, a, call.results[0]], w)


def _call_site(
    place: Operation, site: int, backward: bool, given: Sequence[Tensor], w: Sequence[Tensor]
) -> None:
    if w:
        raise NotCompiled("an activation that learns")
    views = [place.view(t) for t in given]
    like, size = views[backward], given[0].numel()
    if 1 + sum((n - 1) * s for n, s in zip(like.sizes, like.strides, strict=True)) != size:
        raise NotCompiled("an activation of a tensor with gaps")
    room, called = place.room(size * len(views), like.element), place.site(site, backward)
    spare = [replace(like, base=room, offset=k * size) for k in range(len(views))]
    used = [v if v.strides == like.strides else other for v, other in zip(views, spare, strict=True)]
    for mine, theirs in zip(views[:-1], used[:-1], strict=True):
        if theirs is not mine:
            _copy(place, mine, theirs)
    starts = [view.start(place.code) for view in used]
    place.code.do(f"call void {called}({', '.join(f'ptr {s}' for s in starts)}, i64 {size})")
    if used[-1] is not views[-1]:
        _copy(place, used[-1], views[-1])


OPERATIONS: Mapping[str, Emit] = {
    "activate": _activate,
    "activate_backward": _activate_backward,
    "amax": _reduction(lambda call, count: LARGEST),
    "baddbmm": _multiply_add,
    "addmm": _multiply_add,
    "bmm": _multiply,
    "mm": _multiply,
    "cat": _join,
    "gather": _gather,
    "linalg_vector_norm": _reduction(_norm),
    "_log_softmax": _log_softmax,
    "_log_softmax_backward_data": _log_softmax_backward,
    "mean": _reduction(lambda call, count: sums(count)),
    "scatter_add": _scatter_add,
    "_softmax": _softmax,
    "_softmax_backward_data": _softmax_backward,
    "stack": _pile,
    "sum": _reduction(lambda call, count: sums()),
}
"""aten operation without overload and underscore -> what writes its code"""
