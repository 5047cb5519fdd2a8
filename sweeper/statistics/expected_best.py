"""What the best of a few more draws from a group is expected to be."""

import numpy as np
from scipy.special import gammaln

from sweeper.statistics.intervals import multiplicities

FEWEST = 3
"""Losses below which no interval is stated."""


def expected_best(losses: np.ndarray, budget: int) -> tuple[float, float, float]:
    """Mean of the lowest of `budget` of the `losses`, with its 95 % bootstrap interval.

    For sorted x₁ ≤ … ≤ xₙ: Σᵢ xᵢ C(n − i, k − 1) / C(n, k), the mean over all subsets of size k (Tang
    et al. 2020, arXiv 2004.14373, the unbiased form of Dodge et al. 2019). Bootstrap: resamples of the n
    trials, lowest of k drawn with replacement, moved to have this mean; not below 0 for
    losses that are not.
    """
    ordered, n = np.sort(losses), len(losses)
    mean = float(ordered @ subset_weights(n, budget))
    if n < FEWEST:
        return mean, np.nan, np.nan
    below = np.cumsum(multiplicities(n), axis=1) / n
    above = np.clip(1 - np.concatenate([np.zeros((len(below), 1)), below], axis=1), 0, 1) ** budget
    spread = (above[:, :-1] - above[:, 1:]) @ ordered
    low, high = np.quantile(spread - spread.mean() + mean, [0.025, 0.975])
    return mean, float(max(low, 0.0) if ordered[0] >= 0 else low), float(high)


def subset_weights(n: int, k: int) -> np.ndarray:
    """C(n − i, k − 1) / C(n, k) for i = 1 … n: how likely the i-th lowest of n is the lowest of k of them."""
    left = n - np.arange(1, n + 1)  # those above
    known = left >= k - 1
    logs = gammaln(left + 1) - gammaln(k) - gammaln(np.where(known, left - k + 2, 1))
    total = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.where(known, np.exp(logs - total), 0.0)
