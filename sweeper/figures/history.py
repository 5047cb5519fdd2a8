"""The search in the order of its trials."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import HUES, canvas, dots, legend_below, number, themed, words
from sweeper.figures.spec import FigureSpec

PHASES = {"explore": ("o", HUES[0]), "exploit": ("^", HUES[2])}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Objectives of ``tables.history`` and the best so far; marks at the top for trials without score."""
    figure, (axes,) = canvas(height=3.8)
    for phase, (marker, color) in PHASES.items():
        for outcome, fill in (("completed", color), ("pruned", "none")):
            part = frame[(frame["phase"] == phase) & (frame["outcome"] == outcome)]
            if len(part):
                axes.plot(
                    part["trial"],
                    part["objective"],
                    marker,
                    markerfacecolor=fill,
                    markeredgecolor=color,
                    alpha=0.8,
                    **dots(len(frame)),
                    label=f"{phase}, {outcome}",
                )
    axes.plot(
        frame["trial"], frame["best_so_far"], "-", color=HUES[4], drawstyle="steps-post", label="best so far"
    )
    _without_score(axes, frame)
    axes.set(xlabel="trial, in the order of the search", ylabel=words(frame["metric"].iloc[0]))
    loss_axis(axes.yaxis, frame["objective"])
    legend_below(figure, {str(line.get_label()): line for line in axes.lines})
    for entry in figure.legends[0].get_lines():  # legible however many points there are
        entry.set(**dots(0))
    return figure


def _without_score(axes: Axes, frame: pd.DataFrame) -> None:
    top = axes.get_xaxis_transform()
    for outcome, marker in (("diverged", "x"), ("failed", "+")):
        lost = frame.loc[frame["outcome"] == outcome, "trial"]
        if len(lost):
            style: dict[str, Any] = {
                "color": HUES[1],
                "transform": top,
                "clip_on": False,
                "label": f"{outcome} (no score)",
                **dots(len(frame)),
            }
            axes.plot(lost, [1.03] * len(lost), marker, **style)


def alt(frame: pd.DataFrame) -> str:
    """Outcomes, and how the best fell."""
    counts = frame["outcome"].value_counts()
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    best = frame["best_so_far"].dropna()
    found = frame.loc[best[best == best.iloc[-1]].index[0], "trial"]
    fell = f"from {number(best.iloc[0])} to {number(best.iloc[-1])}, reached at trial {found}"
    metric = words(frame["metric"].iloc[0])
    return f"{len(frame)} search trials ({outcomes}). The best {metric} so far fell {fell}."


FIGURE = FigureSpec(
    title="Search history",
    table="history",
    caption="Explore spreads trials evenly over the space, exploit proposes near what was good. Crosses "
    "at the top are trials without a score. A line that still falls at the right asks for more "
    "trials.",
    missing="No trial of the search completed, so there is no history to show.",
    draw=draw,
    alt=alt,
)
