"""Analysis of variance of scores over settings and seeds."""

import numpy as np
from scipy import stats

from sweeper.statistics.remembered import remembered

COMPONENTS = ("settings", "seed", "settings × seed")
DRAWS = 10_000
ROUNDING = 1e-12
"""Share of the largest mean square up to which a component is what rounding left."""


def mean_squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares of settings, seed and rest, and degrees of freedom; `values` is (finalists, seeds)."""
    finalists, seeds = values.shape
    by_settings = values.mean(axis=1, keepdims=True) - values.mean()
    by_seed = values.mean(axis=0, keepdims=True) - values.mean()
    rest = values - values.mean() - by_settings - by_seed
    freedoms = np.array([finalists - 1, seeds - 1, (finalists - 1) * (seeds - 1)], dtype=float)
    sums = np.array([seeds * (by_settings**2).sum(), finalists * (by_seed**2).sum(), (rest**2).sum()])
    return sums / freedoms, freedoms


def components(squares: np.ndarray, finalists: int, seeds: int) -> np.ndarray:
    """Variance components from mean squares, both (draws, 3) in the order of `COMPONENTS`."""
    settings, seed, rest = squares.T
    estimates = np.stack([(settings - rest) / seeds, (seed - rest) / finalists, rest], axis=1)
    least = ROUNDING * squares.max(axis=1, keepdims=True)
    return np.where(estimates > least, estimates, 0.0)


def settings_share(values: np.ndarray) -> tuple[float, float, float]:
    """Share of settings in the variance of `values` (finalists, seeds) on one seed, with its 95 % interval.

    σ²_settings / (σ²_settings + σ²_rest): what a seed does to all alike decides between none of them. With
    θ = σ²_settings / σ²_rest, MS_settings / MS_rest is distributed as (1 + seeds·θ)·F, and the share is
    θ / (1 + θ) (Searle, Casella and McCulloch 1992, section 3.5); ends below 0 are cut off there.
    """
    squares, freedoms = mean_squares(values)
    seeds = values.shape[1]
    if squares[2] <= ROUNDING * squares[0]:
        return 1.0, 1.0, 1.0
    ratio = squares[0] / squares[2]
    quantiles = stats.f.ppf([0.975, 0.025], freedoms[0], freedoms[2])
    theta = np.maximum((ratio / np.array([1.0, *quantiles]) - 1) / seeds, 0.0)
    share, low, high = theta / (1 + theta)
    return float(share), float(low), float(high)


@remembered
def share_intervals(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Components of `values` (finalists, seeds), and the ends of the 95 % intervals of their shares.

    Generalized intervals (Weerahandi 1993): mean squares divided by draws of χ² / d.f.
    """
    finalists, seeds = values.shape
    squares, freedoms = mean_squares(values)
    found = components(squares[None], finalists, seeds)[0]
    draws = np.random.default_rng(0).chisquare(freedoms, size=(DRAWS, 3)) / freedoms
    spread = components(squares / draws, finalists, seeds)
    low, high = np.quantile(spread / spread.sum(axis=1, keepdims=True), [0.025, 0.975], axis=0)
    return found, low, high
