"""Best over nuisance: each scientific value with the same number of trials."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import log_axis, loss_axis
from sweeper.drawing.style import HUES, canvas, legend_below, number, themed, words
from sweeper.figures.spec import FigureSpec


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each parameter of ``tables.isolation``, its values downwards, the best on top."""
    parameters = list(dict.fromkeys(frame["parameter"]))
    most = int(frame["parameter"].value_counts().max())
    figure, panels = canvas(1, len(parameters), height=1.6 + 0.32 * most, sharex=True)
    for axes, parameter in zip(panels, parameters, strict=True):
        rows = frame[frame["parameter"] == parameter].reset_index(drop=True)
        _panel(axes, rows)
        axes.set_ylim(most - 0.5, -0.5)
        budget = rows["budget"].iloc[0]
        axes.set_title(f"by {parameter}: best of {budget} trial{'s' if budget > 1 else ''}")
        axes.set_xlabel(words(frame["metric"].iloc[0]))
    loss_axis(panels[0].xaxis, frame[["expected_best", "high", "best"]].to_numpy().ravel())
    if panels[0].get_xscale() == "log":
        left = float(frame["best"].min()) / 1.5
        panels[0].set_xlim(left=left)
        log_axis(panels[0].xaxis)
        for axes, parameter in zip(panels, parameters, strict=True):
            _leaving(axes, frame.loc[frame["parameter"] == parameter, "low"] < left, left)
    entries = {
        "expected best, 95 % interval": Line2D([], [], linewidth=2.5, **_MEAN),
        "best of all its trials": Line2D([], [], **_BEST),
    }
    legend_below(figure, entries, ncols=2)
    return figure


_MEAN: dict[str, Any] = {"color": HUES[0], "marker": "o", "markersize": 7}
_BEST: dict[str, Any] = {"color": "white", "marker": "D", "markeredgecolor": "black", "linestyle": "none"}


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    places = range(len(rows))
    least = float(rows["best"].min())
    low = rows["low"].clip(lower=least / 10) if least > 0 else rows["low"]  # 0 has no place on a log axis
    axes.hlines(places, low, rows["high"], color=HUES[0], linewidth=2.5)
    axes.plot(rows["expected_best"], places, linestyle="none", **_MEAN)
    axes.plot(rows["best"], places, zorder=3, **_BEST)
    names = [f"{row['value']} (n = {row['trials']})" for row in rows.to_dict("records")]
    axes.set_yticks(list(places), names)
    axes.grid(False, axis="y")


def _leaving(axes: Axes, below: "pd.Series[bool]", left: float) -> None:
    """An arrow at the left end of the panel for each interval that goes on beyond it."""
    places = [place for place, leaves in enumerate(below) if leaves]
    if places:
        axes.scatter([left] * len(places), places, marker="<", color=HUES[0], s=45, clip_on=False, zorder=4)


def alt(frame: pd.DataFrame) -> str:
    """Expected best with interval of each value."""
    said = []
    for parameter, rows in frame.groupby("parameter", sort=False):
        lines = [
            f"{row['value']} {number(row['expected_best'])}"
            + (f" ({number(row['low'])} to {number(row['high'])})" if pd.notna(row["low"]) else "")
            for row in rows.to_dict("records")
        ]
        said.append(f"by {parameter}, best of {rows['budget'].iloc[0]}: {', '.join(lines)}")
    metric = words(frame["metric"].iloc[0])
    return f"Expected best {metric} of equally many trials of each value, one seed each. {'; '.join(said)}."


FIGURE = FigureSpec(
    title="Best over nuisance",
    table="isolation",
    caption="What each value reaches when all get the same number of trials, other settings drawn at "
    "random: the mean over all subsets of its n trials, with a 95 % bootstrap interval. Trials that diverged "
    "count at the loss before training. Diamonds are the best of the whole search, where promising values "
    "were tried more often; an arrow is an interval that goes on. Exploratory: one seed each.",
    missing="Nothing to compare: fewer than two values of each scientific parameter have trials.",
    draw=draw,
    alt=alt,
)
