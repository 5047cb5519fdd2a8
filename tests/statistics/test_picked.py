"""The interval of a mean that was picked as the lowest."""

import numpy as np
import pytest

from sweeper.statistics.intervals import interval
from sweeper.statistics.standing import picked_interval


def test_a_plain_interval_of_a_picked_mean_would_miss_too_often() -> None:
    """What was rejected: of eight identical settings the lowest one's plain interval covers below 90 %."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(400):
        scores = rng.normal(size=(8, 10))
        low, high = interval(scores[scores.mean(axis=1).argmin()])
        hits += low <= 0 <= high
    assert hits / 400 < 0.90


def test_one_contender_has_the_plain_interval() -> None:
    """Nothing was picked where there is nobody to pick from."""
    values = np.random.default_rng(0).exponential(size=(1, 10))
    assert picked_interval(values) == pytest.approx(interval(values[0]), rel=1e-6)


def test_few_shared_seeds_use_bonferroni() -> None:
    """With four seeds the upper end moves out by Student's t, the lower one stays."""
    values = np.random.default_rng(0).normal(size=(5, 4))
    plain, picked = interval(values[0]), picked_interval(values)
    assert picked[0] == plain[0]
    assert picked[1] > plain[1]
