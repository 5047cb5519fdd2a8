"""A Gaussian process whose covariance is a sum of parts, each with a variance of its own.

    k(x, x') = Σ_p v_p Σ_t Π_c [c = c'] Π_n m(|n − n'| / ℓ_n) / |p|  +  1,     cov(y) = k + v_noise · 1

with categories c, numbers n, and the Matérn function m of smoothness 5/2 (Rasmussen and Williams 2006, eq.
4.17). Parts that leave categories out are shared by all their values: what is learned of the rate under one
optimizer serves all others (additive kernels: Duvenaud et al. 2011, arXiv 1112.4394), the more as rates are
compared after `sweeper.search.shifts`. Shifts, and variances and lengths under log-normal priors, are those
of highest posterior density, found by L-BFGS-B.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, lapack, solve_triangular
from scipy.optimize import minimize

from sweeper.search.coordinates import Coordinates, Points
from sweeper.search.shifts import DECIMALS, RATE, Shifts

JITTER = 1e-8
ROOT = math.sqrt(5.0)
LENGTH, LENGTH_SPREAD = 0.2, 0.5
"""Median and log standard deviation of the prior of a length, in shares of the range."""
VARIANCE, VARIANCE_SPREAD = 1.5, 1.2
NOISE, NOISE_SPREAD = 0.005, 1.5
"""The same of the variances, where observations have variance 1."""
STEPS = 40
"""Most iterations of the fit."""


@dataclass(frozen=True)
class Term:
    """A product: equal categories, near numbers, and numbers that are at zero together."""

    categories: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    zeros: tuple[int, ...] = ()


Part = tuple[Term, ...]


def parts_of(coordinates: Coordinates, scientific: Sequence[str]) -> list[Part]:
    """The parts of the covariance for one space.

    Every category by itself, pairs of scientific ones, the other pairs together; the rate by itself, for
    each value of each scientific category, and for each combination of them; every other number by itself
    and its zero; all of these for each scientific value; all of these with the rate.
    """
    categories, numbers = coordinates.categories, coordinates.numbers
    leading = [categories.index(n) for n in scientific if n in categories]
    pairs = [p for p in itertools.combinations(range(len(categories)), 2)]
    rate = [numbers.index(RATE)] if RATE in numbers else []
    others = [k for k in range(len(numbers)) if k not in rate]
    parts: list[Part] = [(Term((c,)),) for c in range(len(categories))]
    parts += [(Term(p),) for p in pairs if set(p) <= set(leading)]
    parts.append(tuple(Term(p) for p in pairs if not set(p) <= set(leading)))
    for k in rate:
        parts.append((Term((), (k,)),))
        parts += [(Term((c,), (k,)),) for c in leading]
        if len(leading) > 1:
            parts.append((Term(tuple(leading), (k,)),))
        parts.append(tuple(Term((c,), (k,)) for c in range(len(categories)) if c not in leading))
    parts += [(Term((), (k,)),) for k in others]
    parts.append(tuple(Term((), (), (k,)) for k in others))
    parts.append(tuple(Term((c,), (k,)) for c in leading for k in others))
    parts.append(tuple(Term((), (*rate, k)) for k in others if rate))
    return [part for part in parts if part]


@dataclass(frozen=True)
class Group:
    """Terms of the same numbers, which share the product over them."""

    numbers: tuple[int, ...]
    terms: tuple[Term, ...]
    parts: np.ndarray
    """Part of each term"""
    weights: np.ndarray
    """1 / |p| of each term"""


class Kernel:
    """The covariance of one space.

    `theta` holds log variances of parts, log lengths, log noise variance, shifts of the rate.
    """

    def __init__(self, parts: Sequence[Part], numbers: int, shifts: Shifts) -> None:
        self.parts, self.numbers, self.shifts = tuple(parts), numbers, shifts
        grouped: dict[tuple[int, ...], list[tuple[Term, int, float]]] = {}
        for p, part in enumerate(parts):
            for term in part:
                grouped.setdefault(term.numbers, []).append((term, p, 1 / len(part)))
        self.groups = [
            Group(
                n, tuple(t for t, _, _ in g), np.array([p for _, p, _ in g]), np.array([w for _, _, w in g])
            )
            for n, g in grouped.items()
        ]
        count = len(self.parts)
        self.noise_at = count + numbers
        middle = np.log([VARIANCE] * count + [LENGTH] * numbers + [NOISE])
        spread = np.array([VARIANCE_SPREAD] * count + [LENGTH_SPREAD] * numbers + [NOISE_SPREAD])
        self.middle = np.concatenate([middle, np.zeros(len(self.shifts.spreads))])
        self.spread = np.concatenate([spread, self.shifts.spreads])

    def split(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Variances of parts, lengths, noise variance."""
        values = np.exp(theta[: self.noise_at + 1])
        return values[: len(self.parts)], values[len(self.parts) : self.noise_at], float(values[-1])

    def moved(self, theta: np.ndarray, points: Points) -> Points:
        """The rows with their rates shifted."""
        return self.shifts.moved(points, theta[self.noise_at + 1 :])

    def between(self, theta: np.ndarray, a: Points, b: Points) -> np.ndarray:
        """(rows of a, rows of b) covariances without noise; both `moved`."""
        variances, lengths, _ = self.split(theta)
        near = [_matern(_apart(a, b, k) / lengths[k]) for k in range(self.numbers)]
        masks = _Masks(a, b)
        covariances = np.ones((len(a), len(b)))
        for group in self.groups:
            scales = variances[group.parts] * group.weights
            value = np.zeros((len(a), len(b)))
            for scale, term in zip(scales, group.terms, strict=True):
                value += scale * masks.mask(term)
            for k in group.numbers:
                value *= near[k]
                value *= masks.same("on", k)
            covariances += value
        return covariances

    def at(self, theta: np.ndarray, a: Points) -> np.ndarray:
        """Variance of each row, without noise."""
        variances, _, _ = self.split(theta)
        variance_of = np.ones(len(a))
        there = a.codes >= 0
        for group in self.groups:
            value = np.zeros(len(a))
            for scale, term in zip(variances[group.parts] * group.weights, group.terms, strict=True):
                product = np.full(len(a), scale)
                for c in term.categories:
                    product *= there[:, c]
                value += product
            for k in group.numbers:
                value *= a.on[:, k]
            variance_of += value
        return variance_of


