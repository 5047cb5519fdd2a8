"""Sharpness against limits, and what the report says of it."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from made_up import study
from run_data import run_data, with_records
from synthetic_records import SyntheticRecords

from sweeper.components.losses import LOSSES
from sweeper.questions.run_data import RunData
from sweeper.questions.stability import QUESTION, SUMMARY, alt, draw, stability, stability_trials
from sweeper.questions.stability_words import curvature
from sweeper.study.study import Study


def source(rows: list[dict], curves: list[tuple]) -> RunData:
    """Records; curves are (trial, step, sharpness, preconditioned or None, next rate, loss or 1)."""
    base = {"phase": "explore", "seed": 0, "objective": 1.0, "steps": 9, "activation": "relu", "reason": ""}
    trials = pd.DataFrame([{**base, **row} for row in rows])
    long = []
    for trial, step, sharp, conditioned, rate, *loss in curves:
        found = {"sharpness": sharp, "preconditioned_sharpness": conditioned, "next_learning_rate": rate}
        found["sharpness_loss"] = loss[0] if loss else 1.0
        long += [(trial, 0, step, name, value) for name, value in found.items() if value is not None]
    columns = ["trial", "seed", "step", "metric", "value"]
    return run_data(trials, pd.DataFrame(long, columns=columns), pd.DataFrame())


ROWS = [
    {"trial": 0, "optimizer": "momentum", "learning_rate": 0.1, "outcome": "completed", "momentum": 0.5},
    {"trial": 1, "optimizer": "adam", "learning_rate": 0.01, "outcome": "completed", "betas": "[0.8, 0.99]"},
    {"trial": 2, "optimizer": "sgd", "learning_rate": 1.0, "outcome": "diverged", "objective": math.nan},
    {"trial": 3, "optimizer": "lion", "learning_rate": 1.0, "outcome": "diverged", "objective": math.nan},
    {"trial": 4, "optimizer": "sgd", "learning_rate": 0.5, "outcome": "diverged", "objective": math.nan},
]
CURVES = [
    (0, 0, 30.0, None, 0.1),
    (0, 8, 15.0, None, 0.05),
    (1, 0, 7.0, None, 0.01),
    (1, 8, 7.0, 900.0, 0.01),
    (2, 0, 1.0, None, 1.0),
    (2, 1, 5.0, None, 1.0),
    (3, 1, 5.0, None, 1.0),
    (4, 0, 2.0, None, 0.5),
    (4, 1, 9.0, None, 0.5, 2.1),  # sharp only when the loss has already doubled
    (4, 2, 9.0, None, 0.5, 1.9),  # … or was blown up and came back
]


def test_ratios_are_rate_times_curvature_over_the_limit() -> None:
    """Heavy ball 2(1 + β); Adam with the preconditioned sharpness, (1 + β1)/(1 − β1) × 2; none for Lion."""
    frame = stability(source(ROWS, CURVES))
    assert frame["trial"].tolist() == [0, 0, 1, 1, 2, 2, 3, 4, 4, 4]
    expected = [3.0 / 3, 0.75 / 3, math.nan, 9 / 18, 0.5, 2.5, math.nan, 0.5, 2.25, 2.25]
    np.testing.assert_allclose(frame["ratio"], expected)
    assert frame["limit"].dropna().tolist() == pytest.approx([3, 3, 18, 18, *[2] * 5])


def test_losses_and_batches_of_single_optimizers_count() -> None:
    """What makes the limit inexact for the trials of one optimizer is said beside that of the section."""
    asked = source(ROWS, CURVES)
    tables = {"stability": stability(asked), "stability_trials": stability_trials(asked)}
    own = {"training.loss.adam": "l1", "training.batch_size.adam": 32, "training.batch_size": "full"}
    space = {"optimizer": ["sgd", "adam"], "learning_rate": 0.1, **own}
    two = Study(name="two", trusted=True, search={"space": space})
    text = " ".join(QUESTION.sentences(replace(asked, study=two), tables))
    assert "mini-batches add noise" in text
    assert "; the loss l1 is not quadratic everywhere" in text
    assert text.count("the loss cross_entropy") == 1


def test_one_row_per_trial_with_a_limit() -> None:
    """First, largest and last ratio, where it first was above 1, and whether the loss was intact then."""
    found = stability_trials(source(ROWS, CURVES)).set_index("trial")
    assert list(found) == SUMMARY[1:]
    assert found.index.tolist() == [0, 1, 2, 4]
    assert found.loc[2, ["points", "first", "largest", "last", "above_at"]].tolist() == [2, 0.5, 2.5, 2.5, 1]
    assert found["above_at"].isna().tolist() == [True, True, False, False]
    assert found["above_intact"].tolist() == [False, False, True, False]


def test_nothing_measured_gives_empty_tables(records: SyntheticRecords) -> None:
    """Records without sharpness."""
    frame = source(ROWS, CURVES)
    empty = with_records(frame, curves=frame.curves[:0])
    assert stability(empty).empty
    assert stability_trials(empty).empty
    assert stability_trials(empty).columns.tolist() == SUMMARY


def said(asked: RunData, **training: object) -> str:
    """The section's sentences for a study with this training."""
    made = study({"optimizer": "sgd", "learning_rate": 0.1})
    made = made.model_copy(update={"training": made.training.model_copy(update=training)})
    tables = {"stability": stability(asked), "stability_trials": stability_trials(asked)}
    return " ".join(QUESTION.sentences(replace(asked, study=made), tables))


