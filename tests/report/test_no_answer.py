"""The card of a run in which no trial completed."""

import math

from report_inputs import made_study
from synthetic_records import SyntheticRecords

from sweeper.report.card import card


def test_the_reason_of_most_is_told_whatever_its_numbers(records: SyntheticRecords) -> None:
    """Endings that differ in their numbers alone are one, which is counted; other outcomes are left out."""
    trials = records.trials[records.trials["phase"] != "confirm"].head(9)
    losses = [f"training loss 1.{k}e22 at step 1" for k in range(5)]
    ends = {"reason": [*losses, *["RuntimeError: no"] * 4], "outcome": ["diverged"] * 5 + ["failed"] * 4}
    told = card(made_study(), None, trials.assign(objective=math.nan, **ends))
    first = trials["trial"].iloc[0]
    assert told.lead == (
        f"5 of 9 trainings diverged (56 %). The reason (5 trainings, trial #{first} first): {losses[0]}."
    )


def test_the_most_frequent_of_several_reasons_is_told_as_that(records: SyntheticRecords) -> None:
    """Where only one is on record it is the reason."""
    trials = records.trials[records.trials["phase"] != "confirm"].head(5)
    ends = {"reason": ["loss is nan"] * 3 + ["loss is inf at the start"] * 2, "outcome": "diverged"}
    told = card(made_study(), None, trials.assign(objective=math.nan, **ends))
    assert "The most frequent reason (3 trainings" in told.lead
