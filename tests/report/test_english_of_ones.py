"""What is counted is written as one, both or all of them are."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from judged_reports import judged
from rate_runs import source_of
from report_inputs import made_input, spoken
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.ranked import LOSS
from sweeper.commands.compare.sections import _reached
from sweeper.questions import history, learning_rate, trials
from sweeper.report.card import card


def told(report: Any, **changes: Any) -> dict[str, str]:
    """Label -> meaning of the card of a run whose answer is changed."""
    found = replace(report.answer, **changes)
    return {fact.label: fact.meaning for fact in card(report.study, found, report.records.trials).facts}


def test_one_seed_is_at_its_best_evaluation(records: SyntheticRecords) -> None:
    """Each of several seeds is; one is, and the best of its evaluations is that of no other seed."""
    report = judged(records)
    assert ", each at its best evaluation" in told(report)["Test set"]
    meaning = told(report, test_seeds=1)["Test set"]
    assert "each" not in meaning
    assert ", at its best evaluation" in meaning
    alone = told(report, confirmed=replace(report.answer.confirmed, seeds=1, low=np.nan, high=np.nan))
    assert "one fresh seed, the best of" in alone["Validation loss"]


def test_a_score_that_is_no_number_on_some_seed_is_told_so(records: SyntheticRecords) -> None:
    """It has neither a mean nor an interval, and is not called the same on all seeds."""
    report = judged(records)
    tested = {**report.answer.test, "accuracy": math.nan}
    ends = {name: pair for name, pair in report.answer.test_ends.items() if name != "accuracy"}
    meaning = told(report, test=tested, test_ends=ends)["Test set"]
    assert "; accuracy is not a number on every seed, so without a mean; no choice" in meaning
    assert "accuracy the same on" not in meaning


@pytest.mark.parametrize(
    ("luck", "words"),
    [
        ((0.3, 0.1, 0.6, 2, 2), "of both finalists on fresh seeds"),
        ((0.3, 0.1, 0.6, 3, 3), "of all 3 finalists on fresh seeds"),
        ((0.3, 0.1, 0.6, 2, 3), "of the 2 of 3 finalists that completed"),
    ],
)
def test_two_finalists_are_both(records: SyntheticRecords, luck: tuple[Any, ...], words: str) -> None:
    """All of two are both."""
    assert words in told(judged(records), luck=luck)["How sure"]


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        (["completed", "diverged"], "sgd: lowest 0.5 at 0.01, 1 of 2 trials diverged or was never better"),
        (["completed", "diverged", "diverged"], "2 of 3 trials diverged or were never better"),
        (["diverged"], "the only trial diverged or was never better"),
        (["diverged", "diverged"], "both trials diverged or were never better"),
    ],
)
def test_one_trial_was_never_better(outcomes: list[str], words: str) -> None:
    """The verb goes with the trials that learned nothing, not with all."""
    rows = pd.DataFrame({"outcome": outcomes, "learning_rate": [0.01, 0.1, 1.0][: len(outcomes)]})
    rows["objective"] = np.where(rows["outcome"] == "completed", 0.5, np.nan)
    assert words in learning_rate.alt(learning_rate.learning_rate(source_of(rows)))


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([0.6, 0.5, 0.4, 0.7, 0.8], "The last 2 trials of 5 did not beat trial #2."),
        ([0.6, 0.5, 0.4, 0.7], "The last trial of 4 did not beat trial #2."),
    ],
)
def test_the_last_trial_is_one(scores: list[float], words: str) -> None:
    """How many came after the best is a number from two on."""
    made = source_of(pd.DataFrame({"objective": scores, "learning_rate": 0.1}))
    assert spoken(history.sentences(made, {"history": history.history(made)}))[0] == words


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 0, 1), "The only value tried in both reached a lower score in the search of a."),
        ((0, 0, 1), "The only value tried in both reached the same score in both searches."),
        ((0, 0, 5), "All 5 values tried in both reached the same score in both searches."),
        ((0, 2, 2), "Both values tried in both reached a lower score in the search of b."),
        (
            (1, 1, 3),
            "Of 3 values tried in both, 1 reached a lower score in the search of a, 1 reached a lower",
        ),
    ],
)
def test_values_of_two_searches(counts: tuple[int, int, int], words: str) -> None:
    """Those that reached the same score in both are said to, and nothing is said of none."""
    side: Any = SimpleNamespace(ranked=LOSS, a=SimpleNamespace(name="a"), b=SimpleNamespace(name="b"))
    text = _reached(side, *counts)
    assert text.startswith(words)
    assert ", 0 " not in text


def test_one_trial_is_the_only_one() -> None:
    """Of trials that all ended alike, one is the only one, two are both."""
    made = made_input(synthetic_records(24))
    search = made.trials[made.trials["phase"] != "confirm"]
    for ended, n, words in (
        ("completed", 1, "The only trial of the search completed."),
        ("diverged", 2, "Both trials of the search diverged."),
        ("pruned", 2, "Both trials of the search were pruned"),
    ):
        board = search.head(n).assign(outcome=ended)
        tables = {"leaderboard": board, "reasons": pd.DataFrame({"outcome": pd.Series(dtype=str)})}
        assert trials.sentences(made, tables)[0].startswith(words)
