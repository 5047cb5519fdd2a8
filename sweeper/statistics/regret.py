"""What a recommendation is expected to cost against the best finalist, if that one were known."""

import numpy as np

from sweeper.statistics.intervals import interval

DRAWS = 10_000


def expected_regret(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """E[μᵢ − minⱼ μⱼ] for every finalist i, in the unit of the objective; `values` is (finalists, seeds).

    Seeds are weighted at random, the same for all finalists (Bayesian bootstrap, Rubin 1981, weights
    Dirichlet(1, …, 1)), which draws the means μ as the seeds leave them possible, correlations included.
    The spread is widened by √((n + 1) / (n − 1)), to that of a mean of n values. Nulls where fewer than
    two seeds are shared.
    """
    shared = values[:, np.isfinite(values).all(axis=0)]
    n = shared.shape[1]
    if n < 2:
        return np.full(len(values), np.nan)
    weights = np.random.default_rng(seed).dirichlet(np.ones(n), size=DRAWS)
    centre = shared.mean(axis=1)
    means = centre + np.sqrt((n + 1) / (n - 1)) * (weights @ shared.T - centre)
    return np.asarray((means - means.min(axis=1, keepdims=True)).mean(axis=0))


def optimism(values: np.ndarray, searched: np.ndarray) -> tuple[float, float, float]:
    """Mean of confirmed − searched score over finalists, with its interval over the fresh seeds.

    `values` is (finalists, seeds), `searched` their scores in the search. Above 0: the search flattered.
    It holds two things that one search seed cannot tell apart: the winner's curse (the lowest of many is
    partly luck) and whether the search's own seed and split happened to be easy. Seeds on
    which a finalist has no score are left out.
    """
    shared = values[:, np.isfinite(values).all(axis=0)]
    gaps = (shared - searched[:, None]).mean(axis=0)
    return (float(gaps.mean()) if len(gaps) else np.nan, *interval(gaps))
