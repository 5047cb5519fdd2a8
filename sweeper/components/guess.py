"""Guessing: the prediction that is the same for every row, made from the training targets alone."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.components.losses import Loss
from sweeper.components.metrics import METRICS

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


Guess = Callable[[np.ndarray, int], np.ndarray]
"""(targets of the training rows, outputs) -> the output for any row."""
GUESSES: dict[str, tuple[str, Guess]] = {
    "cross_entropy": ("the class frequencies of the training rows", frequencies),
    "mse": ("the mean of the training rows", mean),
    "l1": ("the median of the training rows", median),
    "huber": ("the constant of lowest Huber loss on the training rows", huber_location),
    "bce": ("the mean of the training rows", share),
}
"""Loss -> its best constant prediction, in words and computed."""
BEST_CONSTANT = "the constant of lowest loss on the training rows"


def of_any_loss(loss: Loss, targets: np.ndarray, width: int, dtype: torch.dtype) -> np.ndarray | None:
    """The output of lowest `loss` on the training rows, searched for by L-BFGS; ``None`` if none is found.

    It starts from what suits the named losses of the same task; the result is never worse than that.
    """
    starts = [frequencies] if loss.task == "classification" else [mean, median]
    y, found = as_tensor(targets, dtype), None
    lowest = float("inf")
    for start in starts:
        row = _descended(loss, y, torch.tensor(start(targets, width), dtype=dtype))
        value = loss.function(_spread(row, len(y)), y).item()
        if value < lowest:
            found, lowest = row.double().numpy(), value
    return found


def _descended(loss: Loss, y: Tensor, start: Tensor) -> Tensor:
    row = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([row], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss.function(_spread(row, len(y)), y)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    before = loss.function(_spread(start, len(y)), y).item()
    optimizer.step(closure)
    end = row.detach()
    after = loss.function(_spread(end, len(y)), y).item()
    return end if after <= before else start


def _spread(row: Tensor, rows: int) -> Tensor:
    return row.reshape(1, -1).expand(rows, -1)


def as_tensor(targets: np.ndarray, dtype: torch.dtype) -> Tensor:
    """Class numbers as int64, real targets in `dtype`."""
    return torch.tensor(targets, dtype=torch.int64 if targets.dtype.kind in "iu" else dtype)


def scores(loss: Loss, row: np.ndarray, targets: np.ndarray, dtype: torch.dtype) -> dict[str, float]:
    """``loss`` and the metric of the task for the same output on every row of `targets`.

    R² of a guess is 0: what explains no variance. That of the training rows' mean on other rows lies a little
    below.
    """
    name, metric = METRICS[loss.task]
    y = as_tensor(targets, dtype)
    output = _spread(torch.tensor(row, dtype=dtype), len(y))
    value = 0.0 if name == "r2" else metric(output, y).item()
    return {"loss": loss.function(output, y).item(), name: value}


def few_rows(
    parts: Sequence[tuple[str, np.ndarray]], classes: Sequence[str], fewest: int
) -> list[tuple[str, str, int]]:
    """(class, part, rows) of every class that a part with rows has fewer than `fewest` rows of."""
    counted = [(part, np.bincount(y, minlength=len(classes))) for part, y in parts if len(y)]
    return [
        (name, part, int(counts[k]))
        for k, name in enumerate(classes)
        for part, counts in counted
        if counts[k] < fewest
    ]