class _Masks:
    """Which rows of two sets agree, each worked out once."""

    def __init__(self, a: Points, b: Points) -> None:
        self.a, self.b = a, b
        self._same: dict[tuple[str, int], np.ndarray] = {}

    def same(self, kind: str, k: int) -> np.ndarray:
        """Equal codes, both there | both on | equally on."""
        if (kind, k) not in self._same:
            if kind == "code":
                one, other = self.a.codes[:, k, None], self.b.codes[:, k]
                equal = (one == other) & (one >= 0)
            else:
                one, other = self.a.on[:, k, None], self.b.on[:, k]
                equal = one & other if kind == "on" else one == other
            self._same[kind, k] = equal.astype(float)
        return self._same[kind, k]

    def mask(self, term: Term) -> np.ndarray | float:
        """1 where a term's categories and zeros agree."""
        factors = [self.same("code", c) for c in term.categories]
        factors += [self.same("zero", k) for k in term.zeros]
        return math.prod(factors[1:], start=factors[0]) if factors else 1.0


def _apart(a: Points, b: Points, k: int) -> np.ndarray:
    return ROOT * np.abs(a.positions[:, k, None] - b.positions[:, k])


def _matern(s: np.ndarray) -> np.ndarray:
    return (1 + s + s**2 / 3) * np.exp(-s)


def _log_slope(s: np.ndarray) -> np.ndarray:
    """Derivative of log m by the log of the length."""
    return s**2 * (1 + s) / (3 + 3 * s + s**2)


