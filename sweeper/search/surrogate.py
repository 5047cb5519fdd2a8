"""A Gaussian process over configurations, with the covariance of `sweeper.search.kernel`.

Shifts, and variances and lengths under log-normal priors, are those of highest posterior density, found by
L-BFGS-B.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, lapack, solve_triangular
from scipy.optimize import minimize

from sweeper.search.coordinates import Points
from sweeper.search.kernel import ROOT, Kernel, apart, log_slope, matern
from sweeper.search.shifts import DECIMALS

JITTER = 1e-8
STEPS = 40
"""Most iterations of the fit."""
IMPOSSIBLE = 1e10
"""Misfit where the covariance has no Cholesky factor."""


def fit(kernel: Kernel, points: Points, y: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """`theta` of highest posterior density; rounded, so that the last bits of a sum change nothing.

    `doubt` is added to the noise variance of each row.
    """
    misfit = _Misfit(kernel, points, y, doubt)
    bounds = [(m - 4 * s, m + 3 * s) for m, s in zip(kernel.middle, kernel.spread, strict=True)]
    options = {"maxiter": STEPS}
    solution = minimize(misfit, kernel.middle, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    logs, shifts = np.split(solution.x, [kernel.noise_at + 1])
    return np.concatenate([np.round(logs, 1), np.round(shifts, DECIMALS)])


class _Pairs(NamedTuple):
    """What one `theta` makes of all pairs of rows."""

    gaps: np.ndarray
    """Between the shifted rates, with their sign; zeros where nothing is shifted."""
    slopes: Sequence[np.ndarray]
    """Of each number: derivative of log m by the log of its length."""
    near: Sequence[np.ndarray | float]
    """Of each group: product of m over its numbers."""
    values: Sequence[np.ndarray]
    """Of each group: its share of the covariance."""


class _Misfit:
    """Negative log of the posterior density of a `theta`, up to a constant, and its gradient.

    Symmetric matrices are worked on as the entries of their lower triangles.
    """

    def __init__(self, kernel: Kernel, points: Points, y: np.ndarray, doubt: np.ndarray) -> None:
        self._kernel, self._y, self._doubt, self._positions = kernel, y, doubt, points.positions
        self._row, self._column = np.tril_indices(len(points))
        self._at = self._column * len(points) + self._row  # in a matrix that LAPACK has
        on_diagonal = self._row == self._column
        self._diagonal, self._twice = np.flatnonzero(on_diagonal), np.where(on_diagonal, 1.0, 2.0)
        first, self._kind = points.kinds
        self._kinds, self._kind_of_row = len(first), self._kind[self._row]
        self._kind_of_column = self._kind[self._column]
        pairs = self._kind_of_row * self._kinds + self._kind_of_column
        occurring, self._pair = np.unique(pairs, return_inverse=True)
        masks = kernel.masks(points[first], points[first])
        self._masks = masks.reshape(len(kernel.terms), len(first) ** 2)[:, occurring]
        self._design = kernel.shifts.design(points[first])
        everything = (apart(points, points, k) for k in range(kernel.numbers))
        self._apart = [distances[self._row, self._column] for distances in everything]

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        kernel, y, pairs = self._kernel, self._y, self._pairs(theta)
        entries = np.add(1.0, sum(pairs.values))
        entries[self._diagonal] += kernel.split(theta)[2] + JITTER + self._doubt
        lower = np.zeros((len(y), len(y)), order="F")
        lower.T.reshape(-1)[self._at] = entries
        factor, failed = lapack.dpotrf(lower, lower=1, overwrite_a=1)
        if failed:
            return IMPOSSIBLE, np.zeros_like(theta)
        weights = cho_solve((factor, True), y, check_finite=False)
        inverse, _ = lapack.dpotri(factor, lower=1)
        outer = inverse.T.reshape(-1).take(self._at)
        outer -= weights.take(self._row) * weights.take(self._column)
        gradient = self._gradient(theta, pairs, outer)
        away = (theta - kernel.middle) / kernel.spread
        misfit = 0.5 * y @ weights + np.log(np.diag(factor)).sum() + 0.5 * away @ away
        return float(misfit), gradient + away / kernel.spread

    def _pairs(self, theta: np.ndarray) -> _Pairs:
        kernel, moving = self._kernel, self._kernel.shifts.number
        variances, lengths, _ = kernel.split(theta)
        distances, gaps = list(self._apart), np.zeros(0)
        if moving is not None:
            shifts = (self._design @ theta[kernel.noise_at + 1 :])[self._kind]
            positions = self._positions[:, moving] + shifts
            gaps = positions.take(self._row) - positions.take(self._column)
            distances[moving] = ROOT * np.abs(gaps)
        scaled = [d / length for d, length in zip(distances, lengths, strict=True)]
        each = [matern(s) for s in scaled]
        near = [math.prod(each[k] for k in group.numbers) for group in kernel.groups]
        of_terms = kernel.of_terms(variances)
        shares = [of_terms[group.terms] @ self._masks[group.terms] for group in kernel.groups]
        values = [share.take(self._pair) * product for share, product in zip(shares, near, strict=True)]
        return _Pairs(gaps, [log_slope(s) for s in scaled], near, values)

    def _gradient(self, theta: np.ndarray, pairs: _Pairs, outer: np.ndarray) -> np.ndarray:
        """Of the likelihood; `outer`: cov⁻¹ − (cov⁻¹y)(cov⁻¹y)ᵀ."""
        kernel, moving = self._kernel, self._kernel.shifts.number
        variances, _, noise = kernel.split(theta)
        both, gradient = outer * self._twice, np.zeros_like(theta)
        of_number = [np.zeros(len(outer)) for _ in range(kernel.numbers)]
        of_terms = kernel.of_terms(variances)
        for group, near, value in zip(kernel.groups, pairs.near, pairs.values, strict=True):
            of_kinds = np.bincount(self._pair, both * near, self._masks.shape[1])
            of_terms[group.terms] *= self._masks[group.terms] @ of_kinds
            for k in group.numbers:
                of_number[k] += value
        gradient[: len(kernel.parts)] = 0.5 * np.bincount(kernel.part_of, of_terms, len(kernel.parts))
        steep = [value * slope for value, slope in zip(of_number, pairs.slopes, strict=True)]
        gradient[len(kernel.parts) : kernel.noise_at] = [0.5 * np.vdot(both, each) for each in steep]
        if moving is not None:
            pull = outer * steep[moving] / np.where(pairs.gaps == 0, np.inf, -pairs.gaps)
            ends = self._kind_of_row, self._kind_of_column
            pulled = [np.bincount(kind, pull, self._kinds) for kind in ends]
            gradient[kernel.noise_at + 1 :] = (pulled[0] - pulled[1]) @ self._design
        gradient[kernel.noise_at] = 0.5 * noise * outer[self._diagonal].sum()
        return gradient


class Belief(NamedTuple):
    """What is believed of some rows."""

    points: Points
    moved: Points
    across: np.ndarray
    """Covariances with the observations: (observations, rows)."""
    solved: np.ndarray
    """L⁻¹ times these."""
    mean: np.ndarray
    variance: np.ndarray
    """Of the noiseless value of each row, as is `mean`."""


@dataclass
class Watched:
    """Rows whose mean and variance follow what is observed."""

    belief: Belief
    """Before anything was observed since."""
    variance: np.ndarray
    """Of each row at present; no mean changes."""
    since: np.ndarray
    """Rows of L⁻¹ times the covariances of what was observed since: (observations, rows)."""

    @classmethod
    def of(cls, belief: Belief) -> "Watched":
        """Of what is believed at present."""
        return cls(belief, belief.variance, np.zeros((0, len(belief.points))))

    @property
    def points(self) -> Points:
        return self.belief.points

    @property
    def mean(self) -> np.ndarray:
        return self.belief.mean


class Posterior:
    """What is believed after the observations; points may be added at what is believed of them.

    The Cholesky factor of all rows is kept in blocks: [[lower, 0], [beside, corner]], the second row of
    them for the points that were added.
    """

    def __init__(
        self, kernel: Kernel, theta: np.ndarray, points: Points, y: np.ndarray, doubt: np.ndarray
    ) -> None:
        self.kernel, self.theta, self._points = kernel, theta, kernel.moved(theta, points)
        self.noise = kernel.split(theta)[2] + JITTER
        covariance = kernel.between(theta, self._points, self._points)
        covariance[np.diag_indices(len(points))] += self.noise + doubt
        self._lower = cholesky(covariance, lower=True, check_finite=False)
        self._weights = cho_solve((self._lower, True), y, check_finite=False)
        self._beside, self._corner = np.zeros((0, len(points))), np.zeros((0, 0))
        self._watched: Watched | None = None

    def watch(self, pool: Points) -> None:
        """Keep mean and variance of these rows up to date."""
        self._watched = Watched.of(self.believed(pool))

    @property
    def watched(self) -> Watched:
        """The rows that are kept up to date; there are some once `watch` was called."""
        assert self._watched is not None
        return self._watched

    def believed(self, points: Points) -> Belief:
        """Mean and variance of each row, and what they were worked out from."""
        moved = self.kernel.moved(self.theta, points)
        across, solved = self._across(moved)
        mean = across[: len(self._weights)].T @ self._weights
        variance = self.kernel.at(self.theta, points) - (solved**2).sum(axis=0)
        return Belief(points, moved, across, solved, mean, variance)

    def observe(self, belief: Belief, row: int = 0) -> float:
        """Add a row of what is believed at present with its own mean for a value, which is returned.

        No mean changes; its neighbourhood is known better.
        """
        moved, solved = belief.moved[[row]], belief.solved[:, row]
        deviation = math.sqrt(max(float(belief.variance[row]) + self.noise, JITTER))
        old, new = np.split(solved, [len(self._lower)])
        self._beside = np.vstack([self._beside, old])
        corner = np.pad(self._corner, (0, 1))
        corner[-1] = [*new, deviation]
        self._corner, self._points = corner, self._points.joined(moved)
        if (watched := self._watched) is not None:
            first = watched.belief
            before, after = np.split(solved, [len(first.solved)])
            known = before @ first.solved + after @ watched.since
            line = (self.kernel.between(self.theta, moved, first.moved)[0] - known) / deviation
            watched.since = np.vstack([watched.since, line])
            watched.variance = watched.variance - line**2
        return float(belief.mean[row])

    def _across(self, moved: Points) -> tuple[np.ndarray, np.ndarray]:
        """Covariances with the observations, and L⁻¹ times these: (observations, rows) each."""
        across = self.kernel.between(self.theta, self._points, moved)
        old, new = np.split(across, [len(self._lower)])
        solved = solve_triangular(self._lower, old, lower=True, check_finite=False)
        if len(new):
            left = new - self._beside @ solved
            rest = solve_triangular(self._corner, left, lower=True, check_finite=False)
            solved = np.concatenate([solved, rest])
        return across, solved
