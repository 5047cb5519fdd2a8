"""Intervals of scores that have a best and a worst value."""

import math

import pandas as pd
import pytest

from sweeper.answer.baseline import baseline
from sweeper.answer.bounds import bounded, bounded_gain, cut_ends, in_words, loss_floor
from sweeper.answer.ranked import Ranked
from sweeper.questions.simplest import difference_words
from sweeper.study.study import Study


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("accuracy", (0.0, 1.0)),
        ("validation_auc (higher is better)", (0.0, 1.0)),
        ("validation_error", (0.0, 1.0)),
        ("mcc", (-1.0, 1.0)),
        ("r2", (-math.inf, 1.0)),
        ("validation_loss", (-math.inf, math.inf)),
        ("top_5_accuracy", (0.0, 1.0)),
        ("validation_rmse", (0.0, math.inf)),
        ("perplexity", (1.0, math.inf)),
    ],
)
def test_no_interval_reaches_beyond_the_score(metric: str, expected: tuple[float, float]) -> None:
    """Both ends are cut where the score can go no further; losses are left alone."""
    assert bounded(metric, -math.inf, math.inf) == expected
    assert bounded(metric, 1.0, 1.0) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("metric", "reference", "least_loss", "expected", "cut"),
    [
        ("validation_loss", 0.3, 0.0, (-0.3, 3.0), "low"),
        ("validation_loss", 0.3, -math.inf, (-3.0, 3.0), ""),
        ("validation_error", 0.25, 0.0, (-0.25, 0.75), "low, high"),
        ("validation_auc (higher is better)", 0.75, 0.0, (-0.25, 0.75), "low, high"),
        ("validation_r2 (higher is better)", 0.75, 0.0, (-0.25, 3.0), "high"),
    ],
)
def test_no_difference_leads_beyond_the_score(
    metric: str, reference: float, least_loss: float, expected: tuple[float, float], cut: str
) -> None:
    """A loss of 0.3 improves by 0.3 at most, an AUC of 0.75 by 0.25; which ends of the score's own interval
    were cut is known."""
    ranked = Ranked(metric, least_loss)
    both = ((ranked.cost(reference),) * 2, (ranked.cost(reference),) * 2)
    *ends, found = ranked.within((-3.0, 3.0), (math.nan, math.nan), both[1])
    assert ends == pytest.approx(expected)
    assert found == cut
    assert ranked.within((-0.01, 0.01), *both) == (-0.01, 0.01, "")
    assert math.isnan(ranked.within((math.nan, 0.1), *both)[0])
    low, high, _ = ranked.within((-3.0, 3.0), both[0], (math.nan, math.nan))
    assert (-high, -low) == pytest.approx(expected), "the other way round"


def test_ends_that_were_cut_say_so() -> None:
    """An end at the bound of a score is marked, unless the score lies there itself."""
    assert cut_ends("validation_loss", 0.06, 0.0, 0.12, 0.0) == "low"
    assert cut_ends("accuracy", 1.0, 1.0, 1.0) == ""
    assert in_words(0.06, 0.0, 0.12, "low") == ("0.060", "0.000 [the score's limit]", "0.120")


@pytest.mark.parametrize(
    ("metric", "guess", "higher", "ends"),
    [
        ("auc", 0.5, True, (-0.5, 0.5)),
        ("error", 0.3, False, (-0.7, 0.3)),
        ("loss", 0.4, False, (-9.0, 0.4)),
        ("rmse", 2.0, False, (-9.0, 2.0)),
        ("r2", 0.0, True, (-9.0, 1.0)),
        ("gini", 0.0, True, (-9.0, 9.0)),
    ],
)
def test_no_gain_over_a_guess_leads_beyond_the_score(
    metric: str, guess: float, higher: bool, ends: tuple[float, float]
) -> None:
    """Over a guess of AUC 0.5 at most 0.5 can be gained, over one of loss 0.4 at most 0.4."""
    assert bounded_gain(metric, -9.0, 9.0, guess, higher, least_loss=0.0) == pytest.approx(ends)


def test_the_baseline_is_cut() -> None:
    """JSON, page and terminal read gains from there."""
    recorded = {"guess": "g", "why": "", "scores": [{"seed": s, "validation": {"auc": 0.5}} for s in (0, 1)]}
    found = baseline(recorded, "validation_auc (higher is better)", {0: 0.7, 1: 0.99}, {})
    assert found.objective is not None
    assert (found.objective.high, found.objective.low) == (0.5, -0.5)
    assert found.objective.to_dict()["high"] == 0.5


def test_tables_are_cut() -> None:
    """Means and differences in tables of the page, also of what is minimised."""
    frame = pd.DataFrame({"low": [-0.2], "high": [0.9], "d": [0.1], "d_low": [-4.0], "d_high": [0.2]})
    read = Ranked("validation_error").read(
        frame, ends=[("low", "high")], differences=[("d", "d_low", "d_high")]
    )
    assert read.iloc[0].to_dict() == {"low": 0.0, "high": 0.9, "d": 0.1, "d_low": -1.0, "d_high": 0.2}
    read = Ranked("validation_loss", 0.0).read(
        frame, ends=[("low", "high")], differences=[("d", "d_low", "d_high")]
    )
    assert (read["low"].item(), read["d_low"].item()) == (0.0, -4.0)


@pytest.mark.parametrize(
    ("loss", "values", "floor"),
    [
        ("mse", [-1.0], 0.0),
        ("gaussian_nll", [1.0], -math.inf),
        (lambda output, target: output.mean(), [0.5, 0.0], 0.0),
        (lambda output, target: output.mean(), [0.5, -0.1], -math.inf),
        (lambda output, target: output.mean(), [], -math.inf),
    ],
)
def test_what_no_loss_lies_below(loss: object, values: list[float], floor: float) -> None:
    """Known of named losses; of one's own it is 0 where none on record is below."""
    curves = pd.DataFrame({"metric": ["validation_loss"] * len(values), "value": values})
    assert loss_floor(Study(name="a", training={"loss": loss}), curves) == floor


def test_a_difference_does_not_end_at_a_limit_of_the_score() -> None:
    """How far the scores of two finalists can be apart is known as well as the interval of the other."""
    row = {"difference": 0.1, "difference_low": -0.1, "difference_high": 0.3, "cut": "high"}
    assert difference_words(row, "loss").endswith("0.10 (interval −0.10 to 0.30 [limited by the score])")
