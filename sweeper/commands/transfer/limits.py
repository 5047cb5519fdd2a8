"""What a best rate is worth: whether anything was learned there, and from which rate on trainings diverge."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.baseline import baseline
from sweeper.commands.transfer.law import Prediction
from sweeper.commands.transfer.trials import costs_by_seed
from sweeper.statistics.scaling import Place
from sweeper.trial import from_cost
from sweeper.wording import count, given, number

GUESSING = "no better than guessing"
"""The verdict of a size at which no rate learned anything: where its curve is lowest says nothing."""


END = 1 / 3
"""Share of an interval, in logarithms, up to which what diverges is its end and no part of it."""


def learned(frame: pd.DataFrame, objective: str, guessed: Mapping[str, Any] | None) -> bool:
    """Whether the best rate of one size beats guessing.

    On each seed it is the rate that the other seeds pick: few seeds that all show it are enough then, where
    an interval that allows for the pick among all rates asks for many.

    Args:
        frame: the trainings of that size.
        objective: what ranks them.
        guessed: the content of ``baselines.json`` on the same seeds; where it has no guess, nothing is asked.
    """
    if guessed is None or not guessed["scores"]:
        return True
    costs = costs_by_seed(frame, "learning_rate", objective)
    costs = costs[np.isfinite(costs).all(axis=1)]
    if costs.empty:
        return True
    own = {int(seed): float(from_cost(objective, value)) for seed, value in picked_by_others(costs).items()}
    against = baseline(guessed, objective, own, {}).objective
    return against is None or against.better


def picked_by_others(costs: pd.DataFrame) -> dict[Any, float]:
    """On each seed (a column) the cost of the row with the lowest mean over the others; of one seed, its
    lowest."""
    others = [costs.drop(columns=seed) if costs.shape[1] > 1 else costs for seed in costs]
    rows = [rest.mean(axis=1).idxmin() for rest in others]
    return {seed: float(costs.at[row, seed]) for row, seed in zip(rows, costs, strict=True)}


def diverges_from(rates: np.ndarray, costs: np.ndarray, optimum: float) -> tuple[float, int]:
    """The lowest rate above the `optimum` at which seeds diverged, and how many; (NaN, 0) where none did.

    Args:
        rates: (k,) ascending.
        costs: (k, seeds), NaN where one diverged.
        optimum: the best rate.
    """
    lost = np.where(rates > optimum, (~np.isfinite(costs)).sum(axis=1), 0)
    if not lost.any():
        return float("nan"), 0
    first = int(np.flatnonzero(lost)[0])
    return float(rates[first]), int(lost[first])


def nearest_limit(optima: pd.DataFrame, size: float) -> "pd.Series[Any] | None":
    """Of the sizes with a best rate the one nearest to `size`, where trainings diverge there."""
    known = optima[optima["verdict"] == Place.FOUND]
    row = known.loc[np.abs(np.log(known["size"] / size)).idxmin()]
    return row if np.isfinite(row["diverges"]) else None


def beyond_the_limit(ahead: Prediction, optima: pd.DataFrame) -> bool:
    """Whether the prediction itself is a rate with which trainings diverged at the nearest size."""
    row = nearest_limit(optima, ahead.size)
    return row is not None and bool(ahead.value >= row["diverges"])


def worth_searching(ahead: Prediction, optima: pd.DataFrame) -> tuple[float, float]:
    """The rates of the interval; from a tenth of the limit on where the prediction lies beyond."""
    row = nearest_limit(optima, ahead.size)
    if row is None or not beyond_the_limit(ahead, optima):
        return ahead.low, ahead.high
    return min(ahead.low, row["diverges"] / 10), ahead.high


def limit_sentences(ahead: Prediction, optima: pd.DataFrame, key: str, seeds: int) -> list[str]:
    """Where an interval reaches rates with which trainings diverged at the nearest size that was trained."""
    row = nearest_limit(optima, ahead.size)
    if row is None or ahead.high < row["diverges"]:
        return []
    what = "the upper part of the interval diverges, so begin in its lower part"
    if math.log(ahead.high / row["diverges"]) < END * math.log(ahead.high / ahead.low):
        what = "the upper end of the interval diverges, so stay below it"
    if beyond_the_limit(ahead, optima):
        what = "the predicted rate diverges, so search lower ones as well"
    at = f"At {key} {given(row['size'])}, the nearest size that was trained"
    lost = f"{int(row['lost'])} of {count(seeds, 'seed')} diverged at a rate of {number(row['diverges'], 2)}"
    return [f"{at}, {lost}: unless this limit moves with {key}, {what}."]
