"""The range test's rules on synthetic curves: noise, NaN, cliffs, plateaus."""

import math

import numpy as np
import pandas as pd
import pytest

from sweeper.commands.lr_range.table import Suggestion, lr_range, ranges, smoothed, suggest
from sweeper.study.rates import search_rates
from sweeper.trial import Outcome, Trial, TrialResult

RATES = np.geomspace(1e-5, 10, 64)
START = 2.3


def valley(best: float = 1e-2, cliff: float = 0.3, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Losses that fall to 0.3 at `best`, rise above it, and are NaN from `cliff` on."""
    away = np.log10(RATES / best)
    losses = 0.3 + np.minimum(2.0, 0.5 * away**2)
    losses *= np.exp(noise * np.random.default_rng(seed).normal(size=len(RATES)))
    return np.where(cliff <= RATES, np.nan, losses)


def found(losses: np.ndarray) -> Suggestion:
    """`suggest` where NaN, or a loss above the start, is divergence."""
    return suggest("sgd", RATES, losses, ~(losses <= 1.05 * START), START)


def test_a_clean_valley() -> None:
    """The largest rate within 10 % of the best loss; the boundary is the first rate that diverged."""
    row = found(valley())
    assert row.verdict == "found"
    assert row.boundary == RATES[RATES >= 0.3][0]
    assert row.best_rate == pytest.approx(1e-2, rel=0.2)
    assert row.suggestion == pytest.approx(1e-2 * 10 ** math.sqrt(0.03 / 0.5), rel=0.2)
    assert (row.low, row.high) == search_rates("sgd", too_high=row.boundary) == (1e-4, 1.0)


@pytest.mark.parametrize("seed", range(10))
def test_noise_moves_the_suggestion_little(seed: int) -> None:
    """With 10 % noise on every loss, the suggestion stays within a factor of 4 of the clean one."""
    clean, noisy = found(valley()).suggestion, found(valley(noise=0.1, seed=seed)).suggestion
    assert 0.25 < noisy / clean < 4


@pytest.mark.parametrize("place", range(0, 40, 3))
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e-9, 1e9])
def test_one_wild_value_changes_next_to_nothing(place: int, value: float) -> None:
    """A single NaN, infinity, lucky zero or outlier moves the suggestion by one rate at most."""
    clean, losses = found(valley()), valley()
    losses[place] = value
    row = found(losses)
    assert row.boundary == clean.boundary
    assert row.verdict == "found"
    step = RATES[1] / RATES[0]
    assert 1 / step**1.01 <= row.suggestion / clean.suggestion <= step**1.01


def test_the_suggestion_keeps_off_the_cliff() -> None:
    """Where the best losses lie right below divergence, half of the boundary is taken."""
    losses = np.where(RATES < 0.3, START / (1 + 100 * RATES), np.nan)
    row = found(losses)
    assert row.suggestion == pytest.approx(row.boundary / 2)
    assert row.best_rate > row.suggestion


def test_all_diverged() -> None:
    """Nothing is suggested, also where a lone rate survived by chance."""
    losses = np.full(len(RATES), np.nan)
    assert found(losses).verdict == "all diverged"
    losses[20] = 1.0
    row = found(losses)
    assert row.verdict == "all diverged"
    assert math.isnan(row.suggestion)
    assert math.isnan(row.high)


def test_nothing_diverged() -> None:
    """There is no boundary; the range is the optimizer's own, and the verdict says so."""
    row = found(valley(cliff=math.inf))
    assert row.verdict == "nothing diverged"
    assert math.isnan(row.boundary)
    assert (row.low, row.high) == search_rates("sgd")


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_a_flat_curve_suggests_nothing(noise: float) -> None:
    """Where no rate lowers the loss by 5 %, differences are noise."""
    losses = START * np.exp(noise * np.random.default_rng(1).normal(size=len(RATES)))
    row = found(np.where(RATES > 1, np.nan, losses))
    assert row.verdict == "flat"
    assert math.isnan(row.suggestion)
    assert row.boundary > 1


@pytest.mark.parametrize("guessing", [0.3, 0.31, -0.1])
def test_a_loss_that_guessing_has_too_suggests_nothing(guessing: float) -> None:
    """Where no rate gets 5 % below what a constant prediction loses, the curve shows no learning."""
    losses = valley()
    row = suggest("sgd", RATES, losses, np.isnan(losses), START, guessing)
    assert row.verdict == "at guessing"
    assert math.isnan(row.suggestion)
    assert row.boundary == found(losses).boundary


@pytest.mark.parametrize("guessing", [0.35, 1.0, math.nan])
def test_a_loss_below_that_of_guessing_suggests_the_same(guessing: float) -> None:
    """Nor does a guess change anything that is unknown, or clearly worse."""
    losses = valley()
    row = suggest("sgd", RATES, losses, np.isnan(losses), START, guessing)
    assert row.suggestion == found(losses).suggestion


def test_a_plateau_is_not_good() -> None:
    """A loss that hardly fell is no good rate because the best one fell little too."""
    losses = np.where(RATES < 1e-3, START, 0.9 * START)
    losses[RATES > 0.1] = 0.97 * START
    assert found(losses).suggestion <= 0.1


def test_losses_at_or_below_zero() -> None:
    """Losses need not be positive: good is then a share of the fall, here 0.2."""
    row = suggest("sgd", RATES, valley() - 3, np.isnan(valley()), START - 3)
    assert row.verdict == "found"
    assert row.suggestion == pytest.approx(1e-2 * 10 ** math.sqrt(0.2 / 0.5), rel=0.2)


def test_a_median_of_losses_is_one_of_their_logarithms() -> None:
    """The running median commutes with the logarithm and takes divergence for infinity."""
    losses = valley(noise=0.2)
    lost = np.isnan(losses)
    logs = smoothed(np.log(losses), lost)
    np.testing.assert_allclose(np.exp(logs), smoothed(losses, lost))
    assert np.isinf(smoothed(losses, lost)[RATES > 0.5]).all()


def result(number: int, rate: float, loss: float, optimizer: str = "sgd", **more: object) -> TrialResult:
    """A short training from `START` to `loss`."""
    outcome = more.pop("outcome", Outcome.COMPLETED if math.isfinite(loss) else Outcome.DIVERGED)
    parameters = {"optimizer": optimizer, "activation": "relu", "learning_rate": rate, **more}
    curve = [(0, "validation_loss", START)]
    curve += [(40, "validation_loss", loss)] if math.isfinite(loss) else []
    return TrialResult(Trial(number, "explore", 0, parameters), outcome, 0.0, 40, 0.1, "m", "", tuple(curve))


def test_results_become_rows_by_combination() -> None:
    """One suggestion per combination; what ended above its start diverged; failures are left out."""
    results = [result(k, rate, loss) for k, (rate, loss) in enumerate(zip(RATES, valley(), strict=True))]
    results += [result(100 + k, rate, 2.5, "adam") for k, rate in enumerate(RATES)]
    results += [result(999, 1.0, 0.1, "lion", outcome=Outcome.FAILED)]
    measured, suggestions = lr_range(results, ["optimizer", "activation"])
    assert suggestions["optimizer"].tolist() == ["sgd", "adam"]
    assert suggestions["verdict"].tolist() == ["found", "all diverged"]
    assert suggestions["group"].tolist() == ["relu", "relu"]
    assert measured.groupby("optimizer", sort=False)["diverged"].sum().tolist() == [
        int(np.isnan(valley()).sum()),
        64,
    ]
    clean = found(valley())
    assert suggestions.loc[0, "suggestion"] == clean.suggestion
    assert measured["learning_rate"].tolist() == [*RATES, *RATES]
    assert ranges(suggestions).to_dict("records") == [
        {"optimizer": "sgd", "low": clean.low, "high": clean.high}
    ]


def test_training_losses_rank_rates_where_classes_are_weighted() -> None:
    """A validation loss that rises then is no divergence; the start is that of the rate that moves least."""

    def weighted(number: int, rate: float) -> TrialResult:
        first, last = 0.7 / (1 + rate), 0.7 if rate < 1e-2 else 0.3
        losses = (0.7, first, 0.5) if rate < 3 else (0.7, first, 0.9)
        curve = [(0, "validation_loss", 0.2), (40, "validation_loss", 0.6)]
        curve += [(step, "train_loss", value) for step, value in zip((10, 20, 40), losses, strict=True)]
        curve[-1] = (40, "train_loss", last if rate < 3 else losses[-1])
        parameters = {"optimizer": "sgd", "activation": "relu", "learning_rate": rate}
        trial = Trial(number, "explore", 0, parameters)
        return TrialResult(trial, Outcome.COMPLETED, 0.0, 40, 0.1, "m", "", tuple(curve))

    results = [weighted(k, float(rate)) for k, rate in enumerate(RATES)]
    by_validation = lr_range(results, ["optimizer", "activation"])[1]
    assert by_validation["verdict"].tolist() == ["all diverged"]
    measured, suggestions = lr_range(results, ["optimizer", "activation"], metric="train_loss")
    assert suggestions["verdict"].tolist() == ["found"]
    assert measured["start"].unique().tolist() == [0.7]
    assert measured.loc[measured["diverged"], "learning_rate"].min() == RATES[RATES >= 3].min()


def test_a_range_holds_all_combinations_of_an_optimizer() -> None:
    """From the lowest low to the highest high."""
    frame = pd.DataFrame(
        {
            "optimizer": ["a", "a", "b"],
            "suggestion": [1, 2, None],
            "low": [0.1, 0.2, 9],
            "high": [5.0, 7.0, 9],
        }
    )
    assert ranges(frame).to_dict("records") == [{"optimizer": "a", "low": 0.1, "high": 7.0}]
