"""Tensors of one slot as places in memory, and loops over several of them at once."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from sweeper.training.stacked.native.ir import Code, Kind, Number, pieces
from sweeper.training.stacked.refusal import NotCompiled

ELEMENTS = {
    torch.float32: "float",
    torch.float64: "double",
    torch.bool: "i1",
    torch.int64: "i64",
    torch.int32: "i32",
}
IN_MEMORY = {"i1": "i8"}
"""Elements that take more room in memory."""


@dataclass(frozen=True)
class View:
    """A tensor: `base` is the pointer to its storage, the rest counts elements."""

    base: str
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    element: str

    @property
    def in_memory(self) -> str:
        return IN_MEMORY.get(self.element, self.element)

    def broadcast(self, sizes: Sequence[int]) -> "View":
        """With axes in front, and axes of one element repeated."""
        missing = len(sizes) - len(self.sizes)
        mine = (*[1] * missing, *self.sizes)
        strides = (*[0] * missing, *self.strides)
        fitted = tuple(s if a == b else 0 for a, b, s in zip(mine, sizes, strides, strict=True))
        return replace(self, sizes=tuple(sizes), strides=fitted)

    def start(self, code: Code) -> str:
        """Pointer to its first element."""
        return code.address(self.base, self.offset, self.in_memory)


def element_of(dtype: torch.dtype) -> str:
    """LLVM's type of the numbers of a tensor."""
    if dtype not in ELEMENTS:
        raise NotCompiled(f"numbers of the type {str(dtype).removeprefix('torch.')}")
    return ELEMENTS[dtype]


