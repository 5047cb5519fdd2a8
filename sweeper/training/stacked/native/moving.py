"""Operations that move numbers: copies, joined tensors, gradients of parts."""

import math
from collections.abc import Sequence
from dataclasses import replace

from sweeper.training.stacked.native.ir import Kind
from sweeper.training.stacked.native.operation import Operation
from sweeper.training.stacked.native.views import Place, View, contiguous, each, without
from sweeper.training.stacked.recording import Call, storage_of
from sweeper.training.stacked.refusal import NotCompiled


def fill(place: Operation, view: View, value: float) -> None:
    """view ← one value"""
    code = place.code
    each(
        code,
        [view],
        place.lanes(view.element),
        lambda places, width: places[0].store(code, code.like(value, Kind(view.element, width))),
    )


def copy(place: Operation, source: View, target: View) -> None:
    """The numbers of `source`, in the type of `target`: torch joins tensors of several types."""
    code = place.code

    def moved(places: list[Place], width: int) -> None:
        value = places[1].load(code, width).converted(target.element)
        places[0].store(code, code.spread(value, width))

    each(code, [target, source], place.lanes(target.element), moved)


def scratch(place: Operation, sizes: Sequence[int], element: str, begin: int = 0) -> View:
    """An array in scratch memory, `begin` elements behind its start."""
    view = View("", 0, tuple(sizes), contiguous(sizes), element)
    room = place.room(begin + math.prod(sizes), view.in_memory)
    return replace(view, base=place.code.address(room, begin, view.in_memory))


def join(place: Operation, call: Call) -> None:
    """cat along an axis; a part that lies there already is left alone, but not where it comes again."""
    parts, target = call.arguments[0], place.view(call.results[0])
    axis = (call.arguments[1] if len(call.arguments) > 1 else 0) % len(target.sizes)
    start, there = 0, {*place.in_place}
    for part in parts:
        if storage_of(part) in there:
            there.remove(storage_of(part))
            start += part.shape[axis]
            continue
        source = place.view(part)
        sizes = (*target.sizes[:axis], source.sizes[axis], *target.sizes[axis + 1 :])
        offset = target.offset + start * target.strides[axis]
        copy(place, source, replace(target, sizes=sizes, offset=offset))
        start += source.sizes[axis]


def pile(place: Operation, call: Call) -> None:
    """stack along a new axis."""
    parts, target = call.arguments[0], place.view(call.results[0])
    axis = (call.arguments[1] if len(call.arguments) > 1 else 0) % len(target.sizes)
    for k, part in enumerate(parts):
        copy(
            place,
            place.view(part),
            replace(without(target, axis), offset=target.offset + k * target.strides[axis]),
        )


def select_backward(place: Operation, call: Call) -> None:
    """g, sizes, axis, index → zeros, but g at that index"""
    g, sizes, axis, index = call.arguments
    axis %= len(sizes)
    target = place.view(call.results[0])
    fill(place, target, 0.0)
    part = replace(without(target, axis), offset=target.offset + index % sizes[axis] * target.strides[axis])
    copy(place, place.view(g), part)


def slice_backward(place: Operation, call: Call) -> None:
    """g, sizes, axis, start, end, step → zeros, but g at that part"""
    g, sizes, axis, start, end, step = call.arguments
    axis %= len(sizes)
    start, _, step = slice(start, end, step).indices(sizes[axis])
    if not g.shape[axis]:
        raise NotCompiled("no translation of an empty part")
    target = place.view(call.results[0])
    fill(place, target, 0.0)
    strides = tuple(s * step if a == axis else s for a, s in enumerate(target.strides))
    part = replace(
        target, sizes=tuple(g.shape), strides=strides, offset=target.offset + start * target.strides[axis]
    )
    copy(place, place.view(g), part)
