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
from scipy.linalg import cho_solve, cholesky, solve_triangular
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
    found: list[Part] = [(Term((c,)),) for c in range(len(categories))]
    found += [(Term(p),) for p in pairs if set(p) <= set(leading)]
    found.append(tuple(Term(p) for p in pairs if not set(p) <= set(leading)))
    for k in rate:
        found.append((Term((), (k,)),))
        found += [(Term((c,), (k,)),) for c in leading]
        if len(leading) > 1:
            found.append((Term(tuple(leading), (k,)),))
        found.append(tuple(Term((c,), (k,)) for c in range(len(categories)) if c not in leading))
    found += [(Term((), (k,)),) for k in others]
    found.append(tuple(Term((), (), (k,)) for k in others))
    found.append(tuple(Term((c,), (k,)) for c in leading for k in others))
    found.append(tuple(Term((), (*rate, k)) for k in others if rate))
    return [part for part in found if part]


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
        """(rows of a, rows of b) covariances without noise."""
        variances, lengths, _ = self.split(theta)
        a, b = self.moved(theta, a), self.moved(theta, b)
        near = [_matern(_apart(a, b, k) / lengths[k]) for k in range(self.numbers)]
        masks = _Masks(a, b)
        found = np.ones((len(a), len(b)))
        for group in self.groups:
            scales = variances[group.parts] * group.weights
            value = np.zeros((len(a), len(b)))
            for scale, term in zip(scales, group.terms, strict=True):
                value += scale * masks.mask(term)
            for k in group.numbers:
                value *= near[k]
                value *= masks.same("on", k)
            found += value
        return found

    def at(self, theta: np.ndarray, a: Points) -> np.ndarray:
        """Variance of each row, without noise."""
        variances, _, _ = self.split(theta)
        found = np.ones(len(a))
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
            found += value
        return found


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
                found = (one == other) & (one >= 0)
            else:
                one, other = self.a.on[:, k, None], self.b.on[:, k]
                found = one & other if kind == "on" else one == other
            self._same[kind, k] = found.astype(float)
        return self._same[kind, k]

    def mask(self, term: Term) -> np.ndarray | float:
        """1 where a term's categories and zeros agree."""
        factors = [self.same("code", c) for c in term.categories]
        factors += [self.same("zero", k) for k in term.zeros]
        return math.prod(factors[1:], start=factors[0]) if factors else 1.0


def _apart(a: Points, b: Points, k: int) -> np.ndarray:
    return ROOT * np.abs(a.places[:, k, None] - b.places[:, k])


def _matern(s: np.ndarray) -> np.ndarray:
    return (1 + s + s**2 / 3) * np.exp(-s)


def _log_slope(s: np.ndarray) -> np.ndarray:
    """Derivative of log m by the log of the length."""
    return s**2 * (1 + s) / (3 + 3 * s + s**2)


