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


def quantiles(targets: np.ndarray, width: int, quantile: float = 0.5) -> np.ndarray:
    """Quantile of each column, a value that occurs: least `quantile` loss."""
    return np.asarray(np.quantile(targets, quantile, axis=0, method="inverted_cdf"))


def gaussian(targets: np.ndarray, width: int) -> np.ndarray:
    """Means of the columns, then logarithms of their variances: least Gaussian loss."""
    variances = np.maximum(targets.var(axis=0), np.finfo(np.float32).tiny)
    return np.concatenate([targets.mean(axis=0), np.log(variances)])


def token_frequencies(targets: np.ndarray, width: int, ignore_index: int = -100) -> np.ndarray:
    """`frequencies` of all tokens (n, time) that are not ignored."""
    return frequencies(targets[targets != ignore_index], width)


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
    mean, unseen = targets.mean(axis=0), UNSEEN / len(targets)
    p = np.where(mean <= 0, unseen, np.where(mean >= 1, 1 - unseen, mean))
    return np.asarray(np.log(p / (1 - p)))


def class_weights(labels: np.ndarray, classes: int, ignore_index: int = -100) -> np.ndarray:
    """labels / (classes · labels of the class), as scikit-learn balances them; (classes,)."""
    kept = labels[labels != ignore_index]
    counts = np.bincount(kept, minlength=classes)
    return np.asarray(len(kept) / (classes * np.maximum(counts, 1)))


def side_weights(targets: np.ndarray) -> np.ndarray:
    """The same of targets below and from one half on, column by column: (2, k)."""
    above = (targets >= 0.5).sum(axis=0)
    counts = np.stack([len(targets) - above, above])
    return np.asarray(len(targets) / (2 * np.maximum(counts, 1)))


@dataclass(frozen=True)
class Guess:
    """The best constant output of a loss."""

    words: str
    """What it is: "the mean of the training rows"."""
    output: Callable[..., np.ndarray]
    """(targets of the training rows, outputs) -> the output for any row."""
