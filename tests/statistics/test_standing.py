"""Finalists in the order in which they stand."""

import numpy as np

from sweeper.statistics.race import interim_look
from sweeper.statistics.standing import against_the_winner, dropouts, standing


def test_the_order_is_dropped_then_losses_then_means() -> None:
    """Who dropped out comes last, who lost a seed after who lost none; rows without a score are left out."""
    rng = np.random.default_rng(0)
    scores = 1 + 0.01 * rng.normal(size=(5, 10))
    scores[0] -= 0.5
    scores[0, 3] = np.nan
    scores[2] += 9
    scores[2, 6:] = np.nan
    scores[3] += 0.5
    scores[4] = np.nan
    ran = np.ones(scores.shape, dtype=bool)
    ran[2, 6:] = False
    found = standing(scores, ran)
    assert found.order.tolist() == [1, 3, 0, 2]
    assert found.columns["dropped"].tolist() == [False, False, False, True]
    assert found.columns["failures"].tolist() == [0, 0, 1, 0]
    assert found.columns["tied"].tolist() == [True, False, False, False]


def test_seeds_that_not_all_ran_decide_no_place() -> None:
    """Where a search went on, one has an easy seed more: on those that both ran the other is better."""
    hard = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.01])
    scores = np.stack([hard + 0.01, hard])
    ran = np.ones(scores.shape, dtype=bool)
    ran[1, 6] = False
    scores[1, 6] = np.nan
    found = standing(scores, ran)
    assert found.order.tolist() == [1, 0]
    assert found.columns["mean"].argmin() == 1


def test_a_break_is_no_drop() -> None:
    """A finalist with fewer seeds that was not behind by then has only not been trained yet."""
    scores = np.random.default_rng(0).normal(size=(2, 10))
    ran = np.ones(scores.shape, dtype=bool)
    ran[1, 6:] = False
    assert not dropouts(np.where(ran, scores, np.nan), ran).any()
    scores[1] += 50
    assert dropouts(np.where(ran, scores, np.nan), ran).tolist() == [False, True]


def test_who_left_before_further_finalists_came_has_left() -> None:
    """Called worse among eight, not called among nine: it has fewer seeds and an interval above 0, so it is
    neither tied nor the equal of those that were trained on."""
    rng = np.random.default_rng(9)
    scores = 0.5 + 0.05 * rng.normal(size=21) + 0.01 * rng.normal(size=(9, 21))
    scores[0] += rng.exponential(0.4, 21)
    scores[0, 16:] = np.nan
    ran = np.isfinite(scores)
    before, now = interim_look(scores[:8, :16]), interim_look(scores[:, :16])
    assert before.out[0]
    assert not now.out[0]
    assert now.low[0] > 0
    assert dropouts(scores, ran).tolist() == [True] + [False] * 8
    columns = standing(scores, ran).columns
    assert not columns["tied"][-1]
    assert columns["difference_low"][-1] > 0


def test_means_that_are_equal_differ_by_nothing() -> None:
    """Accuracies of eight rows in another order: what rounding leaves of their difference is no number."""
    scores = np.array([[0.1, 0.2, 0.4, 0.7], [0.4, 0.7, 0.2, 0.1]])
    assert (scores[1] - scores[0]).mean() != 0, "the example"
    assert against_the_winner(scores, np.zeros(2, int), np.zeros(2, bool))["difference"].tolist() == [0, 0]
