"""Operations along an axis whose numbers have an order: sorting, running sums and extremes, turning round."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from torch import Tensor

from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Number
from sweeper.training.stacked.native.moving import copy
from sweeper.training.stacked.native.operation import Operation
from sweeper.training.stacked.native.views import Place, each, without
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotCompiled

IN_ORDER = 16
"""Most numbers along an axis of which torch keeps equal ones in their order without being told to."""
Better = Callable[[Number, Number], Number]
"""(a number, the best so far) -> whether it takes its place"""


def at_least(a: Number, best: Number) -> Number:
    """Whether `a` takes the place of `best`: it is at least as large, or NaN."""
    return a.compare("ne", a) | a.compare("ge", best)


def at_most(a: Number, best: Number) -> Number:
    """Whether `a` takes the place of `best`: it is at most as large, or NaN."""
    return a.compare("ne", a) | a.compare("le", best)


def extreme(comparison: str) -> Callable[[Operation, Call], None]:
    """max (``gt``) or min (``lt``) along an axis and its first index; argmax, argmin: the index alone. NaN
    wins."""
    return lambda op, call: _extreme(op, call, comparison)


def _extreme(op: Operation, call: Call, comparison: str) -> None:
    given, axis = op.view(call.arguments[0]), call.arguments[1] if len(call.arguments) > 1 else None
    if not isinstance(axis, int):
        raise NotCompiled("the largest or smallest of all")
    axis %= len(given.sizes)
    targets = [op.view(t) for t in call.results]
    if len(targets[0].sizes) == len(given.sizes):
        targets = [without(target, axis) for target in targets]
    code, beside, step = op.code, without(given, axis), given.strides[axis]

    def body(places: list[Place], lanes: int) -> None:
        *outs, at = places
        none = code.like(0, Kind("i64", lanes))
        first = code.spread(at.load(code, lanes), lanes)
        with code.loop(given.sizes[axis]) as loop:
            index, best = loop.carry([none, first])
            here = replace(at, start=code.address(at.start, loop.index * step, given.in_memory))
            value = code.spread(here.load(code, lanes), lanes)
            ahead = value.compare(comparison, best) | value.compare("ne", value)
            better = best.compare("eq", best) & ahead
            now = code.spread(loop.index, lanes)
            loop.set([better.where(now, index), better.where(value, best)])
        index, best = loop.finals
        for out, value in zip(outs, (best, index)[-len(outs) :], strict=True):
            out.store(code, value)

    each(code, [*targets, beside], op.lanes(given.element), body)


def running_sum(op: Operation, call: Call) -> None:
    """cumsum"""
    _scan(op, call.arguments, call.results, None)


def running_extreme(better: Better) -> Callable[[Operation, Call], None]:
    """cummax or cummin, and the index of each."""
    return lambda op, call: _scan(op, call.arguments, call.results, better)


def _scan(op: Operation, arguments: Any, results: tuple[Tensor, ...], better: Better | None) -> None:
    code, axis = op.code, arguments[1] % arguments[0].ndim
    views = [op.view(t) for t in (arguments[0], *results)]
    steps, element = [view.strides[axis] for view in views], views[1].element

    def body(places: list[Place], lanes: int) -> None:
        first = _load(code, places[0], code.whole(0), 0).converted(element)
        start = code.like(0, first.kind) if better is None else first
        with code.loop(views[0].sizes[axis]) as loop:
            sofar, index = loop.carry([start, code.whole(0)])
            value = _load(code, places[0], loop.index, steps[0]).converted(element)
            if better is None:
                sofar = sofar + value
            else:
                taken = better(value, sofar) & (sofar.compare("eq", sofar) | value.compare("ne", value))
                sofar, index = taken.where(value, sofar), taken.where(loop.index, index)
            for out, step, found in zip(places[1:], steps[1:], (sofar, index), strict=False):
                code.store(found, _address(code, out, loop.index, step))
            loop.set([sofar, index])

    each(code, [without(view, axis) for view in views], 1, body)


def flip(op: Operation, call: Call) -> None:
    """flip"""
    source = op.view(call.arguments[0])
    for axis in {axis % len(source.sizes) for axis in call.arguments[1]}:
        strides = list(source.strides)
        offset = source.offset + (source.sizes[axis] - 1) * strides[axis]
        strides[axis] = -strides[axis]
        source = replace(source, strides=tuple(strides), offset=offset)
    copy(op, source, op.view(call.results[0]))


def sort(op: Operation, call: Call) -> None:
    """sort, NaN taken for the largest: merges of runs that double in length.

    Equal numbers stay in their order. Torch keeps it too in axes of up to `IN_ORDER` numbers; in longer ones,
    unless it is told to, what becomes of it depends on the processor.
    """
    named = dict(zip(("dim", "descending"), call.arguments[1:], strict=False)) | dict(call.options)
    views = [op.view(t) for t in (call.arguments[0], *call.results)]
    axis, code = named.get("dim", -1) % len(views[0].sizes), op.code
    length, steps = views[0].sizes[axis], [view.strides[axis] for view in views]
    if length > IN_ORDER and not named.get("stable"):
        raise NotCompiled(f"sorting more than {IN_ORDER} numbers without stable=True")
    kind, whole = Kind(views[0].element), Kind("i64")
    room = op.room(4 * length, "i64")
    bases = [code.address(room, k * length, "i64") for k in range(4)]

    def before(a: Number, b: Number) -> Number:
        if named.get("descending"):
            return a.compare("gt", b) | (a.compare("ne", a) & b.compare("eq", b))
        return a.compare("lt", b) | (b.compare("ne", b) & a.compare("eq", a))

    def body(places: list[Place], lanes: int) -> None:
        source, other = (bases[0], bases[1]), (bases[2], bases[3])
        with code.loop(length) as loop:
            code.store(_load(code, places[0], loop.index, steps[0]), _at(code, source[0], loop.index, kind))
            code.store(loop.index, _at(code, source[1], loop.index, whole))
        run = 1
        while run < length:
            _merge(code, length, run, source, other, kind, before)
            source, other, run = other, source, 2 * run
        with code.loop(length) as loop:
            for out, step, base, made in zip(places[1:], steps[1:], source, (kind, whole), strict=True):
                value = code.load(_at(code, base, loop.index, made), made)
                code.store(value, _address(code, out, loop.index, step))

    each(code, [without(view, axis) for view in views], 1, body)


def _merge(
    code: Code,
    length: int,
    run: int,
    source: tuple[str, str],
    target: tuple[str, str],
    kind: Kind,
    before: Better,
) -> None:
    """Runs of `run` sorted numbers, two by two."""
    whole = Kind("i64")
    with code.loop(-(-length // (2 * run))) as pairs:
        first = pairs.index * (2 * run)
        middle, end = (_smaller(first + k * run, length) for k in (1, 2))
        with code.loop(end, 1, first) as loop:
            a, b = loop.carry([first, middle])
            left, right = (
                code.load(_at(code, source[0], _smaller(k, length - 1), kind), kind) for k in (a, b)
            )
            rest = a.compare("ge", middle)
            taken = b.compare("lt", end) & (rest | before(right, left))
            index = code.load(_at(code, source[1], taken.where(b, a), whole), whole)
            code.store(taken.where(right, left), _at(code, target[0], loop.index, kind))
            code.store(index, _at(code, target[1], loop.index, whole))
            loop.set([taken.where(a, a + 1), taken.where(b + 1, b)])


def _smaller(a: Number, b: int) -> Number:
    return a.compare("lt", b).where(a, b)


def _address(code: Code, place: Place, index: Number, step: int) -> str:
    """`index` steps further along an axis."""
    at = place.at * place.stride + index * step
    return code.address(place.start, at, place.view.in_memory)


def _load(code: Code, place: Place, index: Number, step: int) -> Number:
    return code.load(_address(code, place, index, step), Kind(place.view.element))


def _at(code: Code, base: str, index: Number, kind: Kind) -> str:
    return code.address(base, index, "i64" if BYTES[kind.element] == 8 else kind.element)
