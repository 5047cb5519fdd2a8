"""Which parameters mattered."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeper.drawing.style import HUES, canvas, themed
from sweeper.figures.spec import FigureSpec


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each parameter of ``tables.importances``, labelled with its share."""
    figure, (axes,) = canvas(height=1.0 + 0.36 * len(frame))
    sns.barplot(
        frame, x="importance", y="parameter", orient="h", color=HUES[0], saturation=1, width=0.65, ax=axes
    )
    for place, share in enumerate(frame["importance"]):
        axes.annotate(f"{100 * share:.0f} %", (share, place), (4, 0), textcoords="offset points", va="center")
    axes.set(xlabel="share of importance", ylabel="", xlim=(0, 1.12 * float(frame["importance"].max()) or 1))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.grid(False, axis="y")
    return figure


def alt(frame: pd.DataFrame) -> str:
    """The shares in words."""
    said = [f"{row['parameter']} {100 * row['importance']:.0f} %" for row in frame.to_dict("records")]
    return f"Share of importance of each parameter: {', '.join(said)}."


FIGURE = FigureSpec(
    title="Which parameters mattered",
    table="importances",
    caption="PED-ANOVA (Watanabe, Bansal and Hutter 2023): how much the choice of each parameter sets the"
    " best trials apart from the others, within the ranges that were searched. A small share may "
    "mean a range too narrow to matter.",
    missing="Too few trials, or too little variation among them, to state importances.",
    draw=draw,
    alt=alt,
)
