"""The covariance of the surrogate: a sum of parts, each with a variance of its own.

    k(x, x') = Σ_p v_p Σ_t Π_c [c = c'] Π_n m(|n − n'| / ℓ_n) / |p|  +  1,     cov(y) = k + v_noise · 1

with categories c, numbers n, and the Matérn function m of smoothness 5/2 (Rasmussen and Williams 2006, eq.
4.17). Parts that leave categories out are shared by all their values: what is learned of the rate under one
optimizer serves all others (additive kernels: Duvenaud et al. 2011, arXiv 1112.4394), the more as rates are
compared after `sweeper.search.shifts`. What depends on categories and zeros alone is worked out once for all
rows of one kind, see `Points.kinds`.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.search.coordinates import Coordinates, Points
from sweeper.search.shifts import RATE, Shifts

ROOT = math.sqrt(5.0)
IN_CACHE = 16_384
"""Covariances that are worked out at a time."""
LENGTH, LENGTH_SPREAD = 0.2, 0.5
"""Median and log standard deviation of the prior of a length, in shares of the range."""
VARIANCE, VARIANCE_SPREAD = 1.5, 1.2
NOISE, NOISE_SPREAD = 0.005, 1.5
"""The same of the variances, where observations have variance 1."""


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
    terms: slice
    """Of `Kernel.terms`"""


class Kernel:
    """The covariance of one space.

    `theta` holds log variances of parts, log lengths, log noise variance, shifts of the rate.
    """

    def __init__(self, parts: Sequence[Part], numbers: int, shifts: Shifts) -> None:
        self.parts, self.numbers, self.shifts = tuple(parts), numbers, shifts
        listed = [(term, p, 1 / len(part)) for p, part in enumerate(parts) for term in part]
        listed.sort(key=lambda each: each[0].numbers)
        self.terms = tuple(term for term, _, _ in listed)
        """Those of one group side by side."""
        self.part_of = np.array([p for _, p, _ in listed], dtype=int)
        """Part of each term"""
        self._weights = np.array([weight for _, _, weight in listed])
        """1 / |p| of each term"""
        self._looking = {
            (what, k): np.array([t for t, term in enumerate(self.terms) if k in getattr(term, what)])
            for what in AGREEMENTS
            for k in sorted({k for term in self.terms for k in getattr(term, what)})
        }
        """Terms that look at a category, a number or a zero."""
        sizes = Counter(term.numbers for term in self.terms)
        stops = itertools.accumulate(sizes.values())
        self.groups = tuple(
            Group(n, slice(stop - sizes[n], stop)) for n, stop in zip(sizes, stops, strict=True)
        )
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

    def of_terms(self, variances: np.ndarray) -> np.ndarray:
        """Variance of each term, from those of the parts."""
        return variances[self.part_of] * self._weights

    def moved(self, theta: np.ndarray, points: Points) -> Points:
        """The rows with their rates shifted."""
        return self.shifts.moved(points, theta[self.noise_at + 1 :])

    def between(self, theta: np.ndarray, a: Points, b: Points) -> np.ndarray:
        """(rows of a, rows of b) covariances without noise; both `moved`."""
        variances, lengths, _ = self.split(theta)
        (first_a, kind_a), (first_b, kind_b) = a.kinds, b.kinds
        terms = self.of_terms(variances)[:, None, None] * self.masks(a[first_a], b[first_b])
        shares = [terms[group.terms].sum(axis=0) for group in self.groups]
        covariances, at_once = np.ones((len(a), len(b))), max(1, IN_CACHE // max(len(b), 1))
        for rows in (slice(start, start + at_once) for start in range(0, len(a), at_once)):
            some = a[rows]
            near = [matern(apart(some, b, k) / lengths[k]) for k in range(self.numbers)]
            for group, share in zip(self.groups, shares, strict=True):
                each = share[kind_a[rows]].take(kind_b, axis=1)
                for k in group.numbers:
                    each *= near[k]
                covariances[rows] += each
        return covariances

    def at(self, theta: np.ndarray, a: Points) -> np.ndarray:
        """Variance of each row, without noise."""
        first, kind = a.kinds
        masks = self.masks(a[first], a[first])
        return (1.0 + self.of_terms(self.split(theta)[0]) @ masks.diagonal(axis1=1, axis2=2))[kind]

    def masks(self, a: Points, b: Points) -> np.ndarray:
        """1 where a term's categories and zeros agree and its numbers are on: (terms, rows, rows)."""
        masks = np.ones((len(self.terms), len(a), len(b)))
        for (what, k), terms in self._looking.items():
            masks[terms] *= AGREEMENTS[what](a, b, k)
        return masks


def _same_category(a: Points, b: Points, c: int) -> np.ndarray:
    one, other = a.codes[:, c, None], b.codes[:, c]
    return (one == other) & (one >= 0)


def _both_on(a: Points, b: Points, k: int) -> np.ndarray:
    return a.on[:, k, None] & b.on[:, k]


def _equally_on(a: Points, b: Points, k: int) -> np.ndarray:
    return a.on[:, k, None] == b.on[:, k]


AGREEMENTS: Mapping[str, Callable[[Points, Points, int], np.ndarray]] = {
    "categories": _same_category,
    "numbers": _both_on,
    "zeros": _equally_on,
}
"""Field of a `Term` -> whether rows agree in what it names: (rows of a, rows of b)."""


def apart(a: Points, b: Points, k: int) -> np.ndarray:
    """√5 |n − n'| of the number k: (rows of a, rows of b)."""
    gaps = a.positions[:, k, None] - b.positions[:, k]
    np.abs(gaps, out=gaps)
    gaps *= ROOT
    return gaps


def matern(s: np.ndarray) -> np.ndarray:
    """m at s = √5 |n − n'| / ℓ."""
    m, falling = s / 3, -s
    m += 1
    m *= s
    m += 1
    m *= np.exp(falling, out=falling)
    return m


def log_slope(s: np.ndarray) -> np.ndarray:
    """Derivative of log m by the log of the length."""
    above, below = 1 + s, 3 + s
    above *= s * s
    below *= s
    below += 3
    above /= below
    return above
