"""Transfer: loss against rate at each size with the optima joined, and the best rate against the size."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from sweeper.commands.transfer.conditions import Conditions
from sweeper.commands.transfer.table import Found, costs_at
from sweeper.components.metric_words import axis_words
from sweeper.drawing.scales import log_axis, loss_axis
from sweeper.drawing.style import canvas, group_styles, legend_below, themed
from sweeper.statistics.scaling import Place
from sweeper.trial import from_cost, is_maximized
from sweeper.wording import given, number

WORST = 0.6
"""Share of the mean objectives, from the best on, that the axis holds; beyond are rates nobody would use."""


PREDICTED = (("checked at", "#D55E00"), ("predicted for", "#0072B2"))


@themed
def draw(measured: pd.DataFrame, found: Found, conditions: Conditions) -> Figure:
    """Left the mean over seeds, a line for each size, with the optima joined; right the optima by size."""
    figure, panels = canvas(1, 2, height=4.4)
    sizes = [float(size) for size in found.optima["size"]]
    styles = group_styles([given(size) for size in sizes])
    _curves(panels[0], measured, found, conditions, styles)
    _law(panels[1], found, conditions)
    entries = {
        f"{conditions.key} {name}": Line2D([], [], color=s.color, marker=s.marker, linestyle=s.linestyle)
        for name, s in styles.items()
    }
    for each, (name, color) in zip((found.check, found.prediction), PREDICTED, strict=True):
        if each is not None:
            entries[f"{name} {given(each.size)}, with its 90 % interval"] = Line2D(
                [], [], color=color, marker="D", markerfacecolor="white", linewidth=5, alpha=0.6
            )
    if (found.optima["verdict"] != Place.FOUND).any():
        entries["tells no best rate, see the table"] = Line2D(
            [], [], color="0.5", marker="o", markerfacecolor="white", linestyle=""
        )
    legend_below(figure, entries, ncols=4)
    return figure


def _curves(
    axes: Axes, measured: pd.DataFrame, found: Found, conditions: Conditions, styles: Mapping[str, Any]
) -> None:
    objective, everything = conditions.objective, []
    for size, style in zip(found.optima["size"], styles.values(), strict=True):
        rates, costs = costs_at(measured, size, objective)
        means = np.asarray(from_cost(objective, np.where(np.isfinite(costs), costs, np.nan).mean(axis=1)))
        everything += [float(value) for value in means if np.isfinite(value)]
        axes.plot(rates, means, color=style.color, linestyle=style.linestyle, linewidth=1.4)
        axes.plot(rates, means, ".", color=style.color, markersize=3)
    known = found.optima[found.optima["verdict"] == Place.FOUND]
    axes.plot(known["rate"], known["best"], color="0.4", linewidth=1, zorder=4)
    for row in known.to_dict("records"):
        style = styles[given(float(row["size"]))]
        axes.plot([row["low"], row["high"]], [row["best"]] * 2, color=style.color, linewidth=2.5, zorder=4)
        axes.plot(
            row["rate"],
            row["best"],
            style.marker,
            color=style.color,
            markersize=8,
            markeredgecolor="black",
            zorder=5,
        )
    axes.set(xlabel="learning rate (log)", ylabel=axis_words(objective), title="Mean over seeds, by size")
    log_axis(axes.xaxis, most=6)
    highest = is_maximized(objective)
    kept = sorted(everything, reverse=highest)[: max(2, round(WORST * len(everything)))]
    margin = 0.05 * abs(kept[-1] - kept[0])
    axes.set_ylim(*sorted([kept[-1], kept[0] + (margin if highest else -margin)]))
    loss_axis(axes.yaxis, kept, highest=highest)


def _law(axes: Axes, found: Found, conditions: Conditions) -> None:
    settled = found.optima["verdict"] == Place.FOUND
    known, open_ = found.optima[settled], found.optima[~settled & (found.optima["rate"] > 0)]
    _bars(axes, known["size"], known, "o", "0.15")
    axes.plot(open_["size"], open_["rate"], "o", color="0.5", markerfacecolor="white", markersize=6)
    for each, (_, color) in zip((found.check, found.prediction), PREDICTED, strict=True):
        if each is None:
            continue
        axes.plot([each.size] * 2, [each.low, each.high], color=color, linewidth=5, alpha=0.35)
        axes.plot(each.size, each.value, "D", color=color, markersize=7, markerfacecolor="white")
    axes.set(xlabel=f"{conditions.key} (log)", ylabel="best learning rate (log)", title="Best rate, by size")
    axes.set_xscale("log")
    sizes = sorted({*map(float, found.optima["size"]), float(conditions.to)})
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FixedFormatter([given(size) for size in sizes]))
    log_axis(axes.yaxis, most=6)


def _bars(axes: Axes, x: Any, rows: pd.DataFrame, marker: str, color: str) -> None:
    below, above = rows["rate"] - rows["low"], rows["high"] - rows["rate"]
    axes.errorbar(x, rows["rate"], yerr=[below, above], fmt=marker, color=color, capsize=3, markersize=6)


def alt(found: Found, conditions: Conditions) -> str:
    """The best rate at each size, and the prediction."""
    rows = [f"{given(row['size'])}: {number(row['rate'], 2)}" for row in found.optima.to_dict("records")]
    said = f"Best learning rate by {conditions.key}: {', '.join(rows)}."
    ahead = found.prediction
    return said if ahead is None else f"{said} Predicted at {given(ahead.size)}: {number(ahead.value, 2)}."
