"""What average precision is of rows in random order: its spread has no simple formula, so it is drawn."""

from functools import cache

import numpy as np

ORDERS = 400
MOST_ROWS = 2000
"""Drawn of so many rows at most; of more, the spread falls with the root of their number."""


@cache
def spread_of_average_precision(rows: int, share: float) -> float:
    """Standard deviation of the average precision of `rows` in random order.

    AP = Σ_k precision(k)·[row k is positive] / positives, over `ORDERS` orders. `share` of the rows, one at
    the least, are positive.
    """
    drawn = min(rows, MOST_ROWS)
    positives = min(max(round(share * drawn), 1), drawn)
    labels = np.broadcast_to(np.arange(drawn) < positives, (ORDERS, drawn))
    ordered = np.random.default_rng(0).permuted(labels, axis=1)
    precision = ordered.cumsum(axis=1) / np.arange(1, drawn + 1)
    found = (precision * ordered).sum(axis=1) / positives
    return float(found.std(ddof=1) * np.sqrt(drawn / rows))
