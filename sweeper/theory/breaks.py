"""Where a function of one number is not smooth: jumps, kinks (its slope jumps), bends (its curvature jumps).

Found by bisection: over an ever narrower cell the change of a continuous function vanishes, a jump stays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]

REACH = 32.0
"""Functions are searched from −32 to 32, in cells of 1/64; what breaks beyond is not seen."""
GRID = torch.linspace(-REACH, REACH, 4097, dtype=torch.float64)
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
    """Follow, in each cell, the half over which g changes more, until the cell is as narrow as `width`."""
    values = g(GRID)
    left, right, low, high = GRID[:-1], GRID[1:], values[:-1], values[1:]
    while True:
        seen = (high - low).abs() > smallest
        left, right, low, high = left[seen], right[seen], low[seen], high[seen]
        if len(left) == 0 or (right - left).max() <= width:
            return tuple(sorted({round(x, digits) + 0.0 for x in ((left + right) / 2).tolist()}))
        middle = (left + right) / 2
        value = g(middle)
        in_left = (value - low).abs() >= (high - value).abs()
        left, low = torch.where(in_left, left, middle), torch.where(in_left, low, value)
        right, high = torch.where(in_left, middle, right), torch.where(in_left, value, high)


def _apart(points: tuple[float, ...], others: tuple[float, ...], distance: float) -> tuple[float, ...]:
    return tuple(x for x in points if all(abs(x - other) > distance for other in others))
