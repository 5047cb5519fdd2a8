"""Convolutions as products: what the kernel sees of one sample lies as a matrix beside it in the cache.

With columns X (channels · kernel, places), weights W (features, channels · kernel) and gradients G (features,
places): Y = W·X, dW = Σ G·Xᵀ, dX = Wᵀ·G, each sample and each group of channels after the other.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product as combinations

from sweeper.training.stacked.native import moving
from sweeper.training.stacked.native.operation import Operation, mapped
from sweeper.training.stacked.native.products import product
from sweeper.training.stacked.native.reductions import add, reduce, sums
from sweeper.training.stacked.native.views import View, contiguous, part, transposed, without
from sweeper.training.stacked.recording import Call


@dataclass(frozen=True)
class Window:
    """A kernel that goes over a sample; numbers for each axis of space."""

    kernel: Sequence[int]
    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]

    def parts(self, source: View, target: View) -> Iterator[tuple[tuple[int, ...], View, View]]:
        """For each place in the kernel: where, what it sees of `source`, and the places that see something.

        `source` is (channels, *space), `target` (channels, *places).
        """
        axes = range(len(self.kernel))
        for at in combinations(*(range(k) for k in self.kernel)):
            firsts, begins, counts = [], [], []
            for a in axes:
                shift = at[a] * self.dilation[a] - self.padding[a]
                begin = max(0, -(shift // self.stride[a]))
                end = min(target.sizes[a + 1], (source.sizes[a + 1] - 1 - shift) // self.stride[a] + 1)
                firsts.append(begin * self.stride[a] + shift)
                begins.append(begin)
                counts.append(end - begin)
            if min(counts) > 0:
                sizes = (target.sizes[0], *counts)
                steps = (source.strides[0], *(source.strides[a + 1] * self.stride[a] for a in axes))
                seen = source.offset + sum(f * source.strides[a + 1] for a, f in enumerate(firsts))
                kept = target.offset + sum(b * target.strides[a + 1] for a, b in enumerate(begins))
                yield (
                    at,
                    replace(source, sizes=sizes, strides=steps, offset=seen),
                    replace(target, sizes=sizes, offset=kept),
                )


class Columns:
    """Scratch memory for what the kernel sees of one group of channels of one sample."""

    def __init__(self, op: Operation, window: Window, kernel: View, places: Sequence[int]) -> None:
        self.op, self.window = op, window
        features, channels = kernel.sizes[:2]
        rows, spots = channels * math.prod(window.kernel), math.prod(places)
        self.rows, self.spots, self.sizes = rows, spots, (channels, *places)
        packed = max(rows * spots, rows * features, features * spots)
        self.used = rows * spots + packed
        base = op.room(self.used, kernel.element)
        self.matrix = View(base, 0, (rows, spots), (spots, 1), kernel.element)
        self.packed = op.code.address(base, rows * spots, kernel.element)

    def in_order(self, view: View, axis: int, *, read: bool) -> View:
        """`view` if its axes from `axis` on lie as in an array of their own, else scratch memory that does.

        `read`: with the numbers of `view`.
        """
        if _lies_in_order(view.sizes[axis:], view.strides[axis:]):
            return view
        other = moving.scratch(self.op, view.sizes, view.element, self.used)
        self.used += math.prod(view.sizes)
        if read:
            moving.copy(self.op, view, other)
        return other

    def at(self, where: Sequence[int]) -> View:
        """The rows of one place in the kernel: (channels, *places)."""
        index, count = 0, math.prod(self.window.kernel)
        for k, size in zip(where, self.window.kernel, strict=True):
            index = index * size + k
        inner = contiguous(self.sizes[1:])
        strides = (count * self.spots, *inner)
        return replace(self.matrix, sizes=self.sizes, strides=strides, offset=index * self.spots)

    def gather(self, source: View) -> None:
        """matrix ← what the kernel sees of `source`, zeros beyond it."""
        whole = [seen.sizes == self.sizes for _, seen, _ in self._parts(source)]
        if not all(whole) or len(whole) < math.prod(self.window.kernel):
            moving.fill(self.op, self.matrix, 0.0)
        for _, seen, kept in self._parts(source):
            moving.copy(self.op, seen, kept)

    def scatter(self, target: View) -> None:
        """What the kernel sees of `target` grows by the matrix."""
        for _, seen, kept in self._parts(target):
            mapped(self.op, seen, [seen, kept], add)

    def _parts(self, source: View) -> Iterator[tuple[tuple[int, ...], View, View]]:
        empty = replace(self.matrix, sizes=self.sizes, strides=(0, *contiguous(self.sizes[1:])))
        for at, seen, kept in self.window.parts(source, empty):
            mine = self.at(at)
            yield at, seen, replace(kept, strides=mine.strides, offset=mine.offset + kept.offset)


def convolution(op: Operation, call: Call) -> None:
    """x, weight, bias, stride, padding, dilation, transposed, output padding, groups → y

    A transposed one is the gradient of another with respect to its input, at x.
    """
    x, weight, bias = call.arguments[:3]
    source, kernel, target = op.view(x), op.view(weight), op.view(call.results[0])
    window, transposed, groups = _window(call.arguments[3:9], kernel)
    columns = Columns(op, window, kernel, (source if transposed else target).sizes[2:])
    kernel = columns.in_order(kernel, 1, read=True)
    if transposed:
        _spread(op, columns, groups, columns.in_order(source, 2, read=True), kernel, target)
    else:
        _into(columns, target, 2, lambda mine: _gathered(op, columns, groups, source, kernel, mine))
    if bias is not None:
        b = op.view(bias)
        wide = replace(b, sizes=target.sizes, strides=(0, b.strides[0], *[0] * (len(target.sizes) - 2)))
        mapped(op, target, [target, wide], add)


def convolution_backward(op: Operation, call: Call) -> None:
    """g, x, weight, sizes of the bias, stride, …, groups, mask → gradients of x, weight, bias"""
    g, x, weight = call.arguments[:3]
    source, kernel, grown = op.view(x), op.view(weight), op.view(g)
    window, transposed, groups = _window(call.arguments[4:10], kernel)
    results = iter(call.results)
    of_x, of_w, of_b = (op.view(next(results)) if wanted else None for wanted in call.arguments[10])
    seen, places = (grown, source) if transposed else (source, grown)
    columns = Columns(op, window, kernel, places.sizes[2:])
    kernel, places = columns.in_order(kernel, 1, read=True), columns.in_order(places, 2, read=True)
    if of_w is not None:
        _into(columns, of_w, 1, lambda mine: _weights(op, columns, groups, seen, places, mine))
    if of_x is not None and transposed:
        _into(columns, of_x, 2, lambda mine: _gathered(op, columns, groups, seen, kernel, mine))
    elif of_x is not None:
        _spread(op, columns, groups, places, kernel, of_x)
    if of_b is not None:
        axes = [a for a in range(len(grown.sizes)) if a != 1]
        reduce(op.code, op.lanes(grown.element), grown, of_b, axes, sums())


def _into(columns: Columns, target: View, axis: int, make: Callable[[View], None]) -> None:
    """`make` on memory in order, see `Columns.in_order`, and from there to `target`."""
    mine = columns.in_order(target, axis, read=False)
    make(mine)
    if mine is not target:
        moving.copy(columns.op, mine, target)


def _gathered(op: Operation, columns: Columns, groups: int, source: View, kernel: View, target: View) -> None:
    """target ← W·X, with what the kernel sees of `source`."""

    def one(source: View, kernel: View, target: View) -> None:
        columns.gather(source)
        w = _matrix(kernel, columns.rows)
        product(op.code, op.machine, w, columns.matrix, _flat(target), None, columns.packed)

    _groups(op, groups, source, kernel, target, one)


def _spread(op: Operation, columns: Columns, groups: int, grown: View, kernel: View, target: View) -> None:
    """target ← the sum of Wᵀ·G over all places in the kernel that see a number."""
    moving.fill(op, target, 0.0)

    def one(target: View, kernel: View, grown: View) -> None:
        w = _matrix(kernel, columns.rows)
        product(op.code, op.machine, transposed(w), _flat(grown), columns.matrix, None, columns.packed)
        columns.scatter(target)

    _groups(op, groups, target, kernel, grown, one)


def _weights(op: Operation, columns: Columns, groups: int, source: View, grown: View, of_w: View) -> None:
    """of_w ← Σ G·Xᵀ, with what the kernel sees of `source`."""
    moving.fill(op, of_w, 0.0)

    def one(source: View, of_w: View, grown: View) -> None:
        columns.gather(source)
        target, x = _matrix(of_w, columns.rows), transposed(columns.matrix)
        product(op.code, op.machine, _flat(grown), x, target, target, columns.packed)

    _groups(op, groups, source, of_w, grown, one)


def _window(arguments: Sequence[object], kernel: View) -> tuple[Window, bool, int]:
    """The window, whether the convolution is transposed, and its groups of channels."""
    stride, padding, dilation, transposed, _, groups = arguments
    space = kernel.sizes[2:]
    stride, padding, dilation = (_each_axis(v, len(space)) for v in (stride, padding, dilation))
    return Window(space, stride, padding, dilation), bool(transposed), int(groups)  # type: ignore[call-overload]


def _each_axis(value: object, count: int) -> list[int]:
    numbers = [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)]  # type: ignore[call-overload]
    return numbers * count if len(numbers) == 1 else numbers


def _groups(
    op: Operation,
    groups: int,
    samples: View,
    kernel: View,
    outputs: View,
    one: Callable[[View, View, View], None],
) -> None:
    """`one` for each sample and group: its channels, the kernel of its features, and these features."""
    code = op.code
    with code.loop(samples.sizes[0]) as each:
        x, y = (part(code, view, each.index) for view in (samples, outputs))
        x, w, y = (_grouped(view, groups) for view in (x, kernel, y))
        if groups == 1:
            one(*(without(view, 0) for view in (x, w, y)))
            return
        with code.loop(groups) as group:
            one(*(part(code, view, group.index) for view in (x, w, y)))


def _grouped(view: View, groups: int) -> View:
    """Its first axis in parts."""
    each = view.sizes[0] // groups
    return replace(
        view,
        sizes=(groups, each, *view.sizes[1:]),
        strides=(each * view.strides[0], view.strides[0], *view.strides[1:]),
    )


def _flat(view: View) -> View:
    """(features, places)"""
    return _matrix(view, math.prod(view.sizes[1:]))


def _matrix(view: View, columns: int) -> View:
    """Its first axis, and all others, which lie in order, as one."""
    return replace(view, sizes=(view.sizes[0], columns), strides=(view.strides[0], 1))


def _lies_in_order(sizes: Sequence[int], strides: Sequence[int]) -> bool:
    wanted = contiguous(sizes)
    return all(s == w for s, w, n in zip(strides, wanted, sizes, strict=True) if n > 1)
