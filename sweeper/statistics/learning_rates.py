"""From which learning rate on training diverges, with an interval."""

import numpy as np

PLACES, SLOPES = 200, np.geomspace(1, 1000, 16)
"""Points of the grid for the boundary; slopes in log-odds per decade: at 1 divergence sets in over several
decades, at 1000 at once."""
BINS = 600
UNLIKELY = 1e-6
"""Share of the largest mass of a point below which nothing is looked at more closely."""


def boundary(log_rates: np.ndarray, lost: np.ndarray) -> tuple[float, float, float]:
    """Rate at which half of the trials diverge, with a 95 % credible interval; `log_rates` are log10 rates.

    P(diverged | x) = 1 / (1 + exp(−s·(x − b))). The posterior of b and s is summed on a grid, with b uniform
    from one decade below to one above what was tried and log s uniform over `SLOPES`, then on as many points
    where there is mass at all; stated are 10^b at its median and its 2.5 and 97.5 % quantiles. Unlike maximum
    likelihood it exists where one rate separates the outcomes. Null where all trials diverged, or none.
    """
    if lost.all() or not lost.any():
        return np.nan, np.nan, np.nan
    at, ups, tried = _binned(log_rates, lost)
    ends = float(log_rates.min()) - 1, float(log_rates.max()) + 1
    for _ in range(2):
        grid = np.linspace(*ends, PLACES)
        odds = SLOPES[:, None, None] * (at - grid[:, None])
        likelihood = (ups * odds - tried * np.logaddexp(0, odds)).sum(axis=2)
        mass = np.exp(likelihood - likelihood.max()).sum(axis=0)
        seen = grid[mass > UNLIKELY * mass.max()]
        ends = seen[0] - grid[1] + grid[0], seen[-1] + grid[1] - grid[0]
    below = np.cumsum(mass) / mass.sum()
    low, middle, high = np.interp([0.025, 0.5, 0.975], below, grid)
    return float(10**middle), float(10**low), float(10**high)


def _binned(log_rates: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean place, diverged and tried trials of bins that are narrow against any interval."""
    width = np.ptp(log_rates) / BINS or 1.0
    bins = np.floor((log_rates - log_rates.min()) / width).astype(int)
    tried = np.bincount(bins)
    seen = tried > 0
    sums, ups = np.bincount(bins, weights=log_rates), np.bincount(bins, weights=lost)
    return sums[seen] / tried[seen], ups[seen], tried[seen]
