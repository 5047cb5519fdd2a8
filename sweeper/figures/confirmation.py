"""Finalists on fresh seeds: every seed a dot, the mean with its interval, the search score beside it."""

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import loss_axis
from sweeper.drawing.style import HUES, canvas, legend_below, number, themed, words
from sweeper.figures.spec import FigureSpec

WINNER, TIED, OTHER = HUES[0], HUES[2], HUES[7]


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """One line of dots for each finalist of ``tables.finalists``, the winner on top."""
    ranks = frame.groupby("rank", sort=True).first().reset_index().set_index("rank", drop=False)
    figure, (axes,) = canvas(height=1.7 + 0.5 * len(ranks))
    for rank, row in ranks.iterrows():
        seeds = frame.loc[frame["rank"] == rank, "objective"]
        _finalist(axes, float(str(rank)), row, seeds)
    axes.set_yticks(list(ranks.index), [_name(row) for _, row in ranks.iterrows()])
    axes.set_ylim(len(ranks) + 0.6, 0.4)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"best {words(frame['metric'].iloc[0])}")
    loss_axis(axes.xaxis, [*frame["objective"], *frame["search_objective"]])
    legend_below(figure, _entries(ranks), ncols=3)
    return figure


def _finalist(axes: Axes, y: float, row: "pd.Series", seeds: "pd.Series") -> None:
    color = WINNER if y == 1 else TIED if row["tied"] else OTHER
    below = [y + 0.2] * int(seeds.notna().sum())  # the axis points down
    axes.plot(seeds.dropna(), below, "o", color=color, alpha=0.6, markeredgewidth=0)
    axes.plot([row["search_objective"]], [y], "D", color="white", markeredgecolor="black", zorder=3)
    if row["n"]:
        axes.plot([row["low"], row["high"]], [y, y], "-", color=color, linewidth=2.5, zorder=3)
        axes.plot([row["mean"]], [y], "|", color=color, markersize=17, markeredgewidth=2.5, zorder=4)


def _name(row: "pd.Series") -> str:
    lost = (
        f"\n{row['failures']} of {row['n'] + row['failures']} seeds diverged or failed"
        if row["failures"]
        else ""
    )
    standing = " (tied)" if row["tied"] and row["rank"] != 1 else ""
    if row["dropped"]:
        standing = f" (out after {row['n'] + row['failures']})"
    return f"{row['label']}{standing}{lost}"


def _entries(ranks: pd.DataFrame) -> dict[str, Line2D]:
    interval: dict[str, Any] = {"marker": "|", "markersize": 12, "markeredgewidth": 2.5, "linewidth": 2.5}
    others = ranks.iloc[1:]
    entries = {
        "winner: mean, 95 % interval": Line2D([], [], color=WINNER, **interval),
        "tied with the winner": Line2D([], [], color=TIED, **interval),
        "other finalist": Line2D([], [], color=OTHER, **interval),
        "one fresh seed": Line2D([], [], color=OTHER, alpha=0.6, marker="o", linestyle="none"),
        "score in the search": Line2D(
            [], [], color="white", markeredgecolor="black", marker="D", linestyle="none"
        ),
    }
    if not others["tied"].any():
        del entries["tied with the winner"]
    if others["tied"].all():
        del entries["other finalist"]
    return entries


def alt(frame: pd.DataFrame) -> str:
    """Mean and interval of each finalist, and who is tied."""
    rows = frame.groupby("rank", sort=True).first()
    said = [
        f"{row['label']}: {number(row['mean'])} ({_spread(row)}"
        f"{', tied with the winner' if row['tied'] and rank != 1 else ''})"
        if row["n"]
        else f"{row['label']}: no seed completed"
        for rank, row in rows.iterrows()
    ]
    metric = words(frame["metric"].iloc[0])
    what = f"Mean best {metric} of the finalists on fresh seeds with 95 % intervals, winner first"
    return f"{what}. {'; '.join(said)}."


def _spread(row: "pd.Series") -> str:
    if math.isnan(row["low"]):
        return "1 seed"
    return f"{number(row['low'])} to {number(row['high'])}, {row['n']} seeds"


FIGURE = FigureSpec(
    title="Finalists on fresh seeds",
    table="finalists",
    caption="Each dot is one fresh seed (initial weights, batch order and split drawn anew), the bar the "
    "mean, the line its 95 % interval (one seed has none); lower is better. The diamond is the score in the "
    "search, on one seed.",
    missing="No finalist completed a fresh seed, so there is nothing to compare.",
    draw=draw,
    alt=alt,
)
