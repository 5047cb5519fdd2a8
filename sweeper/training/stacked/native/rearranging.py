"""Operations that lay numbers out anew by their place: triangles of matrices, channels that become pixels,
reflected edges.

A reflected edge is copied part by part, each with turned strides; its gradient is added up the same way.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.moving import copy, fill, stretch
from sweeper.training.stacked.native.operation import Operation, mapped
from sweeper.training.stacked.native.reductions import add
from sweeper.training.stacked.native.views import Place, View, along, each, only
from sweeper.training.stacked.recording import Call


def triangle(*, lower: bool) -> Callable[[Operation, Call], None]:
    """tril or triu: 0 beyond the diagonal that the second argument names."""

    def emit_it(op: Operation, call: Call) -> None:
        diagonal = int(call.arguments[1]) if len(call.arguments) > 1 else int(call.options.get("diagonal", 0))
        source, target = op.view(call.arguments[0]), op.view(call.results[0])
        code, front = op.code, range(len(source.sizes) - 2)
        rows, columns = source.sizes[-2:]

        def matrix(places: list[Place], width: int) -> None:
            starts = [one.address(code) for one in places]
            with code.loop(rows) as loop:
                bound = loop.index + (diagonal + 1 if lower else diagonal)
                inner = [
                    code.address(start, loop.index * view.strides[-2], view.in_memory)
                    for start, view in zip(starts, (target, source), strict=True)
                ]

                def row(at: Number, lanes: int) -> None:
                    to, value = (
                        Place(view, start, view.strides[-1], at)
                        for view, start in zip((target, source), inner, strict=True)
                    )
                    column = code.spread(at, lanes) + code.counting(1, lanes)
                    kept = column.compare("lt" if lower else "ge", code.spread(bound, lanes))
                    to.store(code, kept.where(code.spread(value.load(code, lanes), lanes), 0.0))

                along(code, columns, op.lanes(source.element), row)

        each(code, [only(view, list(front)) for view in (target, source)], 1, matrix)

    return emit_it


def pixel_shuffle(op: Operation, call: Call) -> None:
    """(…, channels·r², height, width) → (…, channels, height·r, width·r)"""
    few, many = op.view(call.arguments[0]), op.view(call.results[0])
    copy(op, *_shuffled(few, many, call.arguments[1]))


def pixel_unshuffle(op: Operation, call: Call) -> None:
    """(…, channels, height·r, width·r) → (…, channels·r², height, width)"""
    many, few = op.view(call.arguments[0]), op.view(call.results[0])
    few, many = _shuffled(few, many, call.arguments[1])
    copy(op, many, few)


def _shuffled(few: View, many: View, r: int) -> tuple[View, View]:
    """Both as (…, channels, r, r, height, width)."""
    (*front, channels, height, width), (*before, c, h, w) = few.sizes, few.strides
    sizes = (*front, channels // r**2, r, r, height, width)
    *ahead, mc, mh, mw = many.strides
    one = replace(few, sizes=sizes, strides=(*before, c * r**2, c * r, c, h, w))
    return one, replace(many, sizes=sizes, strides=(*ahead, mc, mh, mw, mh * r, mw * r))


def reflect(op: Operation, call: Call) -> None:
    """reflection_pad: beyond an edge the numbers come again, the last one left out."""
    source, target = op.view(call.arguments[0]), op.view(call.results[0])
    for part, into in _reflected(source, target, call.arguments[1]):
        copy(op, part, into)


def reflect_backward(op: Operation, call: Call) -> None:
    """g, x, widths → gradient of x"""
    g, _, widths = call.arguments
    target = op.view(call.results[0])
    fill(op, target, 0.0)
    for part, into in _reflected(target, op.view(g), widths):
        mapped(op, part, [part, into], add)


def _reflected(inner: View, outer: View, widths: Sequence[int]) -> Iterator[tuple[View, View]]:
    """Parts of `inner` and where they lie in `outer`; `widths` before and after, the last axis first."""
    axes = [len(inner.sizes) - 1 - k for k in range(len(widths) // 2)]
    for chosen in product(("before", "within", "after"), repeat=len(axes)):
        part, into = inner, outer
        for axis, where, before, after in zip(axes, chosen, widths[::2], widths[1::2], strict=True):
            length = inner.sizes[axis]
            many = {"before": before, "within": length, "after": after}[where]
            if not many:
                break
            # from where in the numbers, in which direction, and to where
            start, step, to = {
                "before": (before, -1, 0),
                "within": (0, 1, before),
                "after": (length - 2, -1, before + length),
            }[where]
            part = stretch(part, axis, start, many, step)
            into = stretch(into, axis, to, many)
        else:
            yield part, into