def test_diverged_trials_are_counted_and_validity_is_stated() -> None:
    """One of two was seen above its limit; the best are placed; the yardstick is called one."""
    text = said(source(ROWS, CURVES))
    assert text.startswith("At the last measurement, learning rate × sharpness of the 2 completed trials")
    places = "0.25 (#0) and 0.5 (#1) times the stability limit, both below it"
    assert f"2 completed trials measured was {places}." in text
    assert (
        "Of 2 diverged trials that were measured and whose optimizer has a limit, 1 had a learning rate × "
        "sharpness above "
        "the limit of the optimizer while the loss was still below 2 × its first value; 1 was measured that "
        "early and not above it, only later (#4 at step 1, when its loss was 2.1 × the first): the limit "
        "alone does not explain it." in text
    )
    assert "a yardstick only: mini-batches add noise" in text
    assert "the loss cross_entropy" in text


def test_where_all_diverged_trials_were_above_the_limit_it_says_so() -> None:
    """In words for one and for several."""
    asked = source(ROWS[:3] + ROWS[4:], CURVES[:6] + CURVES[7:])
    every = stability_trials(asked).assign(above_intact=True)
    lost = every["outcome"] == "diverged"
    for trials, who in (
        (every, "Both diverged trials that were measured"),
        (every[~lost | ~lost.cumsum().gt(1)], "The diverged trial that was measured"),
    ):
        measured = stability(asked)
        measured = measured[measured["trial"].isin(trials["trial"])]
        tables = {"stability": measured, "stability_trials": trials}
        text = " ".join(map(str, QUESTION.sentences(asked, tables)))
        assert f" {who} had a learning rate × sharpness above the limit" in text
        assert "the limit alone does not tell which trials diverge" in text
        assert "may be why" not in text
    below = {**tables, "stability_trials": every.assign(above_intact=lost)}
    text = " ".join(map(str, QUESTION.sentences(asked, below)))
    assert "By the linear theory such steps grow, so they may be why." in text
    assert "explain" not in text  # few trials, and a yardstick only


def test_where_the_theory_holds_it_says_so() -> None:
    """Full batch, mean squared error, constant rate: no reason against it."""
    text = said(source(ROWS[:1], CURVES[:2]), batch_size="full", loss="mse")
    assert "No trial of the search diverged." in text
    assert "yardstick" not in text


def test_without_a_limit_it_says_so() -> None:
    """Lion alone."""
    assert said(source(ROWS[3:4], CURVES[6:7])).startswith("There is no limit to compare with")


@pytest.mark.parametrize("rows", [slice(0, 5), slice(0, 1), slice(3, 4), slice(2, 3)])
def test_the_figure_shows_every_ratio(rows: slice) -> None:
    """One line per trial that has a ratio, and the limit at 1; also where there is nothing but Lion."""
    numbers = [row["trial"] for row in ROWS[rows]]
    frame = stability(source(ROWS[rows], [c for c in CURVES if c[0] in numbers]))
    figure = draw(frame)
    drawn = [y for axes in figure.axes for line in axes.lines for y in line.get_ydata()]
    for ratio in frame["ratio"].dropna():
        assert ratio in drawn
    assert 1 in drawn
    assert alt(frame)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "mse"])
