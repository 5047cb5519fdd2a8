"""What the activation penalty changes, decade by decade of its weight."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sweeper.drawing.style import HUES, canvas, legend_below, themed, words
from sweeper.figures.spec import FigureSpec

DECADES = ("vs zero", "vs lowest")
FOUND, NOTHING = HUES[1], HUES[7]


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each quantity of ``tables.penalty_effects``, decades of the weight from left to right."""
    rows = decades(frame)
    quantities = list(dict.fromkeys(rows["quantity"]))
    figure, panels = canvas(-(-len(quantities) // 2), min(2, len(quantities)), height=_height(quantities))
    places = {low: place for place, low in enumerate(sorted(rows["weight_low"].unique()))}
    for axes, quantity in zip(panels, quantities, strict=False):
        _panel(axes, rows[rows["quantity"] == quantity], places)
        axes.set_title(words(quantity))
    for axes in panels[len(quantities) :]:
        figure.delaxes(axes)
    entries = {
        "interval leaves 0 out": Line2D([], [], color=FOUND, marker="o", linewidth=2.2),
        "no effect found": Line2D([], [], color=NOTHING, marker="o", linewidth=2.2),
    }
    legend_below(figure, entries, ncols=2)
    return figure


def decades(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn; the trends where no decade could be compared."""
    rows = frame[frame["contrast"].isin(DECADES)]
    trends = frame[(frame["contrast"] == "per decade") & (frame["kind"] == "any")]
    return rows if len(rows) else trends if len(trends) else frame


def _height(quantities: list[str]) -> float:
    return 1.0 + 2.3 * -(-len(quantities) // 2)


def _panel(axes: Axes, rows: pd.DataFrame, places: dict[float, int]) -> None:
    axes.axhline(0, color="0.3", linewidth=1)
    for row in rows.to_dict("records"):
        at, color = places[row["weight_low"]], FOUND if row["found"] else NOTHING
        axes.plot([at, at], [row["low"], row["high"]], "-", color=color, linewidth=2.2)
        axes.plot([at], [row["effect"]], "o", color=color, markersize=7)
    axes.set_xticks(list(places.values()), [_decade(low) for low in places])
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_xlabel("weight from … on")
    relative, reference = rows["unit"].iloc[0] == "relative", rows["contrast"].iloc[0]
    against = {"vs zero": "against weight 0", "vs lowest": "against the lowest"}.get(reference, reference)
    axes.set_ylabel(f"change {against}")
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if relative:
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
    axes.grid(False, axis="x")


def _decade(low: float) -> str:
    return f"{low:.0e}".replace("e-0", "e-")


def _percent(value: float, _: Any = None) -> str:
    return "0" if value == 0 else f"{100 * value:+.0f} %".replace("-", "−")


def alt(frame: pd.DataFrame) -> str:
    """What was found and what was not, quantity by quantity."""
    said = []
    for quantity, rows in decades(frame).groupby("quantity", sort=False):
        found = rows[rows["found"]]
        lines = [
            f"{row['finding']} it from weight {_decade(row['weight_low'])} on by {_size(row)}"
            for row in found.to_dict("records")
        ]
        said.append(f"{words(str(quantity))}: {', '.join(lines) or 'no effect found'}")
    return (
        f"Effect of the activation penalty by decade of its weight, other settings alike. {'; '.join(said)}."
    )


def _size(row: dict) -> str:
    return _percent(row["effect"]) if row["unit"] == "relative" else f"{row['effect']:+.3g}".replace("-", "−")


FIGURE = FigureSpec(
    title="What the activation penalty changes",
    table="penalty_effects",
    caption="Change against trials without penalty (or with the smallest weights), other settings held alike "
    "by regression, with 95 % intervals that hold together for all decades of a panel. Grey intervals "
    "contain 0: no effect was found, which is not to say that there is none. The gap is validation "
    "minus train loss.",
    missing="The weight of the activation penalty was not varied, or too few trials completed to compare its "
    "decades.",
    draw=draw,
    alt=alt,
)
