"""Did the study find what it was expected to find?"""

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.findings import CONTRARY, FOUND, NOT_FOUND

HEADS = {FOUND: "Found", NOT_FOUND: "Not found", CONTRARY: "The contrary was found of this"}


def applies(evidence: Evidence) -> bool:
    """Only for studies that expect something, once something was recorded."""
    return len(evidence.tables["finding"]) > 0


def deciding(frame: pd.DataFrame) -> pd.DataFrame:
    """The number without the sentences, which stand above it."""
    return frame[["verdict", "number", "low", "high", "unit", "basis"]]


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The verdict with the expectation, then the measurement, then who says so."""
    if not applies(evidence):
        return ("Nothing was expected of this study: it has no [expect].",)
    row = evidence.tables["finding"].iloc[0]
    return f"{HEADS[row['verdict']]}: {row['expected']}", row["sentence"], f"Source: {row['expected_by']}."


SECTION = Section(
    key="finding",
    question="Was it found as expected?",
    answer=answer,
    applies=applies,
    shown=(Shown("finding", "The number that decides", deciding),),
    how=(
        "The study file says what is expected, by which source, and which check decides. Found: the whole "
        "95 % interval (or the bracket between two neighbouring rates) lies on the expected side; contrary: "
        "wholly on the other; not found: it holds both, or too little was recorded. Not found is no proof "
        "of the contrary.",
        "Values are compared by the finalists on fresh seeds, pair by pair, each value represented by its "
        "best trial of the search; where it has too few fresh seeds, by medians over search trials.",
    ),
)
