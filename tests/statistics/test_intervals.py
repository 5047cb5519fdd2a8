"""Intervals of means and shares: against plain code, and how often they hold the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.statistics.intervals import interval, share_interval, shows_majority, standard_error
from sweeper.statistics.standing import picked_interval

SKEWED = 0.5
"""σ of the logarithm of the skewed values: a skewness of 1.75, more than losses over seeds usually have."""


def plain_bootstrap_t(values: np.ndarray, resamples: int = 20_000) -> tuple[float, float]:
    """The studentized bootstrap, resample by resample."""
    rng, n = np.random.default_rng(5), len(values)
    statistics = []
    for _ in range(resamples):
        drawn = values[rng.integers(n, size=n)]
        error = drawn.std(ddof=1) / np.sqrt(n)
        if error > 1e-9:
            statistics.append((drawn.mean() - values.mean()) / error)
    high, low = np.quantile(statistics, [0.975, 0.025])
    error = values.std(ddof=1) / np.sqrt(n)
    return float(values.mean() - high * error), float(values.mean() - low * error)


@pytest.mark.parametrize("kind", ["normal", "lognormal"])
def test_interval_is_the_studentized_bootstrap(kind: str) -> None:
    """It equals a plain loop over resamples, up to resampling noise, between once and twice Student's t."""
    rng = np.random.default_rng(3)
    values = rng.normal(1, 0.3, 12) if kind == "normal" else rng.lognormal(0, 0.6, 12)
    theirs = plain_bootstrap_t(values)
    students = stats.t.interval(0.95, 11, values.mean(), standard_error(values))
    reach = students[1] - values.mean()
    below, above = (
        np.clip(end, reach, 2 * reach) for end in (values.mean() - theirs[0], theirs[1] - values.mean())
    )
    wider = values.mean() - below, values.mean() + above
    assert interval(values) == pytest.approx(wider, abs=0.04 * (wider[1] - wider[0]))


def test_scores_that_recur_are_not_certain() -> None:
    """Nine equal scores and one other: the bootstrap would be too narrow, Student's t is not."""
    values = np.array([0.9] * 9 + [0.8])
    assert interval(values)[0] <= stats.t.interval(0.95, 9, values.mean(), standard_error(values))[0] + 1e-12


def test_few_values_get_students_t() -> None:
    """Below five values the interval is that of scipy's Student t."""
    values = np.array([0.3, 0.1, 0.7, 0.2])
    error = standard_error(values)
    assert interval(values) == pytest.approx(stats.t.interval(0.95, 3, values.mean(), error))


@pytest.mark.parametrize(
    "values", [(97.1, 104.2, 121.0, 97.2, 97.7, 97.9), (0.0087, 0.0094, 0.0134, 0.048, 0.0088)]
)
def test_one_odd_value_of_few_does_not_stretch_the_interval(values: tuple[float, ...]) -> None:
    """No end is farther than twice that of Student's t, of the picked one's neither."""
    scores = np.array(values)
    mean, error = scores.mean(), standard_error(scores)
    reach = stats.t.ppf(0.975, len(scores) - 1) * error
    low, high = interval(scores)
    assert mean - 2 * reach - 1e-12 <= low <= mean - reach + 1e-12
    assert mean + reach - 1e-12 <= high <= mean + 2 * reach + 1e-12
    picked = picked_interval(np.stack([scores, scores[::-1] + 0.1 * error]))
    assert picked[1] <= mean + 2 * stats.t.ppf(1 - 0.05 / 2, len(scores) - 1) * error + 1e-12


def test_many_values_get_students_t() -> None:
    """Above 500 values, where both agree, the cheap one is taken."""
    values = np.random.default_rng(0).exponential(size=501)
    assert interval(values) == pytest.approx(
        stats.t.interval(0.95, 500, values.mean(), standard_error(values))
    )


def test_one_value_has_no_interval() -> None:
    """Nothing is known about a spread from one value, and nulls and infinities do not count."""
    assert np.isnan(interval(np.array([0.3]))).all()
    assert np.isnan(interval(np.array([0.3, np.nan, np.inf]))).all()


def test_equal_values_have_an_interval_of_no_width() -> None:
    """No resample of equal values has a spread; the mean is all there is, without a warning."""
    assert interval(np.full(8, 0.1)) == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("n", [2, 3])
def test_few_equal_values_have_no_known_spread(n: int) -> None:
    """Shares of few rows are often the same on two seeds: that is no certainty, wherever a mean is taken."""
    assert np.isnan(interval(np.full(n, 0.1))).all()
    assert np.isnan(picked_interval(np.full((3, n), 0.1))).all()
    assert np.isfinite(interval(np.full(4, 0.1))).all()


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("kind", ["normal", "skewed", "heavy"])
def test_intervals_hold_the_truth_as_often_as_they_say(n: int, kind: str) -> None:
    """Of 600 samples, skewed and heavy-tailed ones too, 90 to 98 % of 95 % intervals hold the mean."""
    rng = np.random.default_rng(n)
    draws, mean = {
        "normal": (rng.normal(size=(600, n)), 0.0),
        "skewed": (rng.lognormal(0, SKEWED, (600, n)), np.exp(SKEWED**2 / 2)),
        "heavy": (rng.standard_t(4, (600, n)), 0.0),
    }[kind]
    ends = np.array([interval(values) for values in draws])
    assert 0.90 <= ((ends[:, 0] <= mean) & (mean <= ends[:, 1])).mean() <= 0.98


def test_a_percentile_bootstrap_would_be_too_narrow() -> None:
    """What was rejected: for ten skewed values it covers less than 90 %."""
    rng = np.random.default_rng(0)
    mean, hits = np.exp(SKEWED**2 / 2), 0
    for _ in range(500):
        values = rng.lognormal(0, SKEWED, 10)
        low, high = np.percentile(values[rng.integers(10, size=(500, 10))].mean(axis=1), [2.5, 97.5])
        hits += low <= mean <= high
    assert hits / 500 < 0.90


@pytest.mark.parametrize(("k", "n"), [(0, 10), (7, 10), (10, 10), (3, 5), (50, 80)])
def test_share_interval_is_wilsons(k: int, n: int) -> None:
    """The interval of a share equals scipy's Wilson interval."""
    theirs = stats.binomtest(k, n).proportion_ci(0.95, method="wilson")
    assert share_interval(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_no_tries_have_no_share() -> None:
    """Without a pair of seeds there is no interval."""
    assert np.isnan(share_interval(0, 0)).all()


def test_most_do_where_a_sign_test_says_so() -> None:
    """Against the tail of the binomial distribution written out; nothing is said of an empty sample."""
    for n in range(1, 12):
        for k in range(n + 1):
            tail = sum(math.comb(n, j) for j in range(k, n + 1)) / 2**n
            assert shows_majority(k, n) is (tail <= 0.05)
    assert not shows_majority(0, 0)
