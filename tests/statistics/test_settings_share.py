"""The share of settings in what tells scores apart on one seed, and its interval."""

import numpy as np
import pytest

from sweeper.statistics.variance import settings_share

FINALISTS, SEEDS, RACES = 4, 8, 600


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8])
@pytest.mark.parametrize("seed_effect", [0.0, 10.0])
def test_intervals_hold_the_truth(share: float, seed_effect: float) -> None:
    """In 95 % of races, whatever a seed does to all alike; of no share the lower end is 0."""
    rng, held, middles = np.random.default_rng(0), 0, list[float]()
    for _ in range(RACES):
        settings = np.sqrt(share) * rng.standard_normal((FINALISTS, 1))
        rest = np.sqrt(1 - share) * rng.standard_normal((FINALISTS, SEEDS))
        values = settings + rest + seed_effect * rng.standard_normal((1, SEEDS))
        middle, low, high = settings_share(values)
        assert 0 <= low <= middle <= high <= 1
        held += low <= share <= high
        middles.append(middle)
    assert 0.93 <= held / RACES <= 1.0
    assert np.median(middles) == pytest.approx(share, abs=0.12)


def test_what_a_seed_does_to_all_does_not_count() -> None:
    """Any number added to all scores of a seed leaves the share as it is; without a rest it is 1."""
    values = np.random.default_rng(0).standard_normal((3, 6))
    moved = values + 100 * np.arange(6)
    assert settings_share(moved) == pytest.approx(settings_share(values))
    assert settings_share(np.array([[1.0, 2.0], [3.0, 4.0]])) == (1.0, 1.0, 1.0)
