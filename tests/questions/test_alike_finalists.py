"""What is said of finalists that are as simple as each other, or have the same scores as the winner."""

import pytest
from report_inputs import Asked, asked_of, spoken, with_columns
from run_data import with_records

from sweeper.answer.summary import summarize
from sweeper.questions import comparison, confirmation
from sweeper.wording import number


def test_those_as_simple_as_the_simplest_are_named(asked: Asked) -> None:
    """None is called the simplest where another one is as simple; the price is that of the better mean."""
    tied = with_columns(asked, "comparison", verdict=["winner", "tied", "tied"], simplest=[False, True, True])
    first, second = tied[1]["comparison"]["label"].iloc[1:]
    said = " ".join(spoken(comparison.sentences(*tied)))
    assert f"The simplest of those tied are {first} and {second}, one as simple as the other" in said
    assert f"; of them, {first} has the best mean. Its price: " in said


@pytest.mark.parametrize("tied", [2, 1])
def test_scores_that_are_the_same_are_told_once_and_of_all(asked: Asked, tied: int) -> None:
    """Of a few by name, with those beyond the finalists that are spelled out; where all tied have them, the
    sentence on the winner says it and no other does."""
    zero = [0.0] * (1 + tied) + [0.5] * (2 - tied)
    same = with_columns(
        asked,
        "comparison",
        verdict=["winner", "tied", "tied"],
        simplest=[False, True, False],
        difference=zero,
        difference_low=zero,
        difference_high=[2 * each for each in zero],
    )
    _, *others = same[1]["comparison"]["label"]
    text = " ".join(spoken(confirmation.sentences(*same)))
    of_all = f"It has the same score as {others[0]} and {others[1]} on every seed."
    of_one = f"{others[0]} has the scores of the winner on every seed."
    assert (of_all in text, of_one in text) == (tied == 2, tied == 1)
    assert text.count("on every seed") == 1
    assert "Its price" not in text


def test_a_trial_has_one_label_on_the_page(asked: Asked) -> None:
    """Though one of the search that is no finalist has nearly its settings: every table and the answer that
    name a trial call it the same."""
    trials = asked.run.trials
    finalist = int(trials.loc[trials["phase"] == "confirm", "trial"].iloc[0])
    confirmed = {*trials.loc[trials["phase"] == "confirm", "trial"]}
    other = next(trial for trial in trials["trial"] if trial not in confirmed)
    own = trials[trials["trial"] == finalist].iloc[0]
    shared = ["optimizer", "activation", "learning_rate", "activation_penalty"]
    twin = trials["trial"] == other
    alike = trials.assign(**{name: trials[name].mask(twin, own[name]) for name in shared})
    alike["learning_rate"] = alike["learning_rate"].mask(twin, own["learning_rate"] * (1 + 1e-4))
    run = with_records(asked.run, trials=alike)
    known: dict[int, set[str]] = {}
    for table in asked_of(run).tables.every().values():
        if {"trial", "label"} <= {*table.columns}:
            for trial, label in zip(table["trial"], table["label"], strict=True):
                known.setdefault(int(trial), set()).add(label)
    assert run.answer is not None
    summary = summarize(run.study, run.answer, alike)
    named = zip((*run.answer.tied, *run.answer.unranked), (*summary.tied, *summary.unranked), strict=True)
    for trial, label in named:
        known.setdefault(trial, set()).add(label)
    assert len(known[finalist]) == 1
    assert {trial: names for trial, names in known.items() if len(names) > 1} == {}
    (whole,) = known[finalist]
    assert f"lr {number(own['learning_rate'], 4)}" in whole
