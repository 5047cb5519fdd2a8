"""The basin of good learning rates of each optimizer × activation."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import HUES, canvas, legend_below, number, themed
from sweeper.figures.spec import FigureSpec

ANY = "any"
COLUMNS, TICKS = 4, 4
_TRIED: dict[str, Any] = {"color": "0.8", "linewidth": 1.2}
_BASIN: dict[str, Any] = {"color": HUES[2], "linewidth": 5.0, "solid_capstyle": "butt"}
_BEST: dict[str, Any] = {
    "color": HUES[4],
    "marker": "o",
    "markersize": 6,
    "linestyle": "none",
    "markeredgecolor": "white",
}
_EDGE: dict[str, Any] = {
    "color": HUES[2],
    "marker": "|",
    "markersize": 9,
    "markeredgewidth": 1.6,
    "linestyle": "none",
}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each optimizer of ``tables.basins``, a line for each activation, all together on top."""
    optimizers = list(dict.fromkeys(frame["optimizer"]))
    names = [ANY, *sorted(set(frame["activation"]) - {ANY})]
    names = names if len(names) != 2 else names[:1]
    columns = min(COLUMNS, len(optimizers))
    rows = math.ceil(len(optimizers) / columns)
    height = 1.3 + rows * (0.7 + 0.24 * len(names))
    figure, panels = canvas(rows, columns, height=height, sharex=True, sharey=True)
    for axes, optimizer in zip(panels, optimizers, strict=False):
        _panel(axes, frame[(frame["optimizer"] == optimizer) & frame["activation"].isin(names)], names)
        axes.set_title(optimizer)
    for axes in panels[len(optimizers) :]:
        figure.delaxes(axes)
    for axes in panels[max(0, len(optimizers) - columns) : len(optimizers)]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("learning rate (log)")
    panels[0].set_yticks(range(len(names)), ["all activations", *names[1:]])
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    log_axis(panels[0].xaxis, most=TICKS)
    legend_below(figure, _entries(), ncols=4)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame, names: list[str]) -> None:
    for row in rows.to_dict("records"):
        place = names.index(row["activation"])
        axes.plot([row["rate_low"], row["rate_high"]], [place] * 2, zorder=1, **_TRIED)
        if pd.notna(row["low"]):
            axes.plot([row["low"], row["high"]], [place] * 2, zorder=2, **_BASIN)
            axes.plot([row["below"], row["above"]], [place] * 2, zorder=2, **_EDGE)
            axes.plot([row["best_rate"]], [place], zorder=3, **_BEST)
    axes.grid(False, axis="y")


def _entries() -> dict[str, Line2D]:
    return {
        "lowest loss": Line2D([], [], **_BEST),
        "within 10 % of it": Line2D([], [], **_BASIN),
        "next rate tried": Line2D([], [], **_EDGE),
        "rates tried": Line2D([], [], **_TRIED),
    }


def alt(frame: pd.DataFrame) -> str:
    """Basin and sensitivity of each optimizer with any activation."""
    said = []
    for row in frame[frame["activation"] == ANY].to_dict("records"):
        if pd.isna(row["low"]):
            said.append(f"{row['optimizer']}: no trial learned")
            continue
        lost = "" if pd.isna(row["lost_share"]) else f", a blind choice loses {100 * row['lost_share']:.0f} %"
        ends = f"{number(row['low'])} to {number(row['high'])}"
        said.append(f"{row['optimizer']}: {ends}, best {number(row['best_rate'])}{lost}")
    return f"Learning rates within 10 % of the lowest loss of each optimizer. {'; '.join(said)}."


FIGURE = FigureSpec(
    title="Basins of the learning rate",
    table="basins",
    caption="Green, the rates of trials whose loss is within 10 % of the lowest (dot) of the same optimizer "
    "and activation. Ticks are the nearest rates tried outside: the edges of the basin lie before them; "
    "where a tick is missing the basin may go on. Other settings vary, one seed each.",
    missing="No trial of the search completed, so no learning rate is known to be good.",
    draw=draw,
    alt=alt,
)
