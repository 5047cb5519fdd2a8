"""Which parameters mattered."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from sweeper.drawing.style import HUES, canvas, themed
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.wording import listing, percent


def importances(run: RunData) -> pd.DataFrame:
    """Columns parameter and importance (shares that sum to 1), largest first; empty for few trials."""
    return run.importances.sort_values("importance", ascending=False, ignore_index=True)


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each parameter of `importances`, labelled with its share."""
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


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """The shares in words."""
    rows = tables["importances"].to_dict("records")
    shares = [f"{row['parameter']} ({percent(row['importance'])})" for row in rows]
    if len(shares) == 1:
        return (
            f"Only {rows[0]['parameter']} varied in every trial, so there is nothing to compare it with.",
        )
    return (
        f"The best trials differ from the rest mostly in {shares[0]}, then {listing(shares[1:4])}.",
        "This holds for the searched ranges; a share says how much a choice mattered, not which value is "
        "best.",
    )


QUESTION = Question(
    key="importances",
    question="Which settings matter most?",
    tables={"importances": importances},
    figure=FigureSpec(
        name="importances",
        table="importances",
        title="Which parameters mattered",
        caption=(
            "PED-ANOVA (Watanabe, Bansal and Hutter 2023): how much the choice of each parameter sets the "
            "best trials apart from the others, within the ranges that were searched. A small share may "
            "mean a range too narrow to matter."
        ),
        missing="Too few trials, or too little variation among them, to compute importances.",
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("importances", "Shares sum to 1"),),
    how=(
        "PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv 2304.10255) over the trials of the search: how "
        "much the distribution of each parameter among the best tenth differs from that among all. Failed "
        "trials are left out, diverged ones count as the worst. Parameters that only some trials have are "
        "left out.",
        "Exploitation samples promising regions more densely, which colours the shares; parameters that "
        "only matter together may get too little.",
    ),
)
