"""Operations by numbers of rows; numbers beyond a table set the flag."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sweeper.training.stacked.native import moving
from sweeper.training.stacked.native.ir import Kind, Number
from sweeper.training.stacked.native.operation import Operation, mapped
from sweeper.training.stacked.native.reductions import add
from sweeper.training.stacked.native.views import Place, View, collapsed, each
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotCompiled


def gather(op: Operation, call: Call) -> None:
    """out[i] = x[index[i]] along an axis, the other coordinates of i kept: ``torch.gather``."""
    x, axis, index = call.arguments[:3]
    _indexed(op, x, axis, index, call.results[0], GET)


def scatter_add(op: Operation, call: Call) -> None:
    """x[index[i]] += source[i] along an axis, the other coordinates of i kept: ``torch.scatter_add``."""
    _scattered(op, call, ADD)


def scatter(op: Operation, call: Call) -> None:
    """x[index[i]] = source[i] along an axis, the other coordinates of i kept: ``torch.scatter``."""
    if call.options:
        raise NotCompiled("a scatter with a reduction")
    _scattered(op, call, PUT)


def _scattered(op: Operation, call: Call, what: str) -> None:
    _, axis, index, source = call.arguments
    _begin_with(op, call)
    _indexed(op, call.results[0], axis, index, source, what)


def _begin_with(op: Operation, call: Call) -> None:
    """The result begins as the first argument, which it is already where that is written to."""
    if not call.written:
        moving.copy(op, op.view(call.arguments[0]), op.view(call.results[0]))


GET, ADD, PUT = "get", "add", "put"


def _indexed(
    op: Operation, table: Tensor, axis: int, index: Tensor, other: Tensor | float, what: str
) -> None:
    """other[i] ← table[index[i]] along an axis (`GET`), or other[i], which may be one value for all, is added
    there (`ADD`) or takes the place (`PUT`); wrong indices set the flag."""
    code, whole = op.code, op.view(table)
    axis %= len(whole.sizes)
    length, step = whole.sizes[axis], whole.strides[axis]
    sizes = tuple(index.shape)
    at = replace(
        whole, sizes=sizes, strides=tuple(0 if k == axis else s for k, s in enumerate(whole.strides))
    )
    numbers = op.view(index)
    values = op.view(other) if isinstance(other, Tensor) else numbers
    values = replace(values, sizes=sizes)

    def body(places: list[Place], width: int) -> None:
        k = places[1].load(code, 1).converted("i64")
        right = _known(op, k, length)
        k = right.where(k, 0) * step
        spot = replace(places[0], start=code.address(places[0].address(code), k, whole.in_memory), stride=0)
        one = Place(spot.view, spot.start, 1, code.whole(0))
        if what == GET:
            places[2].store(code, spot.load(code, 1))
        elif what == ADD:
            one.store(code, one.load(code, 1) + places[2].load(code, 1))
        elif isinstance(other, Tensor):
            one.store(code, places[2].load(code, 1))
        else:
            one.store(code, code.like(other, Kind(whole.element)))

    each(code, [at, numbers, values], 1, body)


def index(op: Operation, call: Call) -> None:
    """x[:, i, j, …]: numbers for neighbouring axes, whose shapes fit each other, take their place."""
    x, numbers = call.arguments
    _picked(op, x, numbers, call.results[0], GET)


def index_put(op: Operation, call: Call) -> None:
    """x, numbers, values → x with ``x[:, i, j, …] = values``, or ``+=``"""
    _, numbers, values, *adds = call.arguments
    _begin_with(op, call)
    adds_up = bool(adds[0] if adds else call.options.get("accumulate", False))
    _picked(op, call.results[0], numbers, values, ADD if adds_up else PUT)


def index_select(op: Operation, call: Call) -> None:
    """x, axis, numbers → the parts of x along the axis that they name"""
    x, axis, numbers = call.arguments
    _picked(op, x, [None] * (axis % x.ndim) + [numbers], call.results[0], GET)


def index_add(op: Operation, call: Call) -> None:
    """x, axis, numbers, source → x with the parts of the source added to those that the numbers name"""
    x, axis, numbers, source = call.arguments
    if call.options.get("alpha", 1) != 1:
        raise NotCompiled("index_add with a factor")
    _begin_with(op, call)
    _picked(op, call.results[0], [None] * (axis % x.ndim) + [numbers], source, ADD)


def _picked(op: Operation, table: Tensor, numbers: Sequence[Tensor | None], other: Tensor, what: str) -> None:
    """As `_indexed`, with `numbers` for axes of the table, ``None`` for one that stays; negative ones count
    from the end."""
    code, whole = op.code, op.view(table)
    known = {axis: one for axis, one in enumerate(numbers) if one is not None}
    first, last = min(known), max(known) + 1
    if len(known) < last - first or any(one.dtype in (torch.bool, torch.uint8) for one in known.values()):
        raise NotCompiled("an index by a mask, or for axes apart from each other")
    shape = torch.broadcast_shapes(*(one.shape for one in known.values()))
    before, after, none = whole.sizes[:first], whole.sizes[last:], (0,) * len(shape)
    sizes = (*before, *shape, *after)
    spots = replace(whole, sizes=sizes, strides=(*whole.strides[:first], *none, *whole.strides[last:]))
    found = [op.view(one).broadcast(shape) for one in known.values()]
    around = [(0,) * len(part) for part in (before, after)]
    found = [replace(v, sizes=sizes, strides=(*around[0], *v.strides, *around[1])) for v in found]
    steps = [(whole.sizes[axis], whole.strides[axis]) for axis in known]

    def body(places: list[Place], width: int) -> None:
        value, spot, *picks = places
        where = code.address(spot.address(code), _offset(op, picks, steps), whole.in_memory)
        there = Place(spot.view, where, spot.stride, code.whole(0))
        if what == GET:
            value.store(code, code.spread(there.load(code, width), width))
        else:
            given = code.spread(value.load(code, width), width)
            there.store(code, code.spread(there.load(code, width), width) + given if what == ADD else given)

    views = [op.view(other).broadcast(sizes), spots, *found]
    side_by_side = not any(strides[-1] for strides in collapsed(views)[1][2:])
    each(code, views, op.lanes(whole.element) if side_by_side else 1, body)


def _offset(op: Operation, picks: Sequence[Place], steps: Sequence[tuple[int, int]]) -> Number:
    """How far from the first element of their axes the elements lie that `picks` name."""
    code = op.code
    offset = code.whole(0)
    for pick, (length, step) in zip(picks, steps, strict=True):
        k = pick.load(code, 1).converted("i64")
        k = k.compare("lt", 0).where(k + length, k)
        offset = offset + _known(op, k, length).where(k, 0) * step
    return offset


def embedding(op: Operation, call: Call) -> None:
    """table (rows, width), numbers → the rows of these numbers"""
    table, numbers = (op.view(t) for t in call.arguments[:2])
    target = op.view(call.results[0])

    def one(row: View, at: View, number: Number) -> None:
        moving.copy(op, row, at)

    _rows(op, table, numbers, target, one)


def embedding_backward(op: Operation, call: Call) -> None:
    """g, numbers, rows, padding, by frequency → gradient of the table"""
    g, numbers, _, padding, by_frequency = call.arguments
    if by_frequency:
        raise NotCompiled("no translation of embeddings scaled by frequency")
    table, code = op.view(call.results[0]), op.code
    moving.fill(op, table, 0.0)

    def one(row: View, grown: View, number: Number) -> None:
        with code.when(number.compare("ne", padding)):
            mapped(op, row, [row, grown], add)

    _rows(op, table, op.view(numbers), op.view(g), one)


def _rows(
    op: Operation, table: View, numbers: View, others: View, one: Callable[[View, View, Number], None]
) -> None:
    """`one` for the row that each of `numbers` names, the vector of `others` there, and the number."""
    code = op.code
    outer = replace(others, sizes=others.sizes[:-1], strides=others.strides[:-1])
    numbers = replace(numbers, sizes=outer.sizes, strides=numbers.broadcast(outer.sizes).strides)

    def body(places: list[Place], width: int) -> None:
        k = places[0].load(code, 1).converted("i64")
        right = _known(op, k, table.sizes[0])
        start = code.address(table.start(code), right.where(k, 0) * table.strides[0], table.in_memory)
        row = View(start, 0, table.sizes[1:], table.strides[1:], table.element)
        vector = View(places[1].address(code), 0, others.sizes[-1:], others.strides[-1:], others.element)
        one(row, vector, k)

    each(code, [numbers, outer], 1, body)


def _known(op: Operation, k: Number, length: int) -> Number:
    """Whether 0 ≤ k < length; else the flag is set."""
    code = op.code
    right = code.value(f"icmp ult i64 {k.text}, {length}", Kind("i1"))
    with code.when(right ^ True):
        code.store(code.whole(1), op.flag)
    return right