def fit(kernel: Kernel, points: Points, y: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """`theta` of highest posterior density; rounded, so that the last bits of a sum change nothing.

    `doubt` is added to the noise variance of each row. Symmetric matrices are worked on as the entries of
    their lower triangles.
    """
    count, lengths_at = len(points), len(kernel.parts)
    row, column = np.tril_indices(count)
    twice = np.where(row == column, 1.0, 2.0)
    masks = _Masks(points, points)
    flat = [_stacked(group, masks)[:, row, column] for group in kernel.groups]
    apart = [_apart(points, points, k)[row, column] for k in range(kernel.numbers)]
    noise_at, moving, design = kernel.noise_at, kernel.shifts.number, kernel.shifts.design(points)
    lower = np.zeros((count, count))

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        variances, lengths, noise = kernel.split(theta)
        if moving is not None:
            positions = points.positions[:, moving] + design @ theta[noise_at + 1 :]
            gaps = positions[row] - positions[column]
            apart[moving] = ROOT * np.abs(gaps)
        scaled = [d / length for d, length in zip(apart, lengths, strict=True)]
        near = [_matern(s) for s in scaled]
        covariance, pieces = np.ones(len(row)), []
        for group, mask in zip(kernel.groups, flat, strict=True):
            value = (variances[group.parts] * group.weights) @ mask
            product = (
                math.prod((near[k] for k in group.numbers[1:]), start=near[group.numbers[0]])
                if group.numbers
                else None
            )
            value = value if product is None else value * product
            pieces.append((product, value))
            covariance += value
        lower[row, column] = covariance
        lower[np.diag_indices(count)] += noise + JITTER + doubt
        factor, failed = lapack.dpotrf(lower, lower=1)
        if failed:
            return 1e10, np.zeros_like(theta)
        weights = cho_solve((factor, True), y, check_finite=False)
        inverse, _ = lapack.dpotri(factor, lower=1)
        outer = inverse[row, column] - weights[row] * weights[column]
        both = outer * twice
        gradient, of_rate = np.zeros_like(theta), np.zeros(len(row))
        for group, mask, (product, value) in zip(kernel.groups, flat, pieces, strict=True):
            each = mask @ (both if product is None else both * product)
            np.add.at(gradient, group.parts, 0.5 * variances[group.parts] * group.weights * each)
            for k in group.numbers:
                gradient[lengths_at + k] += 0.5 * np.vdot(both, value * _log_slope(scaled[k]))
                if k == moving:
                    of_rate += value
        if moving is not None:
            pull = outer * of_rate * _log_slope(scaled[moving]) / np.where(gaps == 0, np.inf, -gaps)
            pulled = np.bincount(row, pull, count) - np.bincount(column, pull, count)
            gradient[noise_at + 1 :] = pulled @ design
        gradient[noise_at] = 0.5 * noise * outer[row == column].sum()
        away = (theta - kernel.middle) / kernel.spread
        misfit = 0.5 * y @ weights + np.log(np.diag(factor)).sum() + 0.5 * away @ away
        return float(misfit), gradient + away / kernel.spread

    bounds = [(m - 4 * s, m + 3 * s) for m, s in zip(kernel.middle, kernel.spread, strict=True)]
    solution = minimize(
        loss, kernel.middle, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    logs, shifts = solution.x[: noise_at + 1], solution.x[noise_at + 1 :]
    return np.concatenate([np.round(logs, 1), np.round(shifts, DECIMALS)])


def _stacked(group: Group, masks: _Masks) -> np.ndarray:
    """(terms, rows, rows) masks, with the numbers on."""
    everywhere = np.ones((len(masks.a), len(masks.b)))
    on = math.prod((masks.same("on", k) for k in group.numbers), start=everywhere)
    return np.stack([on * masks.mask(term) for term in group.terms])


class Posterior:
    """What is believed after the observations; points may be added at what is believed of them."""

    def __init__(
        self, kernel: Kernel, theta: np.ndarray, points: Points, y: np.ndarray, doubt: np.ndarray
    ) -> None:
        self.kernel, self.theta, self._points = kernel, theta, kernel.moved(theta, points)
        self.noise = kernel.split(theta)[2] + JITTER
        covariance = kernel.between(theta, self._points, self._points)
        covariance[np.diag_indices(len(points))] += self.noise + doubt
        self._lower = cholesky(covariance, lower=True, check_finite=False)
        self._weights = cho_solve((self._lower, True), y, check_finite=False)
        self.pool: Points | None = None

    def watch(self, pool: Points) -> None:
        """Keep mean and variance of these rows up to date."""
        self.pool, self._pool = pool, self.kernel.moved(self.theta, pool)
        across, self._solved = self._across(self._pool)
        self.mean = across[: len(self._weights)].T @ self._weights
        self.variance = self.kernel.at(self.theta, pool) - (self._solved**2).sum(axis=0)

    def predict(self, at: Points) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the noiseless value of each row."""
        across, solved = self._across(self.kernel.moved(self.theta, at))
        variance = self.kernel.at(self.theta, at) - (solved**2).sum(axis=0)
        return across[: len(self._weights)].T @ self._weights, variance

    def believe(self, point: Points) -> float:
        """Add one row with its own mean for a value, which is returned.

        No mean changes; its neighbourhood is known better.
        """
        moved = self.kernel.moved(self.theta, point)
        across, solved = (matrix[:, 0] for matrix in self._across(moved))
        left = float(self.kernel.at(self.theta, point)[0] + self.noise - solved @ solved)
        deviation, count = math.sqrt(max(left, JITTER)), len(self._lower)
        grown = np.zeros((count + 1, count + 1))
        grown[:count, :count] = self._lower
        grown[count, :count] = solved
        grown[count, count] = deviation
        self._lower, self._points = grown, self._points.joined(moved)
        if self.pool is not None:
            row = (self.kernel.between(self.theta, moved, self._pool)[0] - solved @ self._solved) / deviation
            self._solved = np.vstack([self._solved, row])
            self.variance = self.variance - row**2
        return float(across[: len(self._weights)] @ self._weights)

    def _across(self, moved: Points) -> tuple[np.ndarray, np.ndarray]:
        """Covariances with the observations, and L⁻¹ times these: (observations, rows) each."""
        across = self.kernel.between(self.theta, self._points, moved)
        return across, solve_triangular(self._lower, across, lower=True, check_finite=False)
