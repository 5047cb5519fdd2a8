"""Finalists on fresh seeds: means with intervals, and who is tied with the winner.

All finalists are trained on the same seeds, so they are compared pair by pair: the difference to the
winner, seed by seed, removes what a seed does to both. Intervals are percentile bootstrap intervals
of the mean over seeds (Efron and Tibshirani 1993); with few seeds they are too narrow, so fewer than
`FEW` seeds give no interval narrower than the range of the values.
"""

import numpy as np
import pandas as pd

FEW = 5
RESAMPLES = 10_000
COLUMNS = ("trial", "mean", "low", "high", "n", "failures", "difference_low", "difference_high", "tied")


def confirmed(trials: pd.DataFrame, *, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """One row per finalist, the winner first; empty where nothing was retrained.

    Columns: trial, mean, low, high (interval of the mean objective), n (seeds that completed),
    failures (seeds that diverged or failed), difference_low and difference_high (interval of the
    paired difference to the winner), tied (that interval contains 0). A finalist that failed on any
    seed ranks after all that did not.
    """
    rows = trials[trials["phase"] == "confirm"]
    table = rows.pivot(index="trial", columns="seed", values="objective").astype(float)
    found = []
    for trial, values in table.iterrows():
        sound = values.dropna().to_numpy()
        tried = int((rows["trial"] == trial).sum())
        low, high = interval(sound, level, seed)
        mean = float(sound.mean()) if len(sound) else np.nan
        found.append((int(str(trial)), mean, low, high, len(sound), tried - len(sound)))
    frame = pd.DataFrame(found, columns=list(COLUMNS[:6]))
    frame = frame[frame["n"] > 0].sort_values(["failures", "mean", "trial"], ignore_index=True)
    return _with_differences(frame, table, level, seed)


def _with_differences(frame: pd.DataFrame, table: pd.DataFrame, level: float, seed: int) -> pd.DataFrame:
    lows, highs = [], []
    for trial in frame["trial"]:
        pairs = (table.loc[trial] - table.loc[frame["trial"].iloc[0]]).dropna().to_numpy()
        low, high = interval(pairs, level, seed)
        lows.append(low)
        highs.append(high)
    frame = frame.assign(difference_low=lows, difference_high=highs)
    contains_zero = (frame["difference_low"] <= 0) & (frame["difference_high"] >= 0)
    return frame.assign(tied=contains_zero & (frame["failures"] == frame["failures"].min()))


def interval(values: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean; the range of the values where they are few."""
    if len(values) == 0:
        return np.nan, np.nan
    if len(values) < FEW:
        return float(values.min()), float(values.max())
    draws = np.random.default_rng(seed).integers(len(values), size=(RESAMPLES, len(values)))
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(values[draws].mean(axis=1), [tail, 100 - tail])
    return float(low), float(high)
