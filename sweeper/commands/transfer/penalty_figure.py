"""The penalty of a transfer: the mean over seeds against the weight, and on fresh seeds what the best one
changes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from sweeper.commands.transfer.conditions import Conditions
from sweeper.commands.transfer.penalty import Penalties
from sweeper.components.metric_words import axis_words, metric_words
from sweeper.drawing.scales import loss_axis, weight_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend_below, themed
from sweeper.trial import is_maximized
from sweeper.wording import given, number, signed_number

SHOWN_SHARE = 0.8
"""Share of the means, best first, that the axis shows; beyond are weights nobody would use."""


@themed
def draw(found: Penalties, conditions: Conditions) -> Figure:
    """Left a line for each size, right a bar for each."""
    figure, panels = canvas(1, 2, height=4.0)
    styles = group_styles([given(size) for size in found.best["size"]])
    _curves(panels[0], found, conditions, styles)
    _differences(panels[1], found, conditions, styles)
    legend_below(
        figure, {f"{conditions.key} {name}": handle(style) for name, style in styles.items()}, ncols=4
    )
    return figure


def _curves(axes: Axes, found: Penalties, conditions: Conditions, styles: Mapping[str, Any]) -> None:
    for size, rows in found.curves.groupby("size"):
        style = styles[given(float(size))]  # type: ignore[arg-type]
        axes.plot(
            rows["weight"],
            rows["mean"],
            color=style.color,
            linestyle=style.linestyle,
            marker=style.marker,
            markersize=5,
            linewidth=1.4,
        )
    weight_axis(axes, found.plan.weights[0], found.plan.weights[-1])
    axes.set(xlabel="penalty weight (log, 0 at the left)", ylabel=axis_words(conditions.objective))
    axes.set_title("Mean over seeds, by size")
    highest = is_maximized(conditions.objective)
    means = [float(value) for value in found.curves["mean"] if np.isfinite(value)]
    kept = sorted(means, reverse=highest)[: max(2, round(SHOWN_SHARE * len(means)))]
    if len(kept) > 1 and kept[0] != kept[-1]:
        margin = 0.08 * (kept[-1] - kept[0])
        axes.set_ylim(*sorted([kept[0] - margin, kept[-1] + margin]))
        loss_axis(axes.yaxis, kept, highest=highest)


def _differences(axes: Axes, found: Penalties, conditions: Conditions, styles: Mapping[str, Any]) -> None:
    axes.axhline(0, color="0.5", linewidth=1)
    names = [given(size) for size in found.best["size"]]
    for place, row in enumerate(found.best.to_dict("records")):
        if np.isfinite(row["difference"]):
            style, middle = styles[names[place]], row["difference"]
            ends = [[middle - row["difference_low"]], [row["difference_high"] - middle]]
            axes.errorbar(
                [place], [middle], yerr=ends, fmt=style.marker, color=style.color, capsize=4, markersize=6
            )
    axes.xaxis.set_major_locator(FixedLocator(range(len(names))))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter(names))
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set(xlabel=conditions.key, ylabel=f"change of {metric_words(conditions.objective)}")
    axes.set_title("Best weight minus 0, fresh seeds")


def alt(found: Penalties, conditions: Conditions) -> str:
    """The best weight at each size and what it changes."""
    rows = [
        f"{given(row['size'])}: {number(row['weight'], 2)} changes it by {signed_number(row['difference'])}"
        for row in found.best.to_dict("records")
        if np.isfinite(row["difference"])
    ]
    words = metric_words(conditions.objective)
    if not rows:
        return f"No weight of the penalty could be compared with none at any {conditions.key}."
    return (
        f"Best weight of the penalty by {conditions.key}, and its change of the {words}: {'; '.join(rows)}."
    )
