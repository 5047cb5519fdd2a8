"""Axes whose ticks can be read: logarithms over any span, losses, shares."""

import math
from collections.abc import Iterable
from itertools import repeat
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from sweeper.drawing.decades import spans_decades
from sweeper.wording import decade, percent, tick


def _percent(value: float, _: object = None) -> str:
    return percent(value)


def log_axis(axis: Axis, most: int = 9) -> None:
    """Make `axis` logarithmic, limits as they are.

    At most `most` ticks at decades, or ticks at 1-2-5 where few decades show. Nothing is changed where no
    positive number is drawn.
    """
    low, high = _to_log(axis)
    if not 0 < low < high:
        return
    decades = math.log10(high / low)
    axis.set_major_formatter(FuncFormatter(tick if decades < 2 or low > 5e-4 else decade))
    if decades < 0.5:
        axis.set_major_locator(MaxNLocator(5))
        axis.set_minor_locator(NullLocator())
    elif decades < 2:
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))
    else:
        axis.set_major_locator(LogLocator(10, numticks=most))
        axis.set_minor_locator(LogLocator(10, subs=(2, 5), numticks=200))  # each takes a millisecond
    axis.set_minor_formatter(NullFormatter())


def _to_log(axis: Axis) -> tuple[float, float]:
    axes: Any = axis.axes
    if axis is axes.xaxis:
        axes.set_xscale("log", nonpositive="mask")
        return axes.get_xlim()
    axes.set_yscale("log", nonpositive="mask")
    return axes.get_ylim()


ALIKE = 1e-5
"""Share of the largest value within which all lie, from which they count as one."""


def loss_axis(axis: Axis, values: Iterable[float], *, highest: bool = False) -> None:
    """Logarithmic where the values span decades (`spans_decades`), else linear. A logarithmic axis that was
    to begin at 0 or below begins just below the lowest value; one of values that are `ALIKE` reaches further
    than their last digits, which would look like a result."""
    known = [value for value in values if math.isfinite(value)]
    size = max(map(abs, known), default=0.0)
    if size and max(known) - min(known) < ALIKE * size:
        limit = axis.axes.set_ylim if axis is axis.axes.yaxis else axis.axes.set_xlim
        limit(min(known) - size / 10, max(known) + size / 10)
        return
    if spans_decades(known, highest=highest):
        low, high = axis.get_view_interval()
        if low <= 0:
            axis.set_view_interval(min(known) / 1.2, high, ignore=True)
        log_axis(axis)


def color_scale(values: Iterable[float], *, highest: bool = False) -> Normalize:
    """Logarithmic where the values span decades (`spans_decades`), else linear."""
    known = [float(value) for value in values if math.isfinite(value)]
    return (LogNorm if spans_decades(known, highest=highest) else Normalize)(
        min(known, default=math.nan), max(known, default=math.nan)
    )


def cut_at_the_axis(
    axes: Axes, places: Iterable[float], low: Iterable[float], high: Iterable[float], color: Any
) -> None:
    """Horizontal intervals that begin left of a logarithmic x axis: drawn from its end on, with an arrow.

    Call it once the axis has its ends; 0 and below have no place on it, and nothing is drawn of a line to
    there. `color` is one for all or one for each.
    """
    if axes.get_xscale() != "log":
        return
    left, right = axes.get_xlim()
    for place, start, end, shade in zip(places, low, high, _each(color), strict=False):
        if start < left < end:
            axes.plot([left, end], [place] * 2, "-", color=shade, linewidth=2.5, zorder=3)
            axes.scatter([left], [place], marker="<", color=shade, s=45, clip_on=False, zorder=4)
    axes.set_xlim(left, right)


def _each(color: Any) -> Iterable[Any]:
    return repeat(color) if isinstance(color, str) else color


def hold(axes: Axes, values: Iterable[float]) -> tuple[float, float]:
    """A y axis that holds `values` with room at either end; returns its ends."""
    kept = list(values)
    room = (max(kept) - min(kept)) / 4
    axes.set_ylim(min(kept) - room, max(kept) + room)
    return axes.get_ylim()


def share_ticks(axis: Axis, parts: int = 4) -> None:
    """0 to 100 % in `parts`."""
    axis.set_major_locator(FixedLocator([part / parts for part in range(parts + 1)]))
    axis.set_major_formatter(FuncFormatter(_percent))


def layer_axis(axes: Axes) -> None:
    """An x axis of layer numbers."""
    axes.set_xlabel("layer (0 = first in the forward pass)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=9, min_n_ticks=1))


def decade_below(value: float) -> float:
    """The power of ten at or just below `value`."""
    return float(10.0 ** math.floor(math.log10(value) + 1e-9))


def weight_axis(axes: Axes, smallest: float, largest: float) -> None:
    """An x axis for weights that may be exactly 0.

    Logarithmic from the decade of `smallest`, the least weight above 0, to `largest`; 0 at the left.
    """
    first, last = math.floor(math.log10(smallest) + 1e-9), math.ceil(math.log10(largest) - 1e-9)
    start = decade_below(smallest)
    axes.set_xscale("symlog", linthresh=start, linscale=0.6)
    axes.set_xlim(-0.4 * start, 10.0 ** max(last, first + 1) * 1.3)
    stride = max(1, math.ceil((last - first + 1) / 5))
    axes.xaxis.set_major_locator(FixedLocator([0, *(10.0**k for k in range(first, last + 1, stride))]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(decade))
