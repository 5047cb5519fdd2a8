"""How much of the spread of the finalists' scores is luck."""

import math

import numpy as np
import pandas as pd

from sweeper.statistics.variance import components, mean_squares


def complete_scores(trials: pd.DataFrame) -> np.ndarray:
    """(finalists, seeds): costs on fresh seeds of the finalists that completed every one of them."""
    rows = trials[trials["phase"] == "confirm"]
    table = rows.pivot(index="trial", columns="seed", values="objective").astype(float)
    return np.asarray(table[np.isfinite(table).all(axis=1)].to_numpy())


def luck(trials: pd.DataFrame) -> float:
    """Share of the variance of `complete_scores` that is not between settings; NaN where it cannot be
    split."""
    values = complete_scores(trials)
    finalists, seeds = values.shape
    if finalists < 2 or seeds < 2 or np.ptp(values) == 0:
        return math.nan
    found = components(mean_squares(values)[0][None], finalists, seeds)[0]
    return float(1 - found[0] / found.sum())
