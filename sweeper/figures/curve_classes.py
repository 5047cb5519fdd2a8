"""What the curves of the best trials, and of the rest, look like."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, ink, themed
from sweeper.figures.spec import FigureSpec

COLORS = {
    "still improving": HUES[6],
    "saturated": HUES[2],
    "overfitting": HUES[5],
    "unstable": HUES[3],
    "not learning": "#BBBBBB",
    "diverged": HUES[1],
    "cut short": "#DDDDDD",
    "too few points": "#F2F2F2",
}
NARROW = 0.05
"""Share of a bar below which a number does not fit into it."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each group of ``tables.curve_summary``, cut by class."""
    groups = list(dict.fromkeys(frame["group"]))
    figure, (axes,) = canvas(height=1.5 + 0.55 * len(groups))
    for place, group in enumerate(groups):
        start = 0.0
        for row in frame[frame["group"] == group].to_dict("records"):
            color = COLORS[row["class"]]
            axes.barh(place, row["share"], left=start, height=0.7, color=color, edgecolor="white")
            if row["share"] >= NARROW:
                text: dict[str, Any] = {"ha": "center", "va": "center", "color": ink(color)}
                axes.text(start + row["share"] / 2, place, str(row["trials"]), **text)
            start += row["share"]
    totals = frame.groupby("group")["trials"].sum()
    axes.set_yticks(range(len(groups)), [f"{group} (n = {totals[group]})" for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set(xlabel="share of trials; numbers count them", xlim=(0, 1))
    share_ticks(axes.xaxis)
    axes.grid(False, axis="y")
    present = [name for name in COLORS if (frame["class"] == name).any()]
    patches = [Patch(facecolor=COLORS[name], edgecolor="0.4", linewidth=0.5) for name in present]
    figure.legend(patches, present, loc="outside lower left", ncols=4, handlelength=1.4)
    return figure


def alt(frame: pd.DataFrame) -> str:
    """Counts of each class, group by group."""
    said = []
    for group, rows in frame.groupby("group", sort=False):
        counts = ", ".join(f"{row['trials']} {row['class']}" for row in rows.to_dict("records"))
        said.append(f"{group}: {counts}")
    return f"Classes of the validation curves. {'; '.join(said)}."


FIGURE = FigureSpec(
    title="What the curves say",
    table="curve_summary",
    caption="Validation curves of the five best trials, and of all others. Still improving asks for more "
    "steps, saturated for no more; overfitting for regularization; unstable for a lower or a falling rate; "
    "diverged for a lower rate or a warm-up. Trials that were pruned are cut short and not judged.",
    missing="No trial of the search was evaluated, so there is no curve to judge.",
    draw=draw,
    alt=alt,
)