def fit(kernel: Kernel, points: Points, y: np.ndarray, doubt: np.ndarray) -> np.ndarray:
    """`theta` of highest posterior density; rounded, so that the last bits of a sum change nothing.

    `doubt` is added to the noise variance of each row.
    """
    count = len(points)
    masks = _Masks(points, points)
    flat = [_stacked(group, masks, count) for group in kernel.groups]
    apart = [_apart(points, points, k) for k in range(kernel.numbers)]
    eye, lengths_at = np.eye(count), len(kernel.parts)
    noise_at, moving, design = kernel.noise_at, kernel.shifts.number, kernel.shifts.design(points)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        variances, lengths, noise = kernel.split(theta)
        if moving is not None:
            places = points.places[:, moving] + design @ theta[noise_at + 1 :]
            gaps = places[:, None] - places
            apart[moving] = ROOT * np.abs(gaps)
        scaled = [d / length for d, length in zip(apart, lengths, strict=True)]
        near = [_matern(s) for s in scaled]
        covariance, pieces = np.ones((count, count)), []
        for group, mask in zip(kernel.groups, flat, strict=True):
            product = (
                math.prod((near[k] for k in group.numbers[1:]), start=near[group.numbers[0]])
                if group.numbers
                else None
            )
            value = ((variances[group.parts] * group.weights) @ mask).reshape(count, count)
            value = value if product is None else value * product
            pieces.append((product, value))
            covariance += value
        covariance[np.diag_indices(count)] += noise + JITTER + doubt
        try:
            lower = cholesky(covariance, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(theta)
        weights = cho_solve((lower, True), y, check_finite=False)
        outer = cho_solve((lower, True), eye, check_finite=False) - weights[:, None] * weights
        gradient = np.zeros_like(theta)
        of_rate = np.zeros((count, count))
        for group, mask, (product, value) in zip(kernel.groups, flat, pieces, strict=True):
            each = mask @ (outer if product is None else outer * product).ravel()
            np.add.at(gradient, group.parts, 0.5 * variances[group.parts] * group.weights * each)
            for k in group.numbers:
                gradient[lengths_at + k] += 0.5 * np.vdot(outer, value * _log_slope(scaled[k]))
                if k == moving:
                    of_rate += value
        if moving is not None:
            pull = _log_slope(scaled[moving]) / np.where(gaps == 0, np.inf, -gaps)
            gradient[noise_at + 1 :] = (outer * of_rate * pull).sum(axis=1) @ design
        gradient[noise_at] = 0.5 * noise * np.trace(outer)
        away = (theta - kernel.middle) / kernel.spread
        found = 0.5 * y @ weights + np.log(np.diag(lower)).sum() + 0.5 * away @ away
        return float(found), gradient + away / kernel.spread

    bounds = [(m - 4 * s, m + 3 * s) for m, s in zip(kernel.middle, kernel.spread, strict=True)]
    found = minimize(
        loss, kernel.middle, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    logs, shifts = found.x[: noise_at + 1], found.x[noise_at + 1 :]
    return np.concatenate([np.round(logs, 1), np.round(shifts, DECIMALS)])


def _stacked(group: Group, masks: _Masks, count: int) -> np.ndarray:
    """(terms, count²) masks, with the numbers on."""
    on = math.prod((masks.same("on", k) for k in group.numbers), start=np.ones((count, count)))
    return np.stack([(on * masks.mask(term)).ravel() for term in group.terms])


class Posterior:
    """What is believed after the observations; points may be added at what is believed of them."""

    def __init__(
        self, kernel: Kernel, theta: np.ndarray, points: Points, y: np.ndarray, doubt: np.ndarray
    ) -> None:
        self.kernel, self.theta, self.points = kernel, theta, points
        self.noise = kernel.split(theta)[2] + JITTER
        covariance = kernel.between(theta, points, points)
        covariance[np.diag_indices(len(points))] += self.noise + doubt
        self._lower = cholesky(covariance, lower=True, check_finite=False)
        self._weights = cho_solve((self._lower, True), y, check_finite=False)
        self.pool: Points | None = None

    def watch(self, pool: Points) -> None:
        """Keep mean and variance of these rows up to date."""
        across = self.kernel.between(self.theta, self.points, pool)
        self._solved = solve_triangular(self._lower, across, lower=True, check_finite=False)
        self.pool, self.mean = pool, across[: len(self._weights)].T @ self._weights
        self.variance = self.kernel.at(self.theta, pool) - (self._solved**2).sum(axis=0)

    def predict(self, at: Points) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the noiseless value of each row."""
        across = self.kernel.between(self.theta, self.points, at)
        solved = solve_triangular(self._lower, across, lower=True, check_finite=False)
        variance = self.kernel.at(self.theta, at) - (solved**2).sum(axis=0)
        return across[: len(self._weights)].T @ self._weights, variance

    def believe(self, point: Points) -> None:
        """Add one row with its own mean for a value: no mean changes, its neighbourhood is known better."""
        across = self.kernel.between(self.theta, self.points, point)[:, 0]
        solved = solve_triangular(self._lower, across, lower=True, check_finite=False)
        left = float(self.kernel.at(self.theta, point)[0] + self.noise - solved @ solved)
        deviation, count = math.sqrt(max(left, JITTER)), len(self._lower)
        grown = np.zeros((count + 1, count + 1))
        grown[:count, :count] = self._lower
        grown[count, :count] = solved
        grown[count, count] = deviation
        self._lower, self.points = grown, self.points.joined(point)
        if self.pool is not None:
            row = (self.kernel.between(self.theta, point, self.pool)[0] - solved @ self._solved) / deviation
            self._solved = np.vstack([self._solved, row])
            self.variance = self.variance - row**2
