"""How much of the spread of the finalists' scores is luck."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from sweeper.answer.rows import fresh_scores, retrained
from sweeper.statistics.variance import settings_share
from sweeper.wording import percent


def ends_in_words(low: float, high: float) -> str:
    """``7 % to 30 %``, of a share of the variance. Means that lie closer together than luck would have them
    leave an interval without a width, which is none."""
    if low == high:
        return "no interval: means lie closer together than luck would have them"
    return f"{percent(low)} to {percent(high)}"


class Luck(NamedTuple):
    """Share of the variance of `complete_scores` on one seed that is not between settings, with its 95 %
    interval. What a seed does to all alike decides between none of them, and is left out."""

    share: float
    low: float
    high: float
    finalists: int
    """That it is of: those that completed every fresh seed of the winner."""
    every: int
    """Finalists in all."""


def complete_scores(trials: pd.DataFrame, winner: int | None = None) -> np.ndarray:
    """(finalists, seeds): costs of the finalists that completed every fresh seed which `winner` completed.

    Those of another race may have had more. ``None``: every fresh seed there is.
    """
    fresh = fresh_scores(trials)
    completed = np.isfinite(fresh.scores)
    kept = completed[fresh.trials == winner].all(axis=0)
    return fresh.scores[:, kept][completed[:, kept].all(axis=1)]


def luck(trials: pd.DataFrame, winner: int) -> Luck | None:
    """That of the recorded `trials`, whose objective is a cost; ``None`` where it cannot be split."""
    values = complete_scores(trials, winner)
    finalists, seeds = values.shape
    if finalists < 2 or seeds < 2 or np.ptp(values) == 0:
        return None
    share, low, high = settings_share(values)
    return Luck(1 - share, 1 - high, 1 - low, finalists, retrained(trials))