def view_of(tensor: Tensor, base: str) -> View:
    """`tensor` on the memory at `base`."""
    if tensor.is_conj() or tensor.is_neg():
        raise NotCompiled("a tensor that is read conjugated or negated")
    strides = tuple(s if n > 1 else 0 for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    return View(base, int(tensor.storage_offset()), tuple(tensor.shape), strides, element_of(tensor.dtype))


def only(view: View, axes: Sequence[int]) -> View:
    """Its first part along all axes but `axes`."""
    return replace(
        view, sizes=tuple(view.sizes[a] for a in axes), strides=tuple(view.strides[a] for a in axes)
    )


def without(view: View, *axes: int) -> View:
    """Its first part along `axes`."""
    return only(view, [a for a in range(len(view.sizes)) if a not in axes])


def transposed(view: View) -> View:
    """A matrix with its axes exchanged."""
    return replace(view, sizes=view.sizes[::-1], strides=view.strides[::-1])


def contiguous(sizes: Sequence[int]) -> tuple[int, ...]:
    """Strides of numbers that lie side by side, the last axis first."""
    return tuple(math.prod(sizes[k + 1 :]) for k in range(len(sizes)))


def part(code: Code, view: View, index: Number) -> View:
    """Its part at `index` of the first axis."""
    base = code.address(view.start(code), index * view.strides[0], view.in_memory)
    return replace(without(view, 0), base=base, offset=0)


def collapsed(views: Sequence[View]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
    """Sizes and each view's strides in as few axes as possible, the first view's smallest stride last."""
    sizes = views[0].sizes
    axes = [a for a in range(len(sizes)) if sizes[a] != 1]
    axes.sort(key=lambda a: -abs(views[0].strides[a]))
    merged: list[tuple[int, list[int]]] = []
    for axis in axes:
        strides = [view.strides[axis] for view in views]
        if merged and all(
            outer == sizes[axis] * inner for outer, inner in zip(merged[-1][1], strides, strict=True)
        ):
            merged[-1] = (merged[-1][0] * sizes[axis], strides)
        else:
            merged.append((sizes[axis], strides))
    if not merged:
        merged = [(1, [0] * len(views))]
    return tuple(n for n, _ in merged), [tuple(s[k] for _, s in merged) for k in range(len(views))]


def each(code: Code, views: Sequence[View], lanes: int, body: Callable[[list["Place"], int], None]) -> None:
    """Call `body` with the places of all views, so many lanes at a time along the last axis.

    All views have the same sizes; none is empty.
    """
    sizes, strides = collapsed(views)
    starts = [view.start(code) for view in views]
    _nest(code, views, starts, sizes, strides, lanes, body)


def _nest(
    code: Code,
    views: Sequence[View],
    starts: Sequence[str],
    sizes: tuple[int, ...],
    strides: Sequence[tuple[int, ...]],
    lanes: int,
    body: Callable[[list["Place"], int], None],
) -> None:
    if len(sizes) > 1:
        with code.loop(sizes[0]) as loop:
            inner = [
                code.address(start, loop.index * stride[0] if stride[0] else 0, view.in_memory)
                for view, start, stride in zip(views, starts, strides, strict=True)
            ]
            _nest(code, views, inner, sizes[1:], [s[1:] for s in strides], lanes, body)
        return
    along(
        code,
        sizes[0],
        lanes,
        lambda at, width: body(
            [
                Place(view, start, stride[0], at)
                for view, start, stride in zip(views, starts, strides, strict=True)
            ],
            width,
        ),
    )


def along(code: Code, length: int, lanes: int, body: Callable[[Number, int], None]) -> None:
    """Call `body` with (index, lanes) until `length` is covered: full vectors, then smaller ones."""
    full = length // lanes
    if full > 1:
        with code.loop(full * lanes, lanes) as loop:
            body(loop.index, lanes)
    for at, width in pieces(length, lanes):
        if full <= 1 or at >= full * lanes:
            body(code.whole(at), width)


def _every_other(code: Code, first: str, kind: Kind) -> Number:
    """Every second element from `first` on; nothing beyond the last one is read."""
    lanes = kind.lanes
    pair = [code.load(code.address(first, at, kind.element), kind) for at in (0, lanes - 1)]
    picked = [k if k < lanes else k + 1 for k in range(0, 2 * lanes, 2)]
    mask = ", ".join(f"i32 {k}" for k in picked)
    return code.value(f"shufflevector {pair[0]}, {pair[1]}, <{lanes} x i32> <{mask}>", kind)


@dataclass(frozen=True)
class Place:
    """Some neighbouring elements of a view."""

    view: View
    start: str
    stride: int
    at: Number

    def address(self, code: Code) -> str:
        """Pointer to the first of them."""
        if not self.stride:
            return self.start
        return code.address(self.start, self.at * self.stride, self.view.in_memory)

    def load(self, code: Code, lanes: int) -> Number:
        """One lane where all are the same."""
        view, element = self.view, self.view.in_memory
        if self.stride == 0:
            return code.load(self.start, Kind(view.element))
        if self.stride == 1:
            return code.load(code.address(self.start, self.at, element), Kind(view.element, lanes))
        first = code.address(self.start, self.at * self.stride, element)
        if self.stride == 2 and lanes > 1 and view.element != "i1":
            return _every_other(code, first, Kind(view.element, lanes))
        parts = [
            code.load(code.address(first, k * self.stride, element), Kind(view.element)) for k in range(lanes)
        ]
        if lanes == 1:
            return parts[0]
        value = Number(code, "poison", Kind(view.element, lanes))
        for k, part in enumerate(parts):
            value = code.value(f"insertelement {value}, {part}, i64 {k}", value.kind)
        return value

    def store(self, code: Code, value: Number) -> None:
        element, lanes = self.view.in_memory, value.kind.lanes
        if self.stride == 1 or lanes == 1:
            index = self.at if self.stride == 1 else self.at * self.stride
            code.store(value, code.address(self.start, index, element))
            return
        first = code.address(self.start, self.at * self.stride, element)
        for k in range(lanes):
            part = code.value(f"extractelement {value}, i64 {k}", Kind(value.kind.element))
            code.store(part, code.address(first, k * self.stride, element))
