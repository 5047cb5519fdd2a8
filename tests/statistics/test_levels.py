"""How much evidence calls and intervals of a race need: the tables, and what they promise."""

import numpy as np
import pytest
from scipy import stats

from sweeper.statistics.levels import (
    CALLS,
    FALSE_CALLS,
    FULL,
    LOOKS,
    MISSES,
    SHOWN,
    call_level,
    shown_level,
    weight,
)
from sweeper.statistics.race import interim_look
from tests.helpers.race_levels import calibrated


@pytest.mark.parametrize("finalists", [2, 5])
def test_the_levels_are_those_that_a_simulation_finds(finalists: int) -> None:
    """With other random numbers than the tables were made with."""
    assert calibrated(finalists, FALSE_CALLS, LOOKS, races=6000, seed=7) == pytest.approx(
        CALLS[finalists], rel=0.35
    )
    assert calibrated(finalists, MISSES, (FULL,), races=6000, seed=7) == pytest.approx(
        SHOWN[finalists], rel=0.25
    )


def test_intervals_of_a_race_miss_no_more_often_than_the_table_allows() -> None:
    """The race itself, its correction for skew included, where all four finalists are alike."""
    draws = np.random.default_rng(11).normal(size=(1500, 4, FULL))
    missed = np.mean([(interim_look(race).low > 0).any() for race in draws])
    assert 0.02 < missed < MISSES + 0.01


def test_two_alike_are_seldom_called_different_over_all_looks() -> None:
    """Plain t tests at every look: some 5 % of races make a call; held at 5 % each, over twice that."""
    rng, called, plain = np.random.default_rng(3), 0, 0
    for pair in rng.normal(size=(200, 2, LOOKS[-1])):
        called += any(interim_look(pair[:, :n]).worse.any() for n in LOOKS)
        plain += any(stats.ttest_rel(pair[0, :n], pair[1, :n]).pvalue < 0.05 for n in LOOKS)
    assert called / 200 < FALSE_CALLS + 0.03
    assert plain / 200 > 0.1


def test_levels_fall_with_finalists_and_grow_to_the_full_number_of_seeds() -> None:
    """More to pick from needs more; few seeds are trusted least, late looks share what is left."""
    for levels in (CALLS, SHOWN):
        assert list(levels.values()) == sorted(levels.values(), reverse=True)
    assert [weight(n) for n in (4, 6, 8)] == sorted(weight(n) for n in (4, 6, 8))
    assert weight(FULL) == max(map(weight, LOOKS)) == 1
    assert shown_level(30) == pytest.approx(SHOWN[10] * 90 / (30 * 29))
    assert call_level(30, FULL) == pytest.approx(CALLS[10] * 90 / (30 * 29))


def test_a_call_asks_for_more_than_what_is_shown() -> None:
    """So no finalist is called worse whose interval contains 0."""
    assert all(CALLS[k] < SHOWN[k] / 3 for k in CALLS)
