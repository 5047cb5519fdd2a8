"""Where a curve has its minimum, and how that place moves with a size: a power law with its uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

NAN = float("nan")
LEVEL = 0.9
DRAWS = 400
NEAR = 0.1
"""Share by which a mean loss may lie above the lowest one and still bear on where the minimum lies."""
MISFIT = 0.1
"""Scale of the half-Cauchy prior of the misfit: by how much (a share) optima scatter about a power law."""
CURVATURE = 0.05
"""Standard deviation of the prior of the curvature: by how much the exponent may change when a size grows by
the factor e (twice this)."""
RESOLUTION = 0.1
"""Share of a step of the grid below which no standard error of a minimum is believed."""
FLAT = 10.0
"""An interval of the best value that spans more than this factor cannot tell where the minimum lies."""
MISFITS = np.geomspace(1e-3, 2.0, 60)


class Place(StrEnum):
    """Where the lowest mean of a grid lies, and whether that is known."""

    FOUND = "found"
    LOWER_EDGE = "lower edge"
    UPPER_EDGE = "upper edge"
    FLAT = "flat"
    """The interval spans more than the factor `FLAT`."""
    NOTHING = "nothing"
    """No mean is finite."""


@dataclass(frozen=True)
class Optimum:
    """The value at which the mean loss over seeds is lowest, and how sure that is."""

    value: float
    low: float
    high: float
    """Ends of the bootstrap interval at `LEVEL`, as wide as the grid can tell at least."""
    error: float
    """Standard error of log(value)."""
    loss: float
    """The lowest mean loss on the grid."""
    verdict: Place


def optimum(values: Sequence[float], losses: np.ndarray) -> Optimum:
    """Where the mean over seeds is lowest, between the values of a grid.

    Args:
        values: (k,) the grid, ascending and log-spaced.
        losses: (k, seeds); what diverged is not finite.

    The mean is interpolated by a parabola in log(value) through the values around the lowest whose mean is
    at most `NEAR` above it, or no further above it than its standard error; the bootstrap draws seeds
    with replacement, all values of one together.
    """
    places, costs = np.log(np.asarray(values, dtype=float)), np.where(np.isfinite(losses), losses, np.inf)
    means = costs.mean(axis=1)
    if not np.isfinite(means).any():
        return Optimum(NAN, NAN, NAN, NAN, NAN, Place.NOTHING)
    seeds = costs.shape[1]
    generator = np.random.default_rng(0)
    drawn = [minimum(places, costs[:, generator.integers(0, seeds, seeds)]) for _ in range(DRAWS)]
    found = np.array([each for each in drawn if each is not None])
    middle, best = minimum(places, costs), int(np.argmin(means))
    assert middle is not None
    finest = RESOLUTION * float(np.diff(places).min()) if len(places) > 1 else 0.0
    error = max(float(found.std()) * np.sqrt(seeds / max(seeds - 1, 1)), finest)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    wide = finest * float(norm.ppf((1 + LEVEL) / 2))
    low, high = min(low, middle - wide), max(high, middle + wide)
    verdict, alike = Place.FOUND, places[means == means[best]]
    if np.exp(alike[-1] - alike[0]) > FLAT:
        verdict, low, high = Place.FLAT, min(low, alike[0]), max(high, alike[-1])
    elif best in (0, len(places) - 1):
        verdict, middle = Place.UPPER_EDGE if best else Place.LOWER_EDGE, float(places[best])
        low, high = max(low, places[0]), min(high, places[-1])  # beyond the grid nothing was tried
    elif np.exp(high - low) > FLAT:
        verdict = Place.FLAT
    value, first, last = (float(np.exp(place)) for place in (middle, min(low, middle), max(high, middle)))
    return Optimum(value, first, last, error, float(means[best]), verdict)


def minimum(places: np.ndarray, costs: np.ndarray) -> float | None:
    """The place at which the mean of `costs` (k, seeds) is lowest; ``None`` if no mean is finite.

    A valley that is much steeper on one side is no parabola: one through all its near values may have its
    lowest point outside them. Then the lowest mean and its two neighbours decide.
    """
    means = costs.mean(axis=1)
    best = int(np.argmin(means))
    if not np.isfinite(means[best]):
        return None
    noise = costs[best].std() / np.sqrt(costs.shape[1])
    near = means <= means[best] + max(NEAR * abs(means[best]), noise)
    first, last = best, best
    while first > 0 and near[first - 1]:
        first -= 1
    while last < len(places) - 1 and near[last + 1]:
        last += 1
    if last - first < 2 and 0 < best < len(places) - 1:
        first, last = best - 1, best + 1
    found = _vertex(places[first : last + 1], means[first : last + 1])
    if found is None and 0 < best < len(places) - 1:
        found = _vertex(places[best - 1 : best + 2], means[best - 1 : best + 2])
    return float(places[best]) if found is None else found


def _vertex(x: np.ndarray, y: np.ndarray) -> float | None:
    """Where a parabola through these points is lowest; ``None`` where that is not between them."""
    if len(x) < 3 or not np.isfinite(y).all():
        return None
    bend, slope, _ = np.polyfit(x - x[0], y, 2)
    at = x[0] - slope / (2 * bend) if bend > 0 else np.nan
    return float(at) if x[0] < at < x[-1] else None


@dataclass(frozen=True)
class PowerLaw:
    """best value = c · size^exponent, from optima at some sizes.

    In logarithms the optima are a line, plus a curvature with the prior N(0, `CURVATURE`²), plus a misfit of
    each size whose scale has a half-Cauchy prior (`MISFIT`), plus the error of each. Intercept and exponent
    have flat priors; the misfit's scale is integrated over numerically, all else in closed form.
    """

    sizes: tuple[float, ...]
    values: tuple[float, ...]
    errors: tuple[float, ...]

    def exponent(self) -> tuple[float, float, float]:
        """Median and ends of the interval at `LEVEL`."""
        weights, lines = self._lines()
        return _quantiles(weights, [(line.beta[1], line.cov[1, 1] ** 0.5) for line in lines])

    def predicted(self, size: float) -> tuple[float, float, float]:
        """Median and ends of the interval, at `LEVEL`, of the optimum that the same grid would find there."""
        weights, lines = self._lines()
        found = _quantiles(weights, [self._at(line, float(np.log(size))) for line in lines])
        low, middle, high = sorted(np.exp(found))
        return float(middle), float(low), float(high)

    def _lines(self) -> tuple[np.ndarray, list["_Line"]]:
        x, y = np.log(self.sizes), np.log(self.values)
        variance = np.full(len(x), np.mean(np.square(self.errors)))  # each alone is known from few seeds
        lines = [_line(x, y, variance, misfit) for misfit in MISFITS]
        prior = np.log(MISFITS) - np.log1p((MISFITS / MISFIT) ** 2)  # of its logarithm, which the grid has
        score = np.array([line.likelihood for line in lines]) + prior
        weights = np.exp(score - score.max())
        return weights / weights.sum(), lines

    def _at(self, line: "_Line", x0: float) -> tuple[float, float]:
        """Mean and standard deviation of a new optimum at log size `x0`."""
        x, y = np.log(self.sizes), np.log(self.values)
        bend = CURVATURE**2 * (x0 - x.mean()) ** 2
        shared = bend * (x - x.mean()) ** 2
        basis, at = np.column_stack([np.ones_like(x), x]), np.array([1.0, x0])
        weights = np.linalg.solve(line.covariance, shared)
        mean = at @ line.beta + weights @ (y - basis @ line.beta)
        left = at - basis.T @ weights
        own = np.mean(np.square(self.errors)) + line.misfit**2
        variance = bend * (x0 - x.mean()) ** 2 + own - weights @ shared + left @ line.cov @ left
        return float(mean), float(np.sqrt(max(variance, 1e-12)))


@dataclass(frozen=True)
class _Line:
    misfit: float
    covariance: np.ndarray
    """(n, n) of the optima about the line"""
    beta: np.ndarray
    cov: np.ndarray
    likelihood: float
    """Logarithm, intercept and slope integrated out"""


def _line(x: np.ndarray, y: np.ndarray, variance: np.ndarray, misfit: float) -> _Line:
    bend = (x - x.mean()) ** 2
    covariance = np.diag(variance + misfit**2) + CURVATURE**2 * np.outer(bend, bend)
    basis = np.column_stack([np.ones_like(x), x])
    information = basis.T @ np.linalg.solve(covariance, basis)
    cov = np.linalg.inv(information)
    beta = cov @ basis.T @ np.linalg.solve(covariance, y)
    rest = y - basis @ beta
    logs = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(information)[1]
    likelihood = -0.5 * (logs + rest @ np.linalg.solve(covariance, rest))
    return _Line(misfit, covariance, beta, cov, float(likelihood))


def _quantiles(weights: np.ndarray, normals: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Median, and ends of the central interval at `LEVEL`, of a mixture of normal distributions."""
    means, sds = np.array(normals).T
    ends = float((means - 12 * sds).min()), float((means + 12 * sds).max())

    def at(share: float) -> float:
        return float(brentq(lambda z: weights @ norm.cdf(z, means, sds) - share, *ends))

    return at(0.5), at((1 - LEVEL) / 2), at((1 + LEVEL) / 2)
