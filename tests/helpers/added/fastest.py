"""Which optimizer took the least time."""

import pandas as pd
from matplotlib.figure import Figure

from sweeper.drawing.style import canvas, themed
from sweeper.questions.question import FigureSpec, Question, Shown, Tables
from sweeper.questions.run_data import RunData


def fastest(run: RunData) -> pd.DataFrame:
    """Median seconds of a training, by optimizer."""
    return (
        run.trials.groupby("optimizer", as_index=False)["seconds"]
        .median()
        .rename(columns={"seconds": "median_seconds"})
    )


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A bar for each optimizer."""
    figure, (axes,) = canvas(height=2.5)
    axes.barh(frame["optimizer"], frame["median_seconds"])
    axes.set(xlabel="seconds")
    return figure


def alt(frame: pd.DataFrame) -> str:
    """How many bars there are."""
    return f"{len(frame)} optimizers."


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """The one with the lowest median."""
    frame = tables["fastest"]
    return (f"The fastest was {frame.loc[frame['median_seconds'].idxmin(), 'optimizer']}.",)


QUESTION = Question(
    key="fastest",
    question="Which optimizer took the least time?",
    sentences=sentences,
    tables={"fastest": fastest},
    figure=FigureSpec(
        name="fastest",
        table="fastest",
        title="Seconds of a training",
        caption="Medians over all trainings.",
        missing="Nothing was trained.",
        draw=draw,
        alt=alt,
    ),
    shown=(Shown("fastest", "One row per optimizer"),),
    how=("Wall time of each training.",),
)
