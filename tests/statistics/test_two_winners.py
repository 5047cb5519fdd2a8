"""The winners of two searches against each other, in numbers."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.statistics.two_winners import paired, picked_quantiles, superiority_interval, unpaired

RNG = np.random.default_rng(3)


def test_paired_is_the_t_test_of_differences() -> None:
    """Without picking, the interval is that of a one-sample t test, P the share with Wilson's interval."""
    differences = RNG.normal(0.3, 1, 12)
    mean, low, high, p, p_low, p_high = paired(differences)
    expected = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((differences.mean(), *expected))
    wins = int((differences > 0).sum())
    wilson = stats.binomtest(wins, 12).proportion_ci(method="wilson")
    assert (p, p_low, p_high) == pytest.approx((wins / 12, wilson.low, wilson.high))


def test_unpaired_is_welch_and_mann_whitney() -> None:
    """The interval contains Welch's with one contender each, and P is U / (m n)."""
    a, b = RNG.normal(0, 1, 9), RNG.normal(0.4, 3, 14)
    mean, low, high, p, _, _ = unpaired(a, b)
    expected = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert mean == pytest.approx(b.mean() - a.mean())
    assert low <= expected.low + 1e-9
    assert high >= expected.high - 1e-9
    assert (high - low) == pytest.approx(expected.high - expected.low, rel=0.1)
    assert p == pytest.approx(stats.mannwhitneyu(b, a).statistic / (9 * 14))


@pytest.mark.parametrize("p", [0.0, 0.31, 0.5, 0.9, 1.0])
def test_superiority_interval_solves_its_equation(p: float) -> None:
    """Each inner end lies where the distance to p is z standard errors; the interval mirrors at ½."""
    m, n, big = 8, 13, (8 + 13) / 2 - 1
    low, high = superiority_interval(p, m, n)
    assert superiority_interval(1 - p, m, n) == pytest.approx((1 - high, 1 - low))
    for end in (end for end in (low, high) if 0 < end < 1):
        variance = end * (1 - end) * (1 + big * (1 - end) / (2 - end) + big * end / (1 + end)) / (m * n)
        assert abs(end - p) == pytest.approx(stats.norm.ppf(0.975) * math.sqrt(variance), rel=1e-6)
    assert low <= p <= high
    assert high - low > 0.2


def test_superiority_interval_covers() -> None:
    """For normal scores it contains the true P in 90 to 99 % of samples."""
    truth, hits, m = stats.norm.cdf(0.8 / math.sqrt(2)), 0, 10
    rng = np.random.default_rng(1)
    for _ in range(400):
        a, b = rng.normal(0, 1, m), rng.normal(0.8, 1, m)
        low, high = superiority_interval(float((b[None] > a[:, None]).mean()), m, m)
        hits += low <= truth <= high
    assert 0.9 <= hits / 400 <= 0.99


@pytest.mark.parametrize("is_paired", [True, False])
def test_picked_winners_are_not_called_better(is_paired: bool) -> None:
    """One finalist against the best of five, all alike: 0 is outside in about 5 %, plain t says more."""
    rng, seeds, claims, plain = np.random.default_rng(2), 10, 0, 0
    for _ in range(600):
        a = rng.standard_normal(seeds)
        many = rng.standard_normal((5, seeds))
        b = many[many.mean(axis=1).argmin()]
        _, low, high, *_ = paired(b - a, 1, 5) if is_paired else unpaired(a, b, 1, 5)
        claims += low > 0 or high < 0
        _, turned_low, turned_high, *_ = paired(a - b, 5, 1) if is_paired else unpaired(b, a, 5, 1)
        assert turned_high - turned_low == pytest.approx(high - low, rel=0.05)
        test = stats.ttest_1samp(b - a, 0) if is_paired else stats.ttest_ind(b, a)
        plain += test.pvalue < 0.05
    assert claims / 600 <= 0.065
    assert plain / 600 > 0.07


def test_one_contender_each_is_student() -> None:
    """Simulated quantiles equal Student's t where nothing was picked."""
    low, high = picked_quantiles(10, 10, 1, 1, paired=True)
    assert high == -low == pytest.approx(stats.t.ppf(0.975, 9))
