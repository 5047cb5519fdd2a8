"""The race of finalists: how often it calls falsely, what its intervals hold, what guards it."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.statistics.race import (
    FALSE_CLAIMS,
    FULL,
    LEVELS,
    LOOKS,
    all_alike,
    calibrated,
    difference_intervals,
    leader_of,
    level,
    mean_interval,
    next_look,
    out_of_race,
    resolution,
    weight,
)


def test_the_levels_are_those_that_a_simulation_finds() -> None:
    """For two finalists and for five, with other random numbers than the table was made with."""
    for finalists in (2, 5):
        assert calibrated(finalists, 6000, seed=7) == pytest.approx(LEVELS[finalists], rel=0.35)


def test_two_alike_are_seldom_called_different_over_all_looks() -> None:
    """Plain t tests at every look: some 5 % of races make a call; held at 5 % each, over twice that."""
    rng, called, plain = np.random.default_rng(3), 0, 0
    for _ in range(1500):
        pair = rng.normal(size=(2, LOOKS[-1]))
        p = [stats.ttest_rel(pair[0, :n], pair[1, :n]).pvalue for n in LOOKS]
        called += any(value < level(2, n) for value, n in zip(p, LOOKS, strict=True))
        plain += any(value < 0.05 for value in p)
    assert called / 1500 < FALSE_CLAIMS + 0.012
    assert plain / 1500 > 2 * FALSE_CLAIMS


def test_levels_fall_with_finalists_and_grow_to_the_full_number_of_seeds() -> None:
    """More to pick from needs more; few seeds are trusted least, late looks share what is left."""
    assert list(LEVELS.values()) == sorted(LEVELS.values(), reverse=True)
    assert [weight(n) for n in (4, 6, 8)] == sorted(weight(n) for n in (4, 6, 8))
    assert weight(FULL) == max(map(weight, LOOKS)) == 1
    assert level(30, FULL) == pytest.approx(LEVELS[10] * 90 / (30 * 29))


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
    values = np.random.default_rng(0).exponential(size=10)
    _, high = mean_interval(values, 0.05)
    statistic = math.sqrt(10) * (values.mean() - high) / values.std(ddof=1)
    a = float(((values - values.mean()) ** 3).mean()) / values.std(ddof=1) ** 3 / math.sqrt(10)
    transformed = statistic + a * statistic**2 / 3 + a**2 * statistic**3 / 27 + a / 6
    assert transformed == pytest.approx(-stats.t.ppf(0.975, 9))


def test_the_guard_for_skew_lowers_false_calls() -> None:
    """Steady against lognormal of equal mean: at most two thirds of the calls of plain t."""
    rng, guarded, plain = np.random.default_rng(0), 0, 0
    for _ in range(3000):
        values = rng.normal(size=10) - 5 * (rng.lognormal(size=10) - math.exp(0.5))
        low, high = mean_interval(values, 0.05)
        guarded += low > 0 or high < 0
        plain += stats.ttest_1samp(values, 0).pvalue < 0.05
    assert guarded < 2 / 3 * plain


def test_rounded_scores_are_not_known_better_than_to_their_rounding() -> None:
    """Three seeds that all differ by one row of forty are no proof; the grid is found where scores recur."""
    scores = np.array([[0.1, 0.125, 0.15], [0.125, 0.15, 0.175]])
    assert resolution(scores) == pytest.approx(0.025)
    low, _ = difference_intervals(scores, 0)
    assert low[1] < 0
    assert resolution(np.random.default_rng(0).normal(size=(5, 10))) == 0


def test_intervals_step_down() -> None:
    """Once the clear ones are called, those left are held against the level of fewer finalists."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(5, 10)) + np.array([0, 0.3, 50, 50, 50])[:, None]
    low, high = difference_intervals(scores, 0)
    assert (low[2:] > 0).all()
    assert (low[1], high[1]) == mean_interval(scores[1] - scores[0], level(2, 10))
    alone, _ = difference_intervals(scores[:2], 0, finalists=5)
    assert alone[1] < low[1]


def test_who_leads_and_who_is_out() -> None:
    """Fewest lost seeds, then the lowest mean; out is who is called worse or lost two seeds more."""
    rng = np.random.default_rng(0)
    scores = 1 + 0.01 * rng.normal(size=(4, 6))
    scores[0, 0] = np.nan
    scores[1] += 1
    scores[2, :3] = np.nan
    assert leader_of(scores) == 3
    assert out_of_race(scores) == [1, 2]


def test_all_alike_needs_intervals_within_what_matters() -> None:
    """Two that differ by a thousandth are alike at 2 %, not at 0.01 %; unlike losses never are."""
    base = 1 + 0.001 * np.random.default_rng(0).normal(size=(2, 8))
    assert all_alike(base, 0.02)
    assert not all_alike(base, 0.0001)
    base[0, 0] = np.nan
    assert not all_alike(base, 0.02)


def test_looks_follow_each_other_as_far_as_the_budget_goes() -> None:
    """4, 6, 8 …, cut off where seeds cannot be paid for, and on beyond the last in equal steps."""
    assert [next_look(n, 99) for n in (0, 4, 9, 40, 48)] == [4, 6, 10, 48, 56]
    assert next_look(0, 3) == 3
    assert next_look(8, 1) == 9
    assert next_look(8, 0) == 8
