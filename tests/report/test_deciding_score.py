"""Which score decides whether the winner beats guessing: that of the objective, on both kinds of rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from judged_reports import GOOD, everywhere, judged
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import Answer, answer
from sweeper.components.metric_words import metric_words
from sweeper.components.metrics import BY_MAE
from sweeper.questions.run_data import RunData
from sweeper.report.card import card
from sweeper.report.doubts import doubt, warnings, with_warnings
from sweeper.study.study import Study

OBJECTIVES = [
    ("validation_error", None, "accuracy"),
    ("validation_accuracy", None, "accuracy"),
    ("validation_f1_macro", None, "f1_macro"),
    ("validation_rmse", None, "rmse"),
    ("validation_mine", False, "mine"),
    ("validation_mine", True, "mine"),
]
"""Objective, the direction that the study gives it, and the score of the test rows that is like it."""
FEW = 0.05
"""What seeds change a score by."""


def _judged(
    records: SyntheticRecords, objective: str, maximize: bool | None, tested: dict[str, bool]
) -> tuple[Study, Answer, RunData]:
    """A run whose objective beats guessing on validation rows; `tested`: which scores do on test rows."""
    search: dict[str, Any] = {"trials": 60, "space": SPACE, "objective": objective}
    study = made_study(search=search | ({} if maximize is None else {"maximize": maximize}))
    score, up = objective.removeprefix("validation_"), {name: _is_up(name, maximize) for name in tested}
    part = dict.fromkeys(tested, 0.5) | {("accuracy" if score == "error" else score): 0.5}
    guesses = [{"seed": s, "train": part, "validation": part, "test": part} for s in range(6)]
    own = 0.8 if score != "error" and _is_up(score, maximize) else 0.2
    held = records.trials["objective"].notna().map({True: own, False: np.nan})
    costs = held + records.trials["trial"] * (-1e-5 if own > 0.5 else 1e-5)
    trials = records.trials.assign(objective=costs)
    chosen = answer(trials, None, objective=study.objective)
    assert chosen is not None
    scores = [
        {name: 0.5 + (0.3 if up[name] else -0.3) * beats + FEW * (-1) ** k for name, beats in tested.items()}
        for k in range(chosen.confirmed.seeds)
    ]
    known, test = {**GOOD, "scores": guesses}, {"trial": chosen.trial, "scores": scores}
    found = with_warnings(study, answer(trials, test, None, known, objective=study.objective), known)
    assert found is not None
    return study, found, made_input(SyntheticRecords(trials, records.curves, records.layers), study=study)


def _is_up(name: str, maximize: bool | None) -> bool:
    return name in ("accuracy", "f1_macro") or (name == "mine" and bool(maximize))


@pytest.mark.parametrize(("objective", "maximize", "like"), OBJECTIVES)
@pytest.mark.parametrize("beats", [True, False])
def test_the_score_of_the_objective_decides(
    records: SyntheticRecords, objective: str, maximize: bool | None, like: str, beats: bool
) -> None:
    """A loss that is not shown to be better is warned of; a score like the objective withdraws the answer."""
    tested = {"loss": not beats, like: beats}
    study, found, run = _judged(records, objective, maximize, tested)
    told = card(study, found, run.records.trials)
    assert (found.standing != "guess") is beats
    assert not beats or found.warnings[0].startswith("Not shown to be better than guessing by loss on ")
    by = "" if like == "loss" else f"by {metric_words(like)} "  # the loss beats guessing there
    assert beats or told.headline == f"Not shown to be better than guessing {by}on test rows."
    assert bool(found.why_nothing_is_advised) is not beats


@pytest.mark.parametrize(
    ("tested", "where"),
    [
        ({"loss": True, "accuracy": False}, "by accuracy on test rows"),
        ({"loss": True, "accuracy": False, "r2": False}, "by accuracy and R² on test rows"),
        ({"loss": False, "accuracy": False}, "on test rows"),
        ({"loss": False, "accuracy": True}, "by loss on test rows"),
        ({"loss": False, "accuracy": False, "f1_macro": True}, "by loss and accuracy on test rows"),
    ],
)
def test_every_place_says_by_which_score_and_on_which_rows(
    records: SyntheticRecords, tested: dict[str, bool], where: str
) -> None:
    """Headline, badge, next step, the clause of the sections and every rendering have the same words."""
    study, found, run = _judged(records, "validation_loss", None, tested)
    told = card(study, found, run.records.trials)
    clause = f"the winner is not shown to be better than guessing {where}"
    assert told.headline == f"Not shown to be better than guessing {where}."
    assert told.badge == told.headline.rstrip(".")
    assert found.why_nothing_is_advised == clause
    assert told.next_step.text.startswith(f"T{clause[1:]}")
    belongs = "check that targets belong to their rows" in told.next_step.text
    assert belongs is not (tested["loss"] or tested["accuracy"])
    for text in everywhere(replace(run, answer=found)).values():
        assert told.headline in text.replace("Ru00b2", "R²")  # as JSON writes it


def test_what_guessing_is_stands_once_and_belongs_to_its_score(records: SyntheticRecords) -> None:
    """Of several scores the first says it; the median, which counts by MAE alone, stands beside that one."""
    tested = {"loss": False, "r2": False, "mae": False}
    study, found, _ = _judged(records, "validation_loss", None, tested)
    assert found.baseline is not None
    words = f"the constant of lowest Huber loss on the training rows{BY_MAE}"
    both = replace(found.baseline, guess=words)
    weak = tuple(replace(each, gain=-0.3, low=-0.4, high=-0.2) for each in both.test)
    unsound = replace(found, standing="tied", baseline=replace(both, test=weak))
    lead = doubt(study, unsound).lead
    assert (lead.count("Huber"), lead.count("that of guessing"), "MAE:" in lead) == (1, 2, False)
    (warned,) = (text for text in warnings(study, unsound, None) if text.startswith("Worse than guessing by"))
    assert "that of guessing the median of the training rows" in warned
    assert "Huber" not in warned


def test_scores_that_are_the_same_on_two_seeds_have_no_interval(records: SyntheticRecords) -> None:
    """Page, terminal and JSON say that they are the same; nothing is said to be shown by them."""
    trials = records.trials[(records.trials["phase"] != "confirm") | (records.trials["seed"] <= 2)]
    report = judged(SyntheticRecords(trials, records.curves, records.layers))
    found = report.answer
    assert found.baseline is not None
    assert (found.confirmed.seeds, found.test_seeds, found.test_ends) == (2, 2, {})
    assert found.baseline.scores_above == ()
    facts = {fact.label: fact for fact in card(report.study, found, trials).facts}
    assert "loss and accuracy the same on both seeds, so without an interval" in facts["Test set"].meaning
    assert "lower (a gain that is the same on both seeds)" in facts["Guessing"].meaning
    assert found.to_dict()["baseline"]["test"]["accuracy"]["low"] is None
