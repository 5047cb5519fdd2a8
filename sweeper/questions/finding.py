"""Did the study find what it was expected to find?"""

import pandas as pd

from sweeper.questions.checks import CHECKS
from sweeper.questions.checks.verdict import CONTRARY, FOUND, NOT_FOUND, NOTHING, CheckResult
from sweeper.questions.question import ANSWER, Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.study.expect import ExpectSection
from sweeper.wording import ended

HEADS = {FOUND: "Found", NOT_FOUND: "Not found", CONTRARY: "The contrary was found"}
UNDECIDED = "Not decided"
"""Where too little is on record to measure anything."""
COLUMNS = ["verdict", "expected", "expected_by", "number", "low", "high", "unit", "basis", "sentence"]


def finding_of(run: RunData, expect: ExpectSection) -> CheckResult | None:
    """The verdict on what was expected; ``None`` where nothing was, or nothing was recorded."""
    arguments = expect.arguments
    if expect.check is None or arguments is None or run.trials.empty:
        return None
    return CHECKS[expect.check](run, arguments)


def finding(run: RunData) -> pd.DataFrame:
    """One row, columns as in `COLUMNS`; empty where `finding_of` is ``None``."""
    found = finding_of(run, run.study.expect)
    if found is None:
        return pd.DataFrame(columns=COLUMNS)
    said = {"expected": run.study.expect.finding, "expected_by": run.study.expect.source}
    return pd.DataFrame([{**vars(found), **said}])[COLUMNS]


def applies(run: RunData, tables: Tables) -> bool:
    """Only for studies that expect something, once something was recorded."""
    return len(tables["finding"]) > 0


def deciding(frame: pd.DataFrame) -> pd.DataFrame:
    """The number without the sentences, which stand above it."""
    told = frame["verdict"].mask(frame["basis"] == NOTHING, UNDECIDED.lower())
    return frame.assign(verdict=told)[["verdict", "number", "low", "high", "unit", "basis"]]


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """The verdict with the expectation, then the measurement, then who says so."""
    if not applies(run, tables):
        return ("The study has no [expect] section, so nothing was expected.",)
    row = tables["finding"].iloc[0]
    source = str(row["expected_by"]).strip()
    named = (ended(f"Source: {source}"),) if source else ()
    head = UNDECIDED if row["basis"] == NOTHING else HEADS[row["verdict"]]
    return ended(f"{head}: {row['expected']}"), row["sentence"], *named


QUESTION = Question(
    key="finding",
    question="Did the study find what was expected?",
    part=ANSWER,
    tables={"finding": finding},
    sentences=sentences,
    applies=applies,
    shown=(Shown("finding", "The number that decides", deciding),),
    how=(
        "The study file states the expectation and the check that decides. Found: the whole 95 % interval "
        "(or the bracket between two neighbouring rates) lies on the expected side. Contrary: it lies "
        "wholly on the other side. Not found: it contains both, or what follows forbids to decide; that does "
        "not prove the contrary. Not decided: too little is on record.",
        "Values are compared by finalists on fresh seeds, pair by pair, each value represented by its "
        "finalist that is best in the search. Fresh seeds pick the answer: were it to represent its value, "
        "that value would look better than it is. The two may differ in other settings, which the sentence "
        "names; a published default is not tuned, so its value may do better. Nothing is decided of scores "
        "against a value of which a finalist is not shown to be worse, nor between two of which the race "
        "shows neither to be worse than its winner. Where fresh seeds are too few, medians over trials of "
        "the exploration are compared, at least five of each.",
    ),
)
