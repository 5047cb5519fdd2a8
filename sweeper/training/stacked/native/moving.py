"""Operations that move numbers: copies, joined tensors, gradients of parts."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from sweeper.training.stacked.native.ir import Kind
from sweeper.training.stacked.native.operation import Operation
from sweeper.training.stacked.native.views import Place, View, contiguous, each, without
from sweeper.training.stacked.recording import Call, storage_of
from sweeper.training.stacked.refusal import NotCompiled


def fill(op: Operation, view: View, value: float) -> None:
    """view ← one value"""
    code = op.code
    each(
        code,
        [view],
        op.lanes(view.element),
        lambda places, width: places[0].store(code, code.like(value, Kind(view.element, width))),
    )


def copy(op: Operation, source: View, target: View) -> None:
    """The numbers of `source`, in the type of `target`: torch joins tensors of several types."""
    code = op.code

    def moved(places: list[Place], width: int) -> None:
        value = places[1].load(code, width).converted(target.element)
        places[0].store(code, code.spread(value, width))

    each(code, [target, source], op.lanes(target.element), moved)


def scratch(op: Operation, sizes: Sequence[int], element: str, begin: int = 0) -> View:
    """An array in scratch memory, `begin` elements behind its start."""
    view = View("", 0, tuple(sizes), contiguous(sizes), element)
    room = op.room(begin + math.prod(sizes), view.in_memory)
    return replace(view, base=op.code.address(room, begin, view.in_memory))


def join(op: Operation, call: Call) -> None:
    """cat along an axis; a part that lies there already is left alone, but not where it comes again."""
    parts, target = call.arguments[0], op.view(call.results[0])
    axis = (call.arguments[1] if len(call.arguments) > 1 else 0) % len(target.sizes)
    start, there = 0, {*op.in_place}
    for part in parts:
        if not part.numel():
            continue
        if storage_of(part) in there:
            there.remove(storage_of(part))
            start += part.shape[axis]
            continue
        source = op.view(part)
        sizes = (*target.sizes[:axis], source.sizes[axis], *target.sizes[axis + 1 :])
        offset = target.offset + start * target.strides[axis]
        copy(op, source, replace(target, sizes=sizes, offset=offset))
        start += source.sizes[axis]


def pile(op: Operation, call: Call) -> None:
    """stack along a new axis."""
    parts, target = call.arguments[0], op.view(call.results[0])
    axis = (call.arguments[1] if len(call.arguments) > 1 else 0) % len(target.sizes)
    for k, part in enumerate(parts):
        copy(
            op,
            op.view(part),
            replace(without(target, axis), offset=target.offset + k * target.strides[axis]),
        )


def pad(op: Operation, call: Call) -> None:
    """constant_pad_nd: one value around the numbers, the last axis first; below 0 they are cut."""
    x, widths = op.view(call.arguments[0]), call.arguments[1]
    value = float(call.arguments[2]) if len(call.arguments) > 2 else 0.0
    target, source = op.view(call.results[0]), x
    if any(width > 0 for width in widths):
        fill(op, target, value)
    inner = target
    for k, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        axis = len(x.sizes) - 1 - k
        length = x.sizes[axis] + min(before, 0) + min(after, 0)
        if length <= 0:
            return
        source = stretch(source, axis, max(-before, 0), length)
        inner = stretch(inner, axis, max(before, 0), length)
    copy(op, source, inner)


def stretch(view: View, axis: int, start: int, length: int, step: int = 1) -> View:
    """Its part of so many places along an axis, every `step`th from `start` on; −1 goes back."""
    sizes, strides = list(view.sizes), list(view.strides)
    offset = view.offset + start * strides[axis]
    sizes[axis], strides[axis] = length, strides[axis] * step
    return replace(view, sizes=tuple(sizes), strides=tuple(strides), offset=offset)


def repeat(op: Operation, call: Call) -> None:
    """The numbers again and again along each axis; axes in front may be new."""
    x, target = op.view(call.arguments[0]), op.view(call.results[0])
    new = len(target.sizes) - len(x.sizes)
    sizes, source, into = list[int](), list[int](), list[int]()
    for axis, times in enumerate(call.arguments[1]):
        own = x.sizes[axis - new] if axis >= new else 1
        sizes += [times, own]
        source += [0, x.strides[axis - new] if axis >= new else 0]
        into += [own * target.strides[axis], target.strides[axis]]
    copy(
        op,
        replace(x, sizes=tuple(sizes), strides=tuple(source)),
        replace(target, sizes=tuple(sizes), strides=tuple(into)),
    )


def roll(op: Operation, call: Call) -> None:
    """The numbers moved on along axes, those at the end to the front."""
    x, target, shifts = op.view(call.arguments[0]), op.view(call.results[0]), call.arguments[1]
    axes = call.arguments[2] if len(call.arguments) > 2 else ()
    if not axes:
        raise NotCompiled("a roll of all numbers in one line")
    ways = [(axis % len(x.sizes), shift % x.sizes[axis]) for axis, shift in zip(axes, shifts, strict=True)]
    if len({axis for axis, _ in ways}) < len(ways):
        raise NotCompiled("a roll along one axis twice")
    for turned in product((False, True), repeat=len(ways)):
        source, into = x, target
        for end, (axis, shift) in zip(turned, ways, strict=True):
            whole = x.sizes[axis]
            first, length = (whole - shift, shift) if end else (0, whole - shift)
            if not length:
                break
            source = stretch(source, axis, first, length)
            into = stretch(into, axis, 0 if end else shift, length)
        else:
            copy(op, source, into)


def select_backward(op: Operation, call: Call) -> None:
    """g, sizes, axis, index → zeros, but g at that index"""
    g, sizes, axis, index = call.arguments
    axis %= len(sizes)
    target = op.view(call.results[0])
    fill(op, target, 0.0)
    part = replace(without(target, axis), offset=target.offset + index % sizes[axis] * target.strides[axis])
    copy(op, op.view(g), part)


def slice_backward(op: Operation, call: Call) -> None:
    """g, sizes, axis, start, end, step → zeros, but g at that part"""
    g, sizes, axis, start, end, step = call.arguments
    axis %= len(sizes)
    start, _, step = slice(start, end, step).indices(sizes[axis])
    if not g.shape[axis]:
        raise NotCompiled("no translation of an empty part")
    target = op.view(call.results[0])
    fill(op, target, 0.0)
    strides = tuple(s * step if a == axis else s for a, s in enumerate(target.strides))
    part = replace(
        target, sizes=tuple(g.shape), strides=strides, offset=target.offset + start * target.strides[axis]
    )
    copy(op, op.view(g), part)
