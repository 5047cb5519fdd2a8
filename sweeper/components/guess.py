"""Guessing: the output that is the same for every row and has the lowest loss on the training targets."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

HALVINGS = 200
"""Of the interval that holds a Huber location; the ends meet long before."""
UNSEEN = 0.5
"""Rows that a class, or a target of 0 or 1, counts for where no training row has it: log 0 is infinite."""


def frequencies(targets: np.ndarray, width: int) -> np.ndarray:
    """Logits log pₖ of the class shares, shape (classes,); `targets` are class numbers (n,)."""
    counts = np.maximum(np.bincount(targets, minlength=width).astype(float), UNSEEN)
    return np.asarray(np.log(counts / counts.sum()))


def mean(targets: np.ndarray, width: int) -> np.ndarray:
    """Mean of each column: least mean square."""
    return np.asarray(targets.mean(axis=0))


def median(targets: np.ndarray, width: int) -> np.ndarray:
    """Median of each column: least mean absolute difference."""
    return np.asarray(np.median(targets, axis=0))


def huber_location(targets: np.ndarray, width: int) -> np.ndarray:
    """c of each column with Σ clip(c − y, −1, 1) = 0, by bisection: least Huber loss."""
    low, high = targets.min(axis=0), targets.max(axis=0)
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2
        above = np.clip(middle - targets, -1, 1).sum(axis=0) > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
        if np.all(high - low <= 1e-15 * np.abs(high)):
            break
    return np.asarray(low + (high - low) / 2)


def share(targets: np.ndarray, width: int) -> np.ndarray:
    """Logit of the mean of each column, which lies in 0 … 1: least binary cross-entropy."""
    p = np.clip(targets.mean(axis=0), UNSEEN / len(targets), 1 - UNSEEN / len(targets))
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Guess:
    """The best constant output of a loss."""

    words: str
    """What it is: "the mean of the training rows"."""
    output: Callable[[np.ndarray, int], np.ndarray]
    """(targets of the training rows, outputs) -> the output for any row."""
