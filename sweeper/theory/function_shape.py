"""The shape of a function of one number: where it is not smooth, its lowest and highest value, its slopes."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sweeper.wording import exact

Function = Callable[[Tensor], Tensor]

REACH = 32.0
"""Functions are searched from −32 to 32, in cells of 1/64; what breaks beyond is not seen."""
GRID = torch.linspace(-REACH, REACH, 4097, dtype=torch.float64)
FAR, FARTHER = 1e100, 1e150
LARGE = 100.0
"""A function that is above 100 far out, and still growing there, has no bound."""
TAIL = 1e6
"""Where slopes have reached their limits."""
_NEAR = torch.tensor([2.0**-6, 0.25, 1.0], dtype=torch.float64)
SMALLEST_JUMP, SMALLEST_BEND = 1e-6, 1e-3
"""Smaller ones are rounding (torch's softplus, cut at 20, has a kink of 2e-9)."""
_STEP = 2.0**-16


@dataclass(frozen=True)
class Breaks:
    """Places in rising order; each is listed once, under the worst thing that happens there."""

    jumps: tuple[float, ...] = ()
    kinks: tuple[float, ...] = ()
    bends: tuple[float, ...] = ()

    @property
    def all(self) -> tuple[float, ...]:
        """Every place where the function is not smooth."""
        return tuple(sorted(self.jumps + self.kinks + self.bends))


def find_breaks(f: Function, slope: Function) -> Breaks:
    """The breaks of f between −`REACH` and `REACH`; `slope` is f′, both elementwise in float64."""

    def curvature(x: Tensor) -> Tensor:
        # By differences: not every activation of torch can be differentiated twice.
        return (slope(x + _STEP) - slope(x - _STEP)) / (2 * _STEP)

    jumps = _discontinuities(f, width=1e-13, smallest=SMALLEST_JUMP, digits=10)
    kinks = _discontinuities(slope, width=1e-13, smallest=SMALLEST_JUMP, digits=10)
    bends = _discontinuities(curvature, width=4 * _STEP, smallest=SMALLEST_BEND, digits=4)
    kinks = _apart(kinks, jumps, 1e-9)
    return Breaks(jumps, kinks, _apart(bends, jumps + kinks, 1e-3))


def _discontinuities(g: Function, width: float, smallest: float, digits: int) -> tuple[float, ...]:
    """Follow, in each cell, the half over which g changes more, until the cell is as narrow as `width`.

    At points of the grid, where kinks mostly lie, a jump may be hidden by what g changes beside it: they are
    looked at by themselves. What is no more than steep changes four times as much over four times the width.
    """

    def change(x: Tensor, reach: float) -> Tensor:
        return (g(x + reach) - g(x - reach)).abs()

    def stays(x: Tensor) -> Tensor:
        return x[change(x, width) > 0.5 * change(x, 4 * width)]

    values = g(GRID)
    inner = GRID[1:-1]
    at_grid = stays(inner[change(inner, width) > smallest]).tolist()
    left, right, low, high = GRID[:-1], GRID[1:], values[:-1], values[1:]
    while True:
        seen = (high - low).abs() > smallest
        left, right, low, high = left[seen], right[seen], low[seen], high[seen]
        if len(left) == 0 or (right - left).max() <= width:
            found = [*stays((left + right) / 2).tolist(), *at_grid]
            return tuple(sorted({round(x, digits) + 0.0 for x in found}))
        middle = (left + right) / 2
        value = g(middle)
        in_left = (value - low).abs() >= (high - value).abs()
        left, low = torch.where(in_left, left, middle), torch.where(in_left, low, value)
        right, high = torch.where(in_left, middle, right), torch.where(in_left, value, high)


def _apart(points: tuple[float, ...], others: tuple[float, ...], distance: float) -> tuple[float, ...]:
    return tuple(x for x in points if all(abs(x - other) > distance for other in others))


@dataclass(frozen=True)
class Interval:
    """The smallest interval that holds every output; a function that jumps may leave parts of it out."""

    low: float
    low_taken: bool
    high: float
    high_taken: bool

    def text(self, digits: int = 6) -> str:
        """``[-0.169971, inf)``: bounds to `digits` significant digits."""
        opening, closing = "[" if self.low_taken else "(", "]" if self.high_taken else ")"
        return f"{opening}{exact(self.low, digits)}, {exact(self.high, digits)}{closing}"


def output_range(f: Function, breaks: Breaks) -> Interval:
    """Infimum and supremum of f, ±inf where it has none.

    A bound is taken if it lies beyond both limits at ±∞, or if f takes it on [−2, 2] or just beside a
    break. The rest (tanh, say) only approaches it: a function without breaks is not constant anywhere,
    though in float64 tanh(20) = 1.
    """
    high, high_taken = _bound(f, breaks)
    low, low_taken = _bound(lambda x: -f(x), breaks)
    return Interval(0.0 - low, low_taken, high + 0.0, high_taken)


def _bound(f: Function, breaks: Breaks) -> tuple[float, bool]:
    far, farther = (f(torch.tensor([-x, x], dtype=torch.float64)) for x in (FAR, FARTHER))
    if ((farther > LARGE) & (farther > 1.2 * far)).any():
        return math.inf, False
    limit, top = farther.max().item(), highest(f)
    if top > limit + 1e-9 * max(1.0, abs(limit)):
        return top, True
    beside = torch.tensor(breaks.all, dtype=torch.float64).reshape(-1, 1)
    points = [GRID[GRID.abs() <= 2], (beside + _NEAR).flatten(), (beside - _NEAR).flatten()]
    return limit, bool((f(torch.cat(points)) >= limit).any())


def highest(g: Function) -> float:
    """Largest value of g on the grid, refined between the neighbours of the largest one."""
    x = GRID
    best = -math.inf
    for _ in range(10):
        values = g(x)
        index = int(values.argmax())
        best = max(best, values[index].item())
        low, high = x[max(index - 1, 0)], x[min(index + 1, len(x) - 1)]
        x = low + (high - low) * torch.linspace(0, 1, 65, dtype=torch.float64)
    return best


def tail_slopes(slope: Function) -> tuple[float, float]:
    """f′ towards −∞ and towards +∞."""
    left, right = slope(torch.tensor([-TAIL, TAIL], dtype=torch.float64)).tolist()
    return left, right


def steepest(slope: Function) -> float:
    """Lipschitz constant of a continuous f: sup |f′|, inf where the slope itself grows without bound."""
    tails = max(abs(tail) for tail in tail_slopes(slope))
    steep = highest(lambda x: slope(x).abs())
    return math.inf if tails > LARGE and tails > 10 * steep else max(tails, steep)


def never_falls(f: Function) -> bool:
    """f(x) ≤ f(y) for x < y, on the grid and far out."""
    ends = torch.tensor([FAR, TAIL, 1e3], dtype=torch.float64)
    values = f(torch.cat([-ends, GRID, ends.flip(0)]))
    return bool((values.diff() >= -1e-12).all())


def is_odd(f: Function) -> bool:
    """f(−x) = −f(x) on the grid."""
    return torch.allclose(f(-GRID), -f(GRID), rtol=1e-12, atol=1e-12)
