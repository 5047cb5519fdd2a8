"""Whether trainings ended too early, overfitted or broke, and what to do about it."""

from collections.abc import Mapping

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.statistics.curve_class import DIVERGED, STUCK, UNSTABLE
from sweeper.tables.curve_classes import BEST, REST
from sweeper.wording import count, listing

BROKEN = (DIVERGED, UNSTABLE, STUCK)
"""Classes whose advice does not hang on the steps of one trial."""


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Classes of the best curves and of the others, then what they advise."""
    summary, classes = evidence.tables["curve_summary"], evidence.tables["curve_classes"]
    said = [text for group in (BEST, REST) if (text := _counts(summary[summary["group"] == group], group))]
    best = classes[classes["group"] == BEST].sort_values(["lowest", "trial"])
    advised = [
        f"Trial #{row['trial']} ({row['class']}): {row['advice']}."
        for row in best[best["advice"] != ""].drop_duplicates("class").to_dict("records")
    ]
    rest = classes[(classes["group"] == REST) & (classes["advice"] != "")]
    advised += [_usual(name, rest[rest["class"] == name]) for name in BROKEN if (rest["class"] == name).any()]
    return (*said, *advised, "One seed behind each curve.")


def _counts(rows: pd.DataFrame, group: str) -> str:
    if rows.empty:
        return ""
    parts = [_class(row) for row in rows.to_dict("records")]
    total = int(rows["trials"].sum())
    if group == BEST:
        return f"{count(total, 'best training')}: {listing(parts)}."
    return f"{count(total, 'other')}: {listing(parts)}."


def _class(row: Mapping[object, object]) -> str:
    return f"{row['trials']} {row['class']}"


def _usual(name: str, rows: pd.DataFrame) -> str:
    text, times = rows["advice"].value_counts().index[0], int(rows["advice"].value_counts().iloc[0])
    return f"{name.capitalize()} ({times} of {len(rows)}): {text}."


SECTION = Section(
    key="curve-classes",
    question="Did trainings end too early, overfit, or break?",
    answer=answer,
    figure="curve_classes",
    shown=(
        Shown("curve_summary", "Trials of each class"),
        Shown("curve_classes", "One row per trial"),
    ),
    how=(
        "Each validation curve is put in the first class that holds. Not learning: fell by less than 5 %. "
        "Unstable: noise above 20 % of the loss, or ups that come down again above a quarter of the fall. "
        "Overfitting: ended more than 10 % above its lowest, reached in the first four fifths, while the "
        "train loss fell. Still improving: fell by more than 3 % over the last quarter, beyond its noise. "
        "Else saturated.",
        "Best and others are counted apart, because picking the best hides what goes wrong. Pruned trials "
        "are “cut short” and not judged. Advice is a place to start, not a result of this search.",
    ),
)
