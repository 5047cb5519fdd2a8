"""The levels of a race found anew: p-values that rivals of a leader reach where all finalists are alike."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtr

from sweeper.statistics.levels import OWN, pooled_freedom, weight

BATCH = 2000
"""Races that are drawn at a time."""


def calibrated(
    finalists: int, share: float, looks: Sequence[int], *, races: int = 20_000, seed: int = 0
) -> float:
    """Quantile `share` of minₙ p(n) / weight(n) over `looks`, p(n) that of the rival that looks worst."""
    rng, smallest = np.random.default_rng(seed), []
    for _ in range(0, races, BATCH):
        draws = rng.standard_normal((BATCH, max(looks), finalists))
        p_values = [_p_value(draws[:, :n]) / weight(n) for n in looks]
        smallest.append(np.min(p_values, axis=0))
    return float(np.quantile(np.concatenate(smallest), share))


def _p_value(draws: np.ndarray) -> np.ndarray:
    """Of the rival that looks worst, for races of shape (races, seeds, finalists)."""
    races, n, finalists = draws.shape
    leader = draws.mean(axis=1).argmin(axis=1)
    differences = draws - draws[np.arange(races), :, leader][:, :, None]
    rivals = np.arange(finalists) != leader[:, None]
    means = differences.mean(axis=1)[rivals].reshape(races, -1)
    spreads = differences.std(axis=1, ddof=1)[rivals].reshape(races, -1)
    own = 2 * stdtr(n - 1, -means * np.sqrt(n) / spreads)
    if finalists == 2:
        return np.asarray(own[:, 0])
    pooled = np.sqrt(np.median(spreads**2, axis=1))[:, None]
    together = 2 * stdtr(pooled_freedom(finalists - 1, n), -means * np.sqrt(n) / pooled)
    return np.asarray(np.minimum(np.maximum(together, own / OWN), own * OWN).min(axis=1))
