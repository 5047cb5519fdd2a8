"""What a best rate is worth: against guessing, and beside the rates with which trainings diverge."""

import shlex
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from transfers import CONDITIONS, LAW, LOSS, OVER, frame

from sweeper.commands.transfer.journey import next_command
from sweeper.commands.transfer.law import Prediction
from sweeper.commands.transfer.limits import (
    GUESSING,
    beyond_the_limit,
    diverges_from,
    learned,
    limit_sentences,
    picked_by_others,
)
from sweeper.commands.transfer.page import card
from sweeper.commands.transfer.penalty import _compared
from sweeper.commands.transfer.table import found
from sweeper.commands.transfer.trials import Over
from sweeper.commands.transfer.words import next_text, sentences, unchecked
from sweeper.study.study import Study

RISING = {16: 0.05, 32: 0.1, 64: 0.2, 128: 0.4}
"""Best rates whose line passes the rates that diverge, above 0.8."""
HELD = {"optimizer": "adam", "activation": "tanh"}


def guessed(value: float, score: str = "loss") -> dict[str, Any]:
    """``baselines.json`` with one score of guessing on the validation rows of five seeds."""
    scores = [{"seed": seed, "validation": {score: value}} for seed in range(5)]
    return {"guess": "the mean", "why": "", "scores": scores}


@pytest.mark.parametrize(("guess", "counts"), [(1.3, True), (1.0, False), (0.9, False)])
@pytest.mark.parametrize("maximize", [False, True])
def test_a_size_that_learned_nothing_tells_no_best_rate(guess: float, counts: bool, maximize: bool) -> None:
    """Its curve is lowest somewhere by luck: nothing is predicted from it, and the way on is advice."""
    rows, objective, score = frame(LAW), LOSS, guessed(guess)
    if maximize:
        rows = rows.assign(objective=1.5 - rows["objective"])
        objective, score = "validation_r2 (higher is better)", guessed(1.5 - guess, "r2")
    done = found(rows, OVER, objective, score)
    assert set(done.optima["verdict"]) == {"found" if counts else GUESSING}
    assert (done.prediction is not None) is counts
    onward = next_command(Study.load("digits"), OVER, done, HELD)
    assert onward.command.startswith("sweeper advise digits") is not counts
    told = "no rate is shown to beat guessing there, so it checks nothing"
    assert (unchecked(done, CONDITIONS) == told) is not counts
    if not counts:
        said = sentences(done, replace(CONDITIONS, objective=objective))
        assert "no rate is shown to beat guessing" in " ".join(said)
        assert "keeps the model from learning" in next_text(done, replace(CONDITIONS, next=onward))


def test_a_size_is_compared_with_guessing_at_rates_that_its_other_seeds_pick() -> None:
    """Three seeds that all lie far below guessing are enough; a pick by its own seed would flatter."""
    few = frame(LAW, noise=0.05)
    few = few[few["seed"] < 3]
    assert all(learned(rows, LOSS, guessed(1.3)) for _, rows in few.groupby("size"))
    assert not any(learned(rows, LOSS, guessed(0.9)) for _, rows in few.groupby("size"))
    costs = pd.DataFrame({0: [1.0, 5.0], 1: [5.0, 3.0], 2: [6.0, 3.0]}, index=[0.1, 1.0])
    assert picked_by_others(costs) == {0: 5.0, 1: 5.0, 2: 6.0}
    assert picked_by_others(costs[[0]]) == {0: 1.0}
    unclear = found(few, OVER, LOSS, guessed(0.9))
    assert next_command(Study.load("digits"), OVER, unclear, HELD, seeds=3).command.endswith("--seeds 10")


def test_rates_that_are_all_too_low_ask_for_higher_ones_though_nothing_is_learned() -> None:
    """What was not tried may learn."""
    done = found(frame(dict.fromkeys(LAW, 1e-5)), OVER, LOSS, guessed(0.5))
    assert set(done.optima["verdict"]) == {"lower edge"}


def test_seeds_on_which_nobody_guessed_are_not_asked() -> None:
    """A loss of the user's own that has no best constant."""
    nothing = {"guess": None, "why": "no constant", "scores": []}
    assert set(found(frame(LAW), OVER, LOSS, nothing).optima["verdict"]) == {"found"}
    assert set(found(frame(LAW), OVER, LOSS, None).optima["verdict"]) == {"found"}


@pytest.mark.parametrize(("to", "beyond"), [(512, True), (160, False)])
def test_a_prediction_among_rates_that_diverge_is_told(to: int, beyond: bool) -> None:
    """The limit does not move with the size: sentence, card and command send to lower rates as well."""
    over = Over("model.width", (16, 32, 64), to, 128)
    done, conditions = found(frame(RISING), over, LOSS), replace(CONDITIONS, to=to)
    assert done.prediction is not None
    assert beyond_the_limit(done.prediction, done.optima) is beyond
    said = [text for text in sentences(done, conditions) if "5 of 5 seeds diverged at a rate of 1" in text]
    assert said == [text for text in said if "At model.width 128, the nearest size" in text]
    words = shlex.split(next_command(Study.load("digits"), over, done, HELD).command)
    (rates,) = [word for word in words if word.startswith("search.space.learning_rate")]
    low = float(rates.partition("low = ")[2].partition(",")[0])
    assert low == pytest.approx(min(0.1, done.prediction.low) if beyond else done.prediction.low, rel=0.06)
    assert ("and lower ones" in next_text(done, conditions)) is beyond
    assert ("search lower rates as well" in card(done, conditions).lead) is beyond
    assert bool(said) is (done.prediction.high >= 1.0)


def test_the_limit_is_the_lowest_rate_above_the_best_one_at_which_a_seed_is_lost() -> None:
    """Lost seeds below it are another matter."""
    rates = np.array([0.1, 0.2, 0.4, 0.8])
    costs = np.array([[1.0, np.nan], [1.0, 1.0], [1.0, np.nan], [np.nan, np.nan]])
    assert diverges_from(rates, costs, 0.2) == (0.4, 1)
    assert diverges_from(rates, costs, 0.4) == (0.8, 2)
    assert np.isnan(diverges_from(rates, costs, 0.9)[0])


@pytest.mark.parametrize(("change", "verdict"), [(1e-9, "open"), (-1e-9, "open"), (1e-3, "worse")])
def test_a_penalty_that_changes_less_than_rounding_is_no_worse(change: float, verdict: str) -> None:
    """On every seed alike, so its interval leaves 0 out."""
    rows = [
        (seed, w, 1 + 0.1 * seed + change * (1 + 0.1 * seed) * (w > 0)) for seed in range(10) for w in (0, 1)
    ]
    fresh = pd.DataFrame(rows, columns=["seed", "weight", "objective"])
    assert _compared(fresh, LOSS, 0.95).verdict == verdict


@pytest.mark.parametrize(
    ("high", "said"),
    [(1.1, "the upper end of the interval diverges, so stay below it"), (100.0, "begin in its lower part")],
)
def test_an_interval_of_which_the_end_alone_diverges_is_no_reason_to_keep_low(high: float, said: str) -> None:
    """Trainings diverge from 1 on: 1 to 1.1 is the end of an interval from 0.1, 1 to 100 most of it."""
    optima = pd.DataFrame({"size": [128.0], "verdict": ["found"], "diverges": [1.0], "lost": [5]})
    (text,) = limit_sentences(Prediction(256, 0.3, 0.1, high), optima, "model.width", 5)
    assert text.endswith(f"{said}.")
