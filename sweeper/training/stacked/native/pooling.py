"""Pooling over windows, forward and backward."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product as combinations

from sweeper.training.stacked.native import moving
from sweeper.training.stacked.native.convolution import Window
from sweeper.training.stacked.native.ir import Code, Kind, Number
from sweeper.training.stacked.native.operation import Operation, mapped
from sweeper.training.stacked.native.reductions import add
from sweeper.training.stacked.native.views import Place, View, along
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotCompiled


def max_pool(op: Operation, call: Call) -> None:
    """x, kernel, stride, padding, dilation, … → the largest numbers, and where they lie in their plane"""
    source = op.view(call.arguments[0])
    target, where = (_planes(op.view(t)) for t in call.results)
    code, window, planes = op.code, _window(call.arguments[1:5]), _planes(source)
    if all(s.sizes == target.sizes for _, _, s in window.parts(planes, target)):
        _max_inside(op, window, planes, target, where)
        return
    height, width = planes.sizes[1:]
    with _each_place(code, target) as (plane, row, column):
        best = code.like(float("-inf"), Kind(target.element))
        found = code.whole(-1)
        base = _address(planes, op, plane, 0, 0)
        for a, b in combinations(*(range(k) for k in window.kernel)):
            y = row * window.stride[0] + (a * window.dilation[0] - window.padding[0])
            x = column * window.stride[1] + (b * window.dilation[1] - window.padding[1])
            inside = _below(y, height) & _below(x, width)
            spot = inside.where(y * planes.strides[1] + x * planes.strides[2], 0)
            value = code.load(code.address(base, spot, planes.in_memory), Kind(planes.element))
            first = found.compare("lt", 0)
            better = inside & (first | value.compare("gt", best) | value.compare("ne", value))
            best, found = better.where(value, best), better.where(y * width + x, found)
        code.store(best, _address(target, op, plane, row, column))
        code.store(found, _address(where, op, plane, row, column))


def _max_inside(op: Operation, window: Window, planes: View, target: View, where: View) -> None:
    """No window reaches beyond the edge: neighbouring ones side by side."""
    code, width = op.code, planes.sizes[2]
    parts = [
        (a * window.dilation[0] * width + b * window.dilation[1], seen)
        for (a, b), seen, _ in window.parts(planes, target)
    ]
    down, right = window.stride
    with code.loop(target.sizes[0]) as plane, code.loop(target.sizes[1]) as row:

        def here(view: View, column: Number) -> Place:
            start = _address(view, op, plane.index, row.index, 0)
            return Place(view, start, view.strides[2], column)

        def body(column: Number, lanes: int) -> None:
            values = [code.spread(here(seen, column).load(code, lanes), lanes) for _, seen in parts]
            best, found = values[0], code.like(parts[0][0], Kind("i64", lanes))
            for value, (shift, _) in zip(values[1:], parts[1:], strict=True):
                better = value.compare("gt", best) | value.compare("ne", value)
                best, found = better.where(value, best), better.where(shift, found)
            first = code.spread(row.index * (down * width) + column * right, lanes)
            here(target, column).store(code, best)
            here(where, column).store(code, found + first + code.counting(right, lanes))

        along(code, target.sizes[2], op.lanes(target.element), body)


def max_pool_backward(op: Operation, call: Call) -> None:
    """g, x, …, where → gradient of x"""
    grown, where = (_planes(op.view(t)) for t in (call.arguments[0], call.arguments[-1]))
    target, code = op.view(call.results[0]), op.code
    moving.fill(op, target, 0.0)
    planes = _planes(target)
    width = planes.sizes[2]
    down, right = planes.strides[1:]
    if (right != 1 and width > 1) or (down != width and planes.sizes[1] > 1):
        raise NotCompiled("no translation of pooling over other layouts")
    with _each_place(code, grown) as at:
        value = code.load(_address(grown, op, *at), Kind(grown.element))
        index = code.load(_address(where, op, *at), Kind("i64"))
        spot = code.address(_address(planes, op, at[0], 0, 0), index, planes.in_memory)
        code.store(code.load(spot, Kind(planes.element)) + value, spot)


@contextmanager
def _each_place(code: Code, planes: View) -> Iterator[tuple[Number, Number, Number]]:
    """(plane, row, column), one after the other"""
    count, rows, columns = planes.sizes
    with code.loop(count) as plane, code.loop(rows) as row, code.loop(columns) as column:
        yield plane.index, row.index, column.index


def average_pool(op: Operation, call: Call) -> None:
    """x, kernel, stride, padding, … → means of windows"""
    window = _average_window(call.arguments[1:])
    source, target = _planes(op.view(call.arguments[0])), _planes(op.view(call.results[0]))
    parts = [(seen, kept) for _, seen, kept in window.parts(source, target)]
    if any(kept.sizes != target.sizes for _, kept in parts):
        raise NotCompiled("no translation of average pooling beyond the edge")
    count = math.prod(window.kernel)
    moving.copy(op, parts[0][0], target)
    for seen, _ in parts[1:]:
        mapped(op, target, [target, seen], add)
    mapped(op, target, [target], lambda x: x / count)


def average_pool_backward(op: Operation, call: Call) -> None:
    """g, x, kernel, stride, padding, … → gradient of x"""
    window = _average_window(call.arguments[2:])
    grown, whole = _planes(op.view(call.arguments[0])), op.view(call.results[0])
    moving.fill(op, whole, 0.0)
    target, count = _planes(whole), math.prod(window.kernel)
    for _, seen, kept in window.parts(target, grown):
        mapped(op, seen, [seen, kept], lambda x, g: x + g / count)


def _average_window(arguments: Sequence[object]) -> Window:
    kernel, stride, padding, ceil, _, divisor = (*arguments, *[None] * 6)[:6]
    if ceil or divisor is not None or (padding and any(_two(padding))):
        raise NotCompiled("no translation of average pooling beyond the edge")
    return _window((kernel, stride, [0, 0], [1, 1]))


def _window(arguments: Sequence[object]) -> Window:
    kernel, stride, padding, dilation = (_two(v) if v else None for v in (*arguments, *[None] * 4)[:4])
    if kernel is None:
        raise NotCompiled("no translation of pooling without a kernel")
    return Window(kernel, stride or kernel, padding or [0, 0], dilation or [1, 1])


def _two(value: object) -> list[int]:
    numbers = [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)]  # type: ignore[call-overload]
    return numbers * 2 if len(numbers) == 1 else numbers


def _planes(view: View) -> View:
    """(samples · channels, rows, columns); samples and channels must lie evenly."""
    sizes, strides = view.sizes, view.strides
    if len(sizes) == 3:
        return view
    if len(sizes) != 4 or (min(sizes[:2]) > 1 and strides[0] != sizes[1] * strides[1]):
        raise NotCompiled("no translation of pooling over other layouts")
    step = strides[1] if sizes[1] > 1 else strides[0]
    return replace(view, sizes=(sizes[0] * sizes[1], *sizes[2:]), strides=(step, *strides[2:]))


def _address(view: View, op: Operation, *index: Number | int) -> str:
    code, spot = op.code, view.start(op.code)
    for at, stride in zip(index, view.strides, strict=True):
        if stride and not (isinstance(at, int) and at == 0):
            spot = code.address(spot, at * stride, view.in_memory)
    return spot


def _below(number: Number, size: int) -> Number:
    """0 ≤ number < size"""
    return number.code.value(f"icmp ult i64 {number.text}, {size}", Kind("i1"))
