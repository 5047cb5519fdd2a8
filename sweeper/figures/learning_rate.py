"""Loss against learning rate, a panel for each optimizer."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import log_axis, loss_axis
from sweeper.drawing.style import HUES, canvas, dots, legend_below, number, themed, words
from sweeper.figures.spec import FigureSpec

POINT, BEST, CAPPED = HUES[0], HUES[4], HUES[1]
COLUMNS, TICKS = 4, 4


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Trials of ``tables.learning_rate`` as points, the best of each half decade as a line."""
    optimizers = list(dict.fromkeys(frame["optimizer"]))
    columns = min(COLUMNS, len(optimizers))
    rows = math.ceil(len(optimizers) / columns)
    figure, panels = canvas(rows, columns, height=1.3 + 2.4 * rows, sharex=True, sharey=True)
    for axes, optimizer in zip(panels, optimizers, strict=False):
        _panel(axes, frame[frame["optimizer"] == optimizer], len(frame))
        axes.set_title(optimizer)
    for axes in panels[len(optimizers) :]:
        figure.delaxes(axes)
    for axes in panels[max(0, len(optimizers) - columns) : len(optimizers)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("learning rate (log)")
    for axes in panels[: len(optimizers) : columns]:
        axes.set_ylabel(f"best {words(frame['metric'].iloc[0])}")
    log_axis(panels[0].xaxis, most=TICKS)
    loss_axis(panels[0].yaxis, frame["loss"])
    legend_below(figure, _entries(frame), ncols=2)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, points: int) -> None:
    first = rows.iloc[0]
    if math.isfinite(first["basin_low"]):
        axes.axvspan(first["basin_low"], first["basin_high"], zorder=1, **_BASIN)
    if math.isfinite(first["boundary"]):
        axes.vlines(first["boundary"], 0, 1, transform=axes.get_xaxis_transform(), zorder=1, **_BOUNDARY)
    best = rows[rows["best_in_bin"]]
    axes.plot(best["learning_rate"], best["loss"], "-", color=BEST, zorder=2, label="best")
    for name, part in _kinds(rows).items():
        marks = _MARKS[name] | dots(points, _MARKS[name].get("markeredgewidth", 1.0))
        axes.plot(part["learning_rate"], part["loss"], zorder=3, label=name, **marks)


_BASIN: dict[str, Any] = {"facecolor": HUES[2], "edgecolor": HUES[2], "linewidth": 1.5, "alpha": 0.3}
_BOUNDARY: dict[str, Any] = {"color": CAPPED, "linestyle": (0, (4, 2)), "linewidth": 1.2}


def _kinds(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    pruned = rows["outcome"] == "pruned"
    return {
        "completed": rows[~rows["capped"] & ~pruned],
        "pruned": rows[~rows["capped"] & pruned],
        "capped": rows[rows["capped"]],
    }


_MARKS: dict[str, dict[str, Any]] = {
    "completed": {
        "marker": "o",
        "linestyle": "none",
        "color": POINT,
        "alpha": 0.75,
        "markeredgecolor": "white",
    },
    "pruned": {
        "marker": "o",
        "linestyle": "none",
        "markerfacecolor": "none",
        "markeredgecolor": POINT,
        "alpha": 0.7,
    },
    "capped": {"marker": "x", "linestyle": "none", "color": CAPPED, "markeredgewidth": 1.6},
}
_SAID = {
    "completed": "completed trial",
    "pruned": "pruned trial (its best until then)",
    "capped": "diverged, or no better than before training",
}


def _entries(frame: pd.DataFrame) -> dict[str, Line2D]:
    found = {_SAID[name]: Line2D([], [], **_MARKS[name]) for name, part in _kinds(frame).items() if len(part)}
    found = {"best of each half decade": Line2D([], [], color=BEST), **found}
    if frame["basin_low"].notna().any():
        wide: dict[str, Any] = {
            "marker": "s",
            "markersize": 9,
            "linestyle": "none",
            "color": HUES[2],
            "alpha": 0.4,
        }
        found["basin: within 10 % of the lowest loss"] = Line2D([], [], **wide)
    if frame["boundary"].notna().any():
        found["half of the trials diverge from here on"] = Line2D([], [], **_BOUNDARY)
    return found


def alt(frame: pd.DataFrame) -> str:
    """Best loss and its learning rate for each optimizer, and how many trials learned nothing."""
    said = []
    for optimizer, rows in frame.groupby("optimizer", sort=False):
        best = rows.sort_values("loss").iloc[0]
        lost = int(rows["capped"].sum())
        tail = f", {lost} of {len(rows)} trials diverged or learned nothing" if lost else ""
        if math.isfinite(best["boundary"]):
            tail += f", half diverge from {best['boundary']:.2g} on"
        said.append(f"{optimizer}: lowest {number(best['loss'])} at {best['learning_rate']:.2g}{tail}")
    metric = words(frame["metric"].iloc[0])
    return f"Best {metric} against learning rate for each optimizer. {'; '.join(said)}."


FIGURE = FigureSpec(
    title="Loss against learning rate",
    table="learning_rate",
    caption="One point per trial; all other settings vary. Losses are capped at the loss before training,"
    " so a diverged trial (×) stands where it learned nothing. A wide basin (green, from the lowest to the "
    "highest rate within 10 % of the best) means that the rate need not be exact; a lowest point at the edge "
    "asks for a wider range.",
    missing="No trial of the search has both a learning rate above 0 and a loss.",
    draw=draw,
    alt=alt,
)
