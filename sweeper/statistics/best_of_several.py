"""What the best of several is worth: of some more draws, or of finalists on fresh seeds."""

import math

import numpy as np
from scipy.special import gammaln, ndtri, stdtrit

from sweeper.statistics.intervals import interval, multiplicities
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.statistics.remembered import remembered

FEWEST = 3
"""Losses below which no interval is stated."""
DRAWS = 100_000


@remembered
def expected_best(losses: np.ndarray, budget: int, least: float = -math.inf) -> tuple[float, float, float]:
    """Mean of the lowest of `budget` of the `losses`, with its 95 % bootstrap interval.

    For sorted x₁ ≤ … ≤ xₙ: Σᵢ xᵢ C(n − i, k − 1) / C(n, k), the mean over all subsets of size k (Tang
    et al. 2020, arXiv 2004.14373, the unbiased form of Dodge et al. 2019). Bootstrap: resamples of the n
    trials, lowest of k drawn with replacement, moved to have this mean, and its ends as much farther from it
    as Student's t for n − 1 degrees of freedom and the standard deviation of n draws ask for (Hesterberg
    2015, arXiv 1411.5279): few draws spread less than what they are drawn from. Not below `least`,
    which no loss passes.
    """
    ordered, n = np.sort(losses), len(losses)
    mean = float(ordered @ subset_weights(n, budget))
    if n < FEWEST:
        return mean, np.nan, np.nan
    below = np.cumsum(multiplicities(n), axis=1) / n
    above = np.clip(1 - np.concatenate([np.zeros((len(below), 1)), below], axis=1), 0, 1) ** budget
    spread = (above[:, :-1] - above[:, 1:]) @ ordered
    wider = math.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.975) / ndtri(0.975)
    low, high = mean + wider * (np.quantile(spread, [0.025, 0.975]) - spread.mean())
    return mean, float(max(low, least)), float(high)


def subset_weights(n: int, k: int) -> np.ndarray:
    """C(n − i, k − 1) / C(n, k) for i = 1 … n: how likely the i-th lowest of n is the lowest of k of them."""
    left = n - np.arange(1, n + 1)  # those above
    known = left >= k - 1
    logs = gammaln(left + 1) - gammaln(k) - gammaln(np.where(known, left - k + 2, 1))
    total = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return np.where(known, np.exp(logs - total), 0.0)


@remembered
def expected_regret(values: np.ndarray) -> np.ndarray:
    """E[μᵢ − minⱼ μⱼ] for every finalist i, in the unit of the objective; `values` is (finalists, seeds).

    The means μ are drawn as n shared seeds leave them possible: multivariate Student t around the sample
    means, scale S / n of the sample covariance S, n − 1 degrees of freedom (normal luck, flat prior). So each
    paired difference has the Student t of its own interval. Weights on seeds (Bayesian bootstrap) would give
    no chance to what lies beyond them, a winner that leads on each of few seeds. Nulls where fewer than
    `ENOUGH_SEEDS` seeds are shared.
    """
    shared = values[:, np.isfinite(values).all(axis=0)]
    n = shared.shape[1]
    if n < ENOUGH_SEEDS:
        return np.full(len(values), np.nan)
    rng, centre = np.random.default_rng(0), shared.mean(axis=1)
    normal = rng.standard_normal((DRAWS, n)) @ (shared.T - centre) / np.sqrt(n * (n - 1))
    means = centre + normal * np.sqrt((n - 1) / rng.chisquare(n - 1, size=(DRAWS, 1)))
    return np.asarray((means - means.min(axis=1, keepdims=True)).mean(axis=0))


def optimism(values: np.ndarray, searched: np.ndarray) -> tuple[float, float, float]:
    """Mean of confirmed − searched score over finalists, with its interval over the fresh seeds.

    `values` is (finalists, seeds), `searched` their scores in the search. Above 0: the search flattered.
    It holds two things that one search seed cannot tell apart: the winner's curse (the lowest of many is
    partly luck) and whether the search's own seed and split happened to be easy. Seeds on
    which a finalist has no score are left out. NaN without finalists.
    """
    if not len(values):
        return np.nan, np.nan, np.nan
    shared = values[:, np.isfinite(values).all(axis=0)]
    gaps = (shared - searched[:, None]).mean(axis=0)
    return (float(gaps.mean()) if len(gaps) else np.nan, *interval(gaps))
