"""The questions of the page, in its order: one file each, with its tables, figures, facts and claims.

A new question is one file that ends in a `Question`, its import and its line here. Within a question only the
tables compute; figure and sentences state what the tables hold.

Questions draw, so importing this room imports matplotlib and seaborn: only what writes a page does so, and
only then. What the terminal says as well (the winner, how sure, what is tied) lies in `sweeper.answer`, which
draws nothing.
"""

from collections.abc import Callable

import pandas as pd

from sweeper.questions import (
    confirmation,
    curve_classes,
    finding,
    gradients,
    history,
    importances,
    isolation,
    learning_rate,
    penalty_effects,
    run,
    stability,
    trials,
    units_over_time,
    variance,
)
from sweeper.questions.question import FigureSpec, Question
from sweeper.questions.run_data import RunData

__all__ = ["FIGURES", "QUESTIONS", "TABLES"]

QUESTIONS: tuple[Question, ...] = (
    finding.QUESTION,
    confirmation.QUESTION,
    variance.QUESTION,
    learning_rate.QUESTION,
    penalty_effects.QUESTION,
    gradients.QUESTION,
    units_over_time.QUESTION,
    stability.QUESTION,
    isolation.QUESTION,
    curve_classes.QUESTION,
    importances.QUESTION,
    history.QUESTION,
    trials.QUESTION,
    run.QUESTION,
)
"""In the order of the page, part by part."""
TABLES: dict[str, Callable[[RunData], pd.DataFrame]] = {
    name: table for question in QUESTIONS for name, table in question.tables.items()
}
"""Every table of the report by the name of its CSV file."""
FIGURES: dict[str, FigureSpec] = {
    figure.name: figure for question in QUESTIONS for figure in question.figures
}
"""Every figure of the report by the name of its PNG file."""
