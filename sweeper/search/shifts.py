"""How far categories move the best position of the learning rate, in shares of its range.

Under another optimizer or activation the loss has much the same shape over the logarithm of the rate, at
another position. A surrogate that compares rates after these shifts, x + s(optimizer) + s(activation) +
s(optimizer, activation), learns the shape from all trials together. The shifts are found with its variances
and lengths; a priori they are normal around 0.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.search.coordinates import Coordinates, Points

RATE = "learning_rate"
OPTIMIZER, OTHER, TOGETHER = 0.12, 0.06, 0.05
"""Standard deviations: of the shift by the optimizer, by another category, by two of them together."""
DECIMALS = 2


@dataclass(frozen=True)
class Shifts:
    """One shift for each value of some categories, and one for each pair of values."""

    number: int | None
    """What is shifted, by its position among the numbers; ``None`` without shifts"""
    terms: tuple[tuple[int, ...], ...]
    """Categories"""
    codes: tuple[int, ...]
    """Values of each category"""
    spreads: np.ndarray
    """Standard deviation of each shift"""

    def design(self, points: Points) -> np.ndarray:
        """(rows, shifts) 1 where a shift applies to a row, else 0."""
        columns = []
        for term in self.terms:
            there = np.min(points.codes[:, list(term)], axis=1) >= 0
            sizes = [self.codes[c] for c in term]
            code = np.ravel_multi_index(tuple(np.maximum(points.codes[:, c], 0) for c in term), sizes)
            columns.append(np.logical_and(code[:, None] == np.arange(np.prod(sizes)), there[:, None]))
        return np.concatenate(columns, axis=1).astype(float) if columns else np.zeros((len(points), 0))

    def moved(self, points: Points, shifts: np.ndarray) -> Points:
        """The rows with their number shifted."""
        if self.number is None:
            return points
        moved, (first, kind) = points.positions.copy(), points.kinds
        moved[:, self.number] += (self.design(points[first]) @ shifts)[kind]
        return Points(points.codes, moved, points.on)


def shifts_of(coordinates: Coordinates, scientific: Sequence[str]) -> Shifts:
    """The shifts of one space: by each scientific category, and by each two of them."""
    categories, numbers = coordinates.categories, coordinates.numbers
    if RATE not in numbers:
        return Shifts(None, (), (), np.zeros(0))
    codes = tuple(len(coordinates.values[name]) for name in categories)
    leading = [categories.index(name) for name in scientific if name in categories]
    terms = [*((c,) for c in leading), *itertools.combinations(leading, 2)]
    spreads = [
        (OPTIMIZER if categories[term[0]] == "optimizer" else OTHER) if len(term) == 1 else TOGETHER
        for term in terms
    ]
    counts = [int(np.prod([codes[c] for c in term])) for term in terms]
    return Shifts(numbers.index(RATE), tuple(terms), codes, np.repeat(spreads, counts))
