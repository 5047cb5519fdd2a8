"""The race of finalists: how often it calls falsely, what its intervals hold, what guards it."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.statistics.levels import shown_level
from sweeper.statistics.race import (
    FARTHEST,
    dropped_interval,
    interim_look,
    leader_of,
    mean_intervals,
    moments,
    next_look,
    resolution,
)


def mean_interval(values: np.ndarray, alpha: float) -> tuple[float, float]:
    """Of one sample."""
    found = moments(values[None], 0.0)
    low, high = mean_intervals(found.n, found.mean, found.spread, found.skewness, np.array([alpha]))
    return float(low[0]), float(high[0])


@pytest.mark.parametrize("skew", [0.0, 1.0])
def test_the_interval_of_a_mean_is_students_or_wider(skew: float) -> None:
    """Symmetric samples get plain t; skewed ones reach farther on the side of the long tail."""
    values = np.array([-1.0, -0.5, 0.0, 0.5, 1.0, 4.0 * skew])
    low, high = mean_interval(values, 0.05)
    reach = stats.t.ppf(0.975, 5) * values.std(ddof=1) / math.sqrt(6)
    if skew:
        assert low == pytest.approx(values.mean() - reach)
        assert high > values.mean() + 1.2 * reach
    else:
        assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach))


def test_halls_transformation_is_inverted() -> None:
    """At the far end T + a T²/3 + a² T³/27 + a/6 is the quantile of Student's t."""
    values = np.linspace(0, 1, 10) ** 2
    _, high = mean_interval(values, 0.05)
    statistic = math.sqrt(10) * (values.mean() - high) / values.std(ddof=1)
    a = float(((values - values.mean()) ** 3).mean()) / values.std(ddof=1) ** 3 / math.sqrt(10)
    transformed = statistic + a * statistic**2 / 3 + a**2 * statistic**3 / 27 + a / 6
    assert transformed == pytest.approx(-stats.t.ppf(0.975, 9))


def test_the_guard_for_skew_lowers_false_calls() -> None:
    """Steady against lognormal of equal mean: at most three quarters of the calls of plain t."""
    rng, alpha = np.random.default_rng(0), np.full(3000, 0.05)
    values = rng.normal(size=(3000, 10)) - 5 * (rng.lognormal(size=(3000, 10)) - math.exp(0.5))
    found = moments(values, 0.0)
    low, high = mean_intervals(found.n, found.mean, found.spread, found.skewness, alpha)
    plain = stats.ttest_1samp(values, 0, axis=1).pvalue < 0.05
    assert ((low > 0) | (high < 0)).mean() < 3 / 4 * plain.mean()


def test_an_interval_has_bounds() -> None:
    """One outlier of ten: Hall's end is kept within twice Student's."""
    values = np.array([0.0, 0.1, -0.1, 0.05, -0.05, 0.1, 0, -0.1, 0, 9.0])
    reach = stats.t.ppf(0.9985, 9) * values.std(ddof=1) / math.sqrt(10)
    assert mean_interval(values, 0.003)[1] - values.mean() == pytest.approx(FARTHEST * reach)


def test_rounded_scores_are_not_known_better_than_to_their_rounding() -> None:
    """Three seeds that all differ by one row of forty are no proof; the grid is found where scores recur."""
    scores = np.array([[0.1, 0.125, 0.15], [0.125, 0.15, 0.175]])
    assert resolution(scores) == pytest.approx(0.025)
    assert interim_look(scores, 0).low[1] < 0
    assert resolution(np.random.default_rng(0).normal(size=(5, 10))) == 0


def test_few_seeds_that_agree_are_no_proof() -> None:
    """Two or three seeds with the same difference may agree by chance; what agrees is no call."""
    scores = np.array([[0.11, 0.22, 0.37], [0.21, 0.32, 0.47]])
    assert not interim_look(scores).worse.any()


def test_intervals_step_down() -> None:
    """Once the clear ones are called, the last one is held against the level of two finalists."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5, 10)) + np.array([0, 0.3, 50, 50, 50])[:, None]
    found = interim_look(scores, 0)
    assert found.worse.tolist() == [False, False, True, True, True]
    assert (found.low[1], found.high[1]) == mean_interval(scores[1] - scores[0], shown_level(2))
    assert dropped_interval(scores[0], scores[2], 4) == mean_interval(scores[2] - scores[0], 0.05 / 4)


def test_a_call_asks_for_more_than_an_interval() -> None:
    """A difference whose interval lies just above 0 is shown, and not called."""
    base = np.random.default_rng(1).normal(size=10)
    rival = base + 1 + 1.25 * stats.norm.ppf((np.arange(10) + 0.5) / 10)
    found = interim_look(np.stack([base, rival]))
    assert found.low[1] > 0
    assert not found.worse.any()
    assert interim_look(np.stack([base, rival + 1])).worse.tolist() == [False, True]


def test_luck_of_all_rivals_counts() -> None:
    """A rival that varies little by chance, among wild ones, is not called; among steady ones it is."""
    rng = np.random.default_rng(2)
    leader, even = rng.normal(size=10), stats.norm.ppf((np.arange(10) + 0.5) / 10)
    steady = 0.65 + 0.5 * even / even.std(ddof=1)
    wild = 1 + 6 * rng.normal(size=(3, 10))
    calm = 1 + 0.5 * rng.normal(size=(3, 10))
    assert not interim_look(np.vstack([leader, leader + steady, leader + wild]), 0).worse[1]
    assert interim_look(np.vstack([leader, leader + steady, leader + calm]), 0).worse[1]


def test_the_difference_that_would_have_been_seen_is_called_four_times_in_five() -> None:
    """Two finalists that differ by the mean of `seen` of many races are told apart in some 80 % of races."""
    rng = np.random.default_rng(5)
    seen = np.mean([interim_look(rng.normal(size=(2, 10)), 0).seen[1] for _ in range(100)])
    shift = np.array([[0], [seen]])
    apart = [interim_look(rng.normal(size=(2, 10)) + shift).worse.any() for _ in range(300)]
    assert 0.7 < np.mean(apart) < 0.9


def test_who_leads_and_who_is_out() -> None:
    """Fewest lost seeds, then the lowest mean; out is who is called worse or lost two seeds more."""
    rng = np.random.default_rng(0)
    scores = 1 + 0.01 * rng.normal(size=(4, 6))
    scores[0, 0] = np.nan
    scores[1] += 1
    scores[2, :3] = np.nan
    assert leader_of(scores) == 3
    assert interim_look(scores).out.tolist() == [False, True, True, False]


def test_alike_needs_intervals_within_what_matters() -> None:
    """Two that differ by a thousandth are alike at 2 %, not at 0.01 %."""
    base = 1 + 0.001 * np.random.default_rng(0).normal(size=(2, 8))
    assert interim_look(base).alike(0.02)
    assert not interim_look(base).alike(0.0001)


def test_looks_follow_each_other_as_far_as_the_budget_goes() -> None:
    """6, 8, 10 …, cut off where seeds cannot be paid for, and on beyond the last in equal steps."""
    assert [next_look(n, 99) for n in (0, 4, 9, 40, 48)] == [6, 6, 10, 48, 56]
    assert next_look(0, 3) == 3
    assert next_look(8, 1) == 9
    assert next_look(8, 0) == 8
