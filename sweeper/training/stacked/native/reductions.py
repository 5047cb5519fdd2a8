"""Sums, largest values, norms and log-softmax along axes of one slot's tensors.

Vectors lie along an axis that stays wherever one is contiguous; else along the axis that goes, and their
lanes are combined in a fixed order at the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sweeper.training.stacked.native import mathematics as m
from sweeper.training.stacked.native.ir import Code, Kind, Number
from sweeper.training.stacked.native.products import BLOCK
from sweeper.training.stacked.native.roots import square_root
from sweeper.training.stacked.native.views import Place, View, along, collapsed, each, only

Combine = Callable[[Number, Number], Number]
Step = Callable[[Number, Number], Number]
"""(index along an axis, what the one before gave) -> what the next one gets"""
Load = Callable[[Number, int], Number]
"""(index, lanes) -> numbers along an axis, one lane where all are the same"""


def add(a: Number, b: Number) -> Number:
    return a + b


def larger(a: Number, b: Number) -> Number:
    """NaN where one of them is."""
    return a.compare("ne", a).where(a, a.compare("gt", b).where(a, b))


def smaller(a: Number, b: Number) -> Number:
    """NaN where one of them is."""
    return a.compare("ne", a).where(a, a.compare("lt", b).where(a, b))


@dataclass(frozen=True)
class Reduction:
    """What is done along the axes that go."""

    start: float
    take: Callable[[Number], Number]
    """What of each number is combined."""
    combine: Combine
    finish: Callable[[Number], Number]


def reduce(
    code: Code, machine_lanes: int, source: View, target: View, axes: Sequence[int], how: Reduction
) -> None:
    """`target` ← `source` with `axes` gone; `target` has the other axes, in order."""
    kept = [a for a in range(len(source.sizes)) if a not in axes]
    over = only(source, kept)
    gone = only(source, axes)
    sizes, (steps,) = collapsed([gone])
    stays = any(s == 1 and t == 1 for s, t in zip(over.strides, target.strides, strict=True))

    def body(places: list[Place], lanes: int) -> None:
        out, at = places
        if stays or steps[-1] != 1:
            value = _folded(code, at, sizes, steps, how, lanes)
        else:
            value = _folded_rows(code, at, sizes, steps, how, machine_lanes)
        out.store(code, how.finish(value))

    each(code, [target, over], machine_lanes if stays else 1, body)


def _moved(code: Code, place: Place, index: Number, step: int) -> Place:
    if not step:
        return place
    return replace(place, start=code.address(place.start, index * step, place.view.in_memory))


def _over(
    code: Code,
    place: Place,
    sizes: Sequence[int],
    steps: Sequence[int],
    how: Reduction,
    sofar: Number,
    inner: Callable[[Place, Number], Number],
) -> Number:
    """`inner` at every place of all axes but the last, each with what the one before gave."""
    if len(sizes) == 1:
        return inner(place, sofar)

    def step(index: Number, carried: Number) -> Number:
        here = _moved(code, place, index, steps[0])
        return _over(code, here, sizes[1:], steps[1:], how, carried, inner)

    return _in_turn(code, sizes[0], how, sofar, step)


def _combining(how: Reduction, number: Callable[[Number], Number]) -> Step:
    return lambda index, sofar: how.combine(sofar, how.take(number(index)))


def _in_turn(code: Code, length: int, how: Reduction, sofar: Number, step: Step) -> Number:
    """`step` by step along an axis; each `BLOCK` of them begins anew, see there, and blocks are combined."""

    def rounds(first: Number | int, stop: Number | int, begin: Number) -> Number:
        with code.loop(stop, 1, first) as loop:
            (carried,) = loop.carry([begin])
            loop.set([step(loop.index, carried)])
        return loop.finals[0]

    if length <= BLOCK:
        return rounds(0, length, sofar)
    blocks, nothing = length // BLOCK, code.like(how.start, sofar.kind)
    with code.loop(blocks) as loop:
        (carried,) = loop.carry([sofar])
        first = loop.index * BLOCK
        loop.set([how.combine(carried, rounds(first, first + BLOCK, nothing))])
    done = blocks * BLOCK
    return how.combine(loop.finals[0], rounds(done, length, nothing)) if done < length else loop.finals[0]


def _folded(
    code: Code, place: Place, sizes: Sequence[int], steps: Sequence[int], how: Reduction, lanes: int
) -> Number:
    """Along all axes that go, lane by lane."""

    def along_last(at: Place, sofar: Number) -> Number:
        def number(index: Number) -> Number:
            return code.spread(_moved(code, at, index, steps[-1]).load(code, lanes), lanes)

        return _in_turn(code, sizes[-1], how, sofar, _combining(how, number))

    first = code.like(how.start, Kind(place.view.element, lanes))
    return _over(code, place, sizes, steps, how, first, along_last)


def _folded_rows(
    code: Code, place: Place, sizes: Sequence[int], steps: Sequence[int], how: Reduction, lanes: int
) -> Number:
    """The last axis that goes is contiguous."""

    def row(at: Place) -> Number:
        return fold(
            code,
            sizes[-1],
            lanes,
            at.view.element,
            lambda index, width: replace(at, at=index).load(code, width),
            how,
        )

    start = Place(place.view, place.address(code), 1, place.at)
    if len(sizes) == 1:
        return row(start)
    first = code.like(how.start, Kind(place.view.element))
    return _over(code, start, sizes, steps, how, first, lambda at, sofar: how.combine(sofar, row(at)))


def fold(code: Code, length: int, lanes: int, element: str, load: Load, how: Reduction) -> Number:
    """One number from a contiguous axis: four vectors that take turns, then across lanes, then the rest."""
    turns = 4 if length >= 8 * lanes else 1
    looped = length // (turns * lanes) * turns * lanes
    total, done = code.like(how.start, Kind(element)), 0
    if looped > turns * lanes:
        done = looped
        with code.loop(done, turns * lanes) as loop:
            first = [code.like(how.start, Kind(element, lanes)) for _ in range(turns)]
            carried = loop.carry(first)
            loop.set(
                [
                    how.combine(c, how.take(code.spread(load(loop.index + k * lanes, lanes), lanes)))
                    for k, c in enumerate(carried)
                ]
            )
        vectors = loop.finals
        while len(vectors) > 1:
            vectors = [how.combine(a, b) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
        total = how.combine(total, across(code, vectors[0], how.combine))
    while done < length:
        width = min(lanes, 1 << ((length - done).bit_length() - 1))
        value = how.take(code.spread(load(code.whole(done), width), width))
        total = how.combine(total, across(code, value, how.combine))
        done += width
    return total


def across(code: Code, value: Number, combine: Combine) -> Number:
    """All lanes combined, halves with halves."""
    while value.kind.lanes > 1:
        half = value.kind.lanes // 2
        kind = Kind(value.kind.element, half)
        parts = []
        for start in (0, half):
            picked = ", ".join(f"i32 {start + k}" for k in range(half))
            parts.append(
                code.value(f"shufflevector {value}, {value.kind} poison, <{half} x i32> <{picked}>", kind)
                if half > 1
                else code.value(f"extractelement {value}, i64 {start}", kind)
            )
        value = combine(*parts)
    return value


def same(x: Number) -> Number:
    return x


def sums(count: float = 1.0) -> Reduction:
    """The sum, divided by `count`."""
    return Reduction(0.0, same, add, lambda x: x if count == 1 else x / count)


LARGEST = Reduction(float("-inf"), same, larger, same)
SMALLEST = Reduction(float("inf"), same, smaller, same)
SOME, EVERY = Reduction(0.0, same, lambda a, b: a | b, same), Reduction(1.0, same, lambda a, b: a & b, same)
"""Of truth values."""
NORMS = {
    1: Reduction(0.0, m.absolute, add, same),
    2: Reduction(0.0, lambda x: x * x, add, square_root),
}


Value = Callable[[Sequence[Number], Sequence[Number]], Number]
"""(numbers here, what was folded before) -> a number"""


def fold_and_map(
    code: Code,
    lanes: int,
    views: Sequence[View],
    axis: int,
    folds: Sequence[tuple[Reduction, Value]],
    result: Value,
) -> None:
    """views[0] ← `result` of the numbers of the other views and of what is folded of them along `axis`."""
    target, axis = views[0], axis % len(views[0].sizes)
    length = target.sizes[axis]
    kept = [a for a in range(len(target.sizes)) if a != axis]
    steps = [view.strides[axis] for view in views]
    rowwise = all(step == 1 for step in steps)
    stays = not rowwise and any(all(view.strides[a] == 1 for view in views) for a in kept)

    def body(places: list[Place], width: int) -> None:
        if rowwise:
            starts = [Place(p.view, p.address(code), 1, code.whole(0)) for p in places]
            _rowwise(code, lanes, starts, length, folds, result)
            return

        def here(index: Number) -> list[Number]:
            moved = [_moved(code, p, index, s) for p, s in zip(places[1:], steps[1:], strict=True)]
            return [code.spread(p.load(code, width), width) for p in moved]

        found: list[Number] = []

        def applied(value: Value, index: Number) -> Number:
            return value(here(index), found)

        for how, value in folds:
            first = code.like(how.start, Kind(target.element, width))
            step = _combining(how, partial(applied, value))
            found.append(how.finish(_in_turn(code, length, how, first, step)))
        with code.loop(length) as loop:
            _moved(code, places[0], loop.index, steps[0]).store(code, applied(result, loop.index))

    each(code, [only(view, kept) for view in views], lanes if stays else 1, body)


def _rowwise(
    code: Code,
    lanes: int,
    starts: Sequence[Place],
    length: int,
    folds: Sequence[tuple[Reduction, Value]],
    result: Value,
) -> None:
    found: list[Number] = []

    def applied(value: Value, at: Number, width: int) -> Number:
        numbers = [replace(p, at=at).load(code, width) for p in starts[1:]]
        return value(numbers, [code.spread(f, width) for f in found])

    for how, value in folds:
        total = fold(code, length, lanes, starts[0].view.element, partial(applied, value), how)
        found.append(how.finish(total))
    along(
        code,
        length,
        lanes,
        lambda at, width: replace(starts[0], at=at).store(code, applied(result, at, width)),
    )
