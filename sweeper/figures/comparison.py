"""Each finalist against the winner: by how much it is worse, and on what share of seeds."""

from typing import cast

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, legend_below, number, themed, words
from sweeper.figures.spec import FigureSpec

COLORS = {"tied": HUES[2], "worse": HUES[1], "worse on average": HUES[5], "fails more often": HUES[7]}
SAID = {
    "tied": "tied with the winner",
    "worse": "worse, on average and on most seeds",
    "worse on average": "worse on average",
    "fails more often": "diverged or failed on more seeds",
}

TICKS = 3
"""At most so many steps between the ticks of the differences, whose labels are long beside long names."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Rivals of ``tables.comparison`` downwards: paired differences left, shares of seeds right."""
    rivals = frame.iloc[1:] if len(frame) > 1 else frame
    figure, (left, right) = canvas(
        1, 2, height=1.9 + 0.45 * len(rivals), sharey=True, gridspec_kw={"width_ratios": (3, 2)}
    )
    columns = ("difference", "difference_low", "difference_high"), ("p_better", "p_low", "p_high")
    for axes, names, middle in zip((left, right), columns, (0.0, 0.5), strict=True):
        axes.axvline(middle, color="0.3", linewidth=1)
        for place, row in enumerate(rivals.to_dict("records")):
            _interval(axes, place, [row[name] for name in names], COLORS.get(row["verdict"], HUES[0]))
    left.set_yticks(range(len(rivals)), [_name(row) for row in rivals.to_dict("records")])
    left.set_ylim(len(rivals) - 0.5, -0.5)
    left.set(xlabel=f"{words(frame['metric'].iloc[0])} above the winner's", title="paired difference")
    right.set(xlabel="share of seeds", title="winner is lower", xlim=(-0.03, 1.03))
    left.xaxis.set_major_locator(MaxNLocator(TICKS))
    share_ticks(right.xaxis, parts=2)
    right.tick_params(left=False)
    cast(ConstrainedLayoutEngine, figure.get_layout_engine()).set(wspace=0.1)
    for axes in (left, right):
        axes.grid(False, axis="y")
    kinds = [kind for kind in COLORS if (rivals["verdict"] == kind).any()]
    if kinds:
        handles = {SAID[k]: Line2D([], [], color=COLORS[k], marker="o", linewidth=2.5) for k in kinds}
        legend_below(figure, handles, ncols=2)
    return figure


def _interval(axes: Axes, place: int, numbers: list[float], color: str) -> None:
    middle, low, high = numbers
    axes.plot([low, high], [place, place], "-", color=color, linewidth=2.5)
    axes.plot([middle], [place], "o", color=color, markersize=7)


def _name(row: dict) -> str:
    return f"{row['label']}{' (simplest)' if row['simplest'] else ''}"


def alt(frame: pd.DataFrame) -> str:
    """Difference with interval and verdict of each rival."""
    winner = frame.iloc[0]
    if len(frame) == 1:
        return f"{winner['label']} is the only finalist with a completed seed, so nothing is compared."
    said = []
    for row in frame.iloc[1:].to_dict("records"):
        ends = f"{number(row['difference_low'])} to {number(row['difference_high'])}"
        known = f"{number(row['difference'])} ({ends})" if pd.notna(row["difference_low"]) else "not known"
        share = (
            f", winner lower on {100 * row['p_better']:.0f} % of seeds" if pd.notna(row["p_better"]) else ""
        )
        said.append(f"{row['label']}: {known}{share}, {row['verdict']}")
    metric = words(frame["metric"].iloc[0])
    return (
        f"Paired difference in {metric} to the winner, {winner['label']}, with intervals. {'; '.join(said)}."
    )


FIGURE = FigureSpec(
    title="Finalists against the winner",
    table="comparison",
    caption="Left, how much higher each finalist scored than the winner on the same seeds: mean and "
    "interval, wide enough that all of them hold at once in 95 % of races. A finalist whose interval "
    "contains 0, or lies just above it, is tied. Right, the share of seeds on which the winner was lower, "
    "with its 95 % interval; one half is a toss-up.",
    missing="No finalist completed a fresh seed, so there is nothing to compare.",
    draw=draw,
    alt=alt,
)