def test_what_is_said_of_a_loss_s_curvature_is_true_of_it(name: str) -> None:
    """It falls as rows are fitted for losses of logits; others are not said to flatten."""
    loss, falls = LOSSES[name], "falls once the rows are fitted" in curvature(name)
    if loss.task == "regression":
        assert not falls
        return
    target = torch.tensor([1]) if loss.task == "classification" else torch.ones(1, 1, dtype=torch.float64)

    def at(logit: torch.Tensor) -> torch.Tensor:
        output = torch.stack([-logit, logit])[None] if loss.task == "classification" else logit[None, None]
        return loss.function(output, target)

    far, near = (
        float(torch.autograd.functional.hessian(at, torch.tensor(logit, dtype=torch.float64)))
        for logit in (0.0, 6.0)
    )
    assert falls is (near < 0.01 * far)


def test_a_rate_that_fell_to_0_is_judged_at_its_largest() -> None:
    """At the end of a schedule the ratio says nothing; at a constant rate those that came down are told."""
    asked = source(ROWS, CURVES)
    trials = stability_trials(asked)
    trials = trials[trials["outcome"] == "completed"].assign(largest=[1.96, 0.9], last=[6.4e-8, 0.5])
    tables = {"stability": stability(asked), "stability_trials": trials}
    for schedule in ("constant", "cosine"):
        training = asked.study.training.model_copy(update={"schedule": schedule})
        run = replace(asked, study=asked.study.model_copy(update={"training": training}))
        text = " ".join(map(str, QUESTION.sentences(run, tables)))
        if schedule == "constant":
            assert (
                "0.5 (#1) times the stability limit, both below it. 1 of the 2 was above it (over 1) before."
                in text
            )
        else:
            places = "2 (#0, above it) and 0.9 (#1, just below it) times the stability limit"
            assert f"trials measured reached {places}." in text
            assert "6.4e-8" not in text
    for schedule in ("constant", "cosine"):
        searched = asked.records.trials.assign(**{"training.schedule": schedule})
        run = replace(asked, records=replace(asked.records, trials=searched))
        text = " ".join(map(str, QUESTION.sentences(run, tables)))
        assert ("the rate changes" in text) is (schedule == "cosine")


@pytest.mark.parametrize(
    ("largest", "last", "words"),
    [
        ([4.0, 6.0, 9.0], [2.8, 1.2, 0.3], "The one that ended below it was above it (over 1) before."),
        ([4.0, 6.0, 9.0], [2.8, 0.2, 0.3], "Both that ended below it were above it (over 1) before."),
        ([4.0, 0.6, 9.0], [2.8, 0.2, 0.3], "1 of the 2 that ended below it was above it (over 1) before."),
        ([4.0, 6.0, 9.0], [0.1, 0.2, 0.3], "All 3 were above it (over 1) before."),
        ([4.0, 0.6, 9.0], [0.1, 0.2, 0.3], "2 of the 3 were above it (over 1) before."),
        ([4.0, 1.035, 9.0], [0.1, 0.2, 0.3], "All 3 were above it (over 1) before."),
        ([1.0, 1.1, 9.0], [0.1, 0.99, 1.01], "1 of the 2 that ended below it was above it (over 1) before."),
        ([4.0], [0.1], "It was above it (over 1) before."),
    ],
)
def test_those_that_came_down_are_counted_among_those_below(
    largest: list[float], last: list[float], words: str
) -> None:
    """One that was above the limit and still is did not come down, and the sentence does not speak of it."""
    asked = source(ROWS, CURVES)
    row = stability_trials(asked).query("outcome == 'completed'").head(1)
    trials = pd.concat([row] * len(last), ignore_index=True).assign(largest=largest, last=last)
    tables = {"stability": stability(asked), "stability_trials": trials}
    text = " ".join(map(str, QUESTION.sentences(asked, tables)))
    assert text.count("above it (over 1) before.") == 1
    assert words in text


def test_the_only_one_measured_is_named() -> None:
    """A better trial may have an optimizer that has no limit: the best of the search is another one then."""
    asked = source([{**ROWS[0], "optimizer": "lion"}, ROWS[1]], CURVES[:4])
    tables = {"stability": stability(asked), "stability_trials": stability_trials(asked)}
    text = " ".join(map(str, QUESTION.sentences(asked, tables)))
    only = "the completed trial measured whose ratio is known, #1, was 0.5 times the stability limit"
    assert f"learning rate × sharpness of {only}" in text
