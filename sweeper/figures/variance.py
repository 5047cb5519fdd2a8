"""How much of the scores of the finalists is settings, and how much is the seed."""

import pandas as pd
from matplotlib.figure import Figure

from sweeper.drawing.scales import share_ticks
from sweeper.drawing.style import HUES, canvas, themed
from sweeper.figures.spec import FigureSpec

MEANINGS = {
    "settings": "settings",
    "seed": "seed, alike for all\n(split, data)",
    "settings × seed": "seed, each differently\n(weights, batches)",
}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each component of ``tables.variance``, with the interval of its share."""
    figure, (axes,) = canvas(height=2.5)
    places = range(len(frame))
    axes.barh(places, frame["share"], height=0.6, color=[HUES[0], HUES[7], HUES[6]][: len(frame)])
    axes.hlines(places, frame["low"], frame["high"], color="black", linewidth=1.8, zorder=3)
    for place, row in enumerate(frame.to_dict("records")):
        axes.annotate(
            f"{100 * row['share']:.0f} %",
            (max(row["high"], row["share"]), place),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set_yticks(list(places), [MEANINGS[name] for name in frame["component"]])
    axes.set_ylim(len(frame) - 0.4, -0.6)
    axes.set(xlabel="share of the variance of scores", xlim=(0, 1.1))
    share_ticks(axes.xaxis)
    axes.grid(False, axis="y")
    return figure


def alt(frame: pd.DataFrame) -> str:
    """Shares with intervals."""
    said = [
        f"{row['component']} {100 * row['share']:.0f} % ({100 * row['low']:.0f} to {100 * row['high']:.0f} %)"
        for row in frame.to_dict("records")
    ]
    first = frame.iloc[0]
    counts = f"{first['finalists']} finalists on {first['seeds']} seeds"
    return f"Shares of the variance of scores with 95 % intervals, {counts}: {', '.join(said)}."


FIGURE = FigureSpec(
    title="Settings or luck",
    table="variance",
    caption="Of the spread of the finalists' scores on fresh seeds: what lies between settings, what a seed "
    "does to all of them alike, and what it does to each differently; lines are 95 % intervals. Where "
    "seeds weigh more than settings, one training tells little about settings.",
    missing="Fewer than two finalists completed the same seeds, so their spread cannot be taken apart.",
    draw=draw,
    alt=alt,
)
