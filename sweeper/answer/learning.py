"""Whether anything was learned: the objective before training against the best afterwards, seed by seed."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.statistics.intervals import interval
from sweeper.trial import cost, objective_metric, objective_value, start_metric

NOISE = 1e-3
"""Share of the value before training; a smaller fall is none."""


@dataclass(frozen=True)
class Learning:
    """What training did to the objective; means over `seeds`."""

    before: float
    """At step 0."""
    fell: float
    """By how much the best value afterwards is better than that before training; below 0 where none is."""
    low: float
    high: float
    """95 % interval of `fell`; NaN for one seed."""
    seeds: int
    learned: bool
    """`fell` is more than `NOISE`, and on every seed or with an interval above 0."""


def learning(curves: pd.DataFrame, trial: int, seeds: list[int], objective: str) -> Learning | None:
    """Of `trial` on `seeds`; ``None`` where its curves have no value before training or none after.

    The lowest of several noisy values lies below the first even where nothing is learned. So the evaluation
    point that counts on a seed is the one that is lowest on average over the other seeds; with one seed, its
    own lowest. A training loss has no value at step 0; the validation loss there stands for it, as
    untrained weights have seen neither part.
    """
    own = curves[(curves["trial"] == trial) & curves["seed"].isin(seeds)]
    metric = objective_metric(objective)
    after = _by_seed(own[(own["metric"] == metric) & (own["step"] > 0)])
    before = _by_seed(own[(own["metric"] == start_metric(objective)) & (own["step"] == 0)])
    if after.empty or before.empty:
        return None
    values = after.reindex(before.index).dropna(how="all")
    if values.empty:
        return None
    start = objective_value(objective, before.loc[values.index, 0].to_numpy())
    first, later = cost(objective, start), cost(objective, objective_value(objective, values.to_numpy()))
    falls = first - _best(later)
    low, high = interval(falls)
    mean, floor = float(falls.mean()), NOISE * abs(float(first.mean()))
    sure = not math.isfinite(low) or low > 0 or bool((falls > floor).all())
    return Learning(float(start.mean()), mean, low, high, len(falls), mean > floor and sure)


def _by_seed(curves: pd.DataFrame) -> pd.DataFrame:
    return curves.pivot_table("value", index="seed", columns="step", aggfunc="last")


def _best(values: np.ndarray) -> np.ndarray:
    """Of each row of (seeds, steps) the value at the step that is lowest over the other rows."""
    known = np.where(np.isfinite(values), values, np.inf)
    if len(values) == 1:
        return np.asarray(known.min(axis=1))
    others = [np.delete(known, row, axis=0).mean(axis=0) for row in range(len(known))]
    lowest = np.array([known[row, int(np.argmin(mean))] for row, mean in enumerate(others)])
    return np.asarray(np.where(np.isfinite(lowest), lowest, known.min(axis=1)))
