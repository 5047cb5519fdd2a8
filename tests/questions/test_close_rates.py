"""The answer's rate among others: what fresh seeds tie with it, and what came close in the search."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rate_runs import source_of
from report_inputs import sentences_of

from sweeper.answer.baseline import baseline
from sweeper.answer.ranked import Ranked
from sweeper.questions.basins import basins
from sweeper.questions.divergence import ANY
from sweeper.questions.learning_rate import _best_of_each
from sweeper.questions.run_data import RunData


def with_guess(run: RunData, guess: float) -> RunData:
    """With what guessing scores on every seed."""
    scores = [{"seed": seed, "validation": {"loss": guess}} for seed in range(2)]
    recorded = {"guess": "the mean", "why": "", "scores": scores}
    known = baseline(recorded, "validation_loss", {0: guess - 1.3, 1: guess - 1.3}, {})
    return replace(run, answer=replace(run.answer, baseline=known))


def test_a_basin_is_no_wider_than_what_can_be_learned() -> None:
    """Where 10 % of the best loss lie beyond guessing, they are 10 % of the gain over that, and said so."""
    rates = np.geomspace(1e-3, 1e-1, 5)
    frame = pd.DataFrame({"learning_rate": rates, "objective": [1.89, 1.86, 1.8, 1.805, 1.85]})
    run = with_guess(source_of(frame), 1.9)
    row = basins(run).set_index("activation").loc[ANY]
    assert (row["within"], row["low"], row["high"], row["by_gain"]) == (2, rates[2], rates[3], True)
    text = sentences_of(run, "learning-rate")["learning-rate"]
    assert "kept 90 % of the best one's gain over guessing" in text
    assert "10 % of the best" not in text
    lost = frame.assign(objective=[1.95, 1.8, 1.95, 1.805, 1.85])
    run = with_guess(source_of(lost), 1.9)
    assert basins(run).set_index("activation").loc[ANY, "unlearned"] == 1
    assert "; between them 1 did not improve)" in sentences_of(run, "learning-rate")["learning-rate"]
    far = basins(with_guess(source_of(frame), 200.0)).set_index("activation").loc[ANY]
    assert (far["within"], far["by_gain"]) == (5, False)


def test_rates_that_fresh_seeds_tie_come_before_those_of_the_search() -> None:
    """The search has one seed a trial; finalists of the answer's optimizer that are tied with it say more."""
    rates = pd.DataFrame({"learning_rate": [0.2, 0.21, 0.01], "objective": [0.1, 0.101, 0.15]})
    run = source_of(rates.assign(optimizer="sgd"))
    run = replace(run, answer=replace(run.answer, tied=(2,)))
    text = sentences_of(run, "learning-rate")["learning-rate"]
    told = "on fresh seeds, 1 other finalist of the same choices at 0.01 is tied with it; in the search"
    assert told in text


@pytest.mark.parametrize("tied", [(), (1,), (1, 2), (3,)])
def test_what_is_not_known_of_the_rate_is_told_once(tied: tuple[int, ...]) -> None:
    """One trial near the best: the answer's own line tells it, with what fresh seeds tie at other rates of
    its optimizer, and the line of all optimizers leaves it out."""
    rates = pd.DataFrame({"learning_rate": [0.1, 0.2, 0.4, 0.3], "objective": [0.1, 0.5, 0.6, 0.7]})
    run = source_of(rates.assign(optimizer=["sgd", "sgd", "sgd", "adam"]))
    run = replace(run, answer=replace(run.answer, tied=tied))
    text = sentences_of(run, "learning-rate")["learning-rate"]
    assert text.count("with sgd; ") == 1
    assert text.count("how far it may be off is not known") == 1
    assert text.count("how far the rate may be off is not known there") == 1
    assert "with adam: how far the rate" in text
    said = {(1,): "1 other finalist of the same choices at 0.2 is tied with it"}
    said[(1, 2)] = "2 other finalists of the same choices at rates from 0.2 to 0.4 are tied with it"
    assert ("on fresh seeds, " in text) == (tied in said)
    assert said.get(tied, "") in text


@pytest.mark.parametrize("other", [0.2, 0.1])
def test_a_rate_without_others_is_told_as_the_only_one(other: float) -> None:
    """Nothing is said of how far it may be off, as if trials at other rates had done worse."""
    rates = pd.DataFrame({"learning_rate": [0.2, other, other], "objective": [0.1, 0.4, 0.5]})
    text = sentences_of(source_of(rates.assign(optimizer="sgd")), "learning-rate")["learning-rate"]
    assert ("The answer's rate is 0.2, with sgd; no other was tried with it." in text) is (other == 0.2)
    assert ("how far it may be off is not known" in text) is (other != 0.2)


@pytest.mark.parametrize(("at_start", "told"), [(0.72, True), (0.55, False)])
def test_a_better_score_from_before_training_is_told_not_to_count(at_start: float, told: bool) -> None:
    """The table of trials has it, so that "the highest" without a word would be another one."""
    rows = {"trial": [0, 1], "optimizer": "adam", "learning_rate": [1e-3, 1e-2], "outcome": "completed"}
    frame = pd.DataFrame({**rows, "loss": [0.6, at_start], "capped": [False, True]})
    said = _best_of_each(Ranked("validation_auc (higher is better)"), frame)
    assert "0.001 with adam (0.6)" in said
    assert ("of the trials that got better than before training" in said) is told
