"""Columns of a table that give the target away: told before anything is trained, never left out unasked."""

from collections.abc import Iterator

import numpy as np
from scipy.special import comb
from scipy.stats import spearmanr

from sweeper.data.column import Column
from sweeper.data.data import Data

FEWEST_ROWS = 50
"""Rows below which a column may give the target away by chance."""
LIKELY = 1e-6
"""Chance, at most, that labels in random order lie as a column of numbers orders them."""
ROWS_OF_A_VALUE = 4
"""Rows, on average, of each value of a category; where it has fewer, its values are nearly ids."""
QUICK = 10_000
"""Rows, about, that are looked at before all."""
CORRELATED = 0.9999
"""Rank correlation with a real-valued target from which a column orders the rows as the target does."""


def leaks(data: Data) -> list[Column]:
    """Columns each of which gives the target of every row by itself.

    Classes: no two rows with the same value have different ones and, in the order of a column of numbers,
    each class lies in one stretch. Real-valued targets: the rank correlation is ±`CORRELATED` or more.
    """
    if data.rows < FEWEST_ROWS or data.is_streamed or data.targets.squeeze().ndim != 1:
        return []
    target, is_class = data.targets.squeeze(), data.classes is not None
    # Nearly every column shows in some rows that it tells nothing; the first ones may be of one class.
    some = slice(None, None, -(-data.rows // QUICK))
    return [
        column
        for column, cells in _cells(data)
        if all(_tells(column, cells[rows], target[rows], is_class) for rows in (some, slice(None)))
        and _is_no_chance(column, target, is_class)
    ]


def _cells(data: Data) -> Iterator[tuple[Column, np.ndarray]]:
    """Every column with its numbers, (n,); of dates days alone, which order as the dates do."""
    raw = data.inputs if data.encoding is None else data.encoding.raw
    start = 0
    for column in data.columns:
        days = 4 if column.width > 1 else 0
        yield column, np.asarray(raw[:, start + days], dtype=np.float64)
        start += column.width


def _tells(column: Column, cells: np.ndarray, target: np.ndarray, is_class: bool) -> bool:
    values, which = np.unique(cells, return_inverse=True)
    if len(values) < 2:
        return False
    if not is_class:
        return not column.values and np.ptp(target) > 0 and abs(spearmanr(which, target)[0]) >= CORRELATED
    first = np.zeros(len(values), dtype=target.dtype)
    first[which] = target
    if (first[which] != target).any():
        return False
    if column.values:
        return len(values) * ROWS_OF_A_VALUE <= len(cells)
    return 1 + int((np.diff(first) != 0).sum()) == len(np.unique(target))


def _is_no_chance(column: Column, target: np.ndarray, is_class: bool) -> bool:
    """Whether classes would hardly lie in a stretch each if they came in random order."""
    if not is_class or column.values:
        return True
    return 1 / comb(len(target), int(np.unique(target, return_counts=True)[1].min())) < LIKELY
