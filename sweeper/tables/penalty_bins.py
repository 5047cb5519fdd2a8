"""Activation regularization by decade of its weight: what is usual there, and whether it stands apart."""

import numpy as np
import pandas as pd

from sweeper.tables.penalty import penalty
from sweeper.tables.source import Source

FEW = 5
"""Trials of a bin below which its quartiles are not compared."""
COLUMNS = [
    "weight_low",
    "weight_high",
    "trials",
    "low",
    "median",
    "high",
    "compared",
    "size_low",
    "size_median",
    "size_high",
    "size_compared",
    "metric",
]


def penalty_bins(source: Source) -> pd.DataFrame:
    """One row per decade of the weight, exact zeros first; empty where `penalty` is.

    Quartiles of the objective (low, median, high) and of the activation size over the completed search
    trials of the bin. The first row (no penalty where that was tried, else the smallest weights) is
    the reference. `compared` says where the middle half of a bin lies: ``lower`` or ``higher`` than
    that of the reference without overlap, ``overlaps``, or ``few`` (below `FEW` trials on either
    side); ``reference`` in the first row. `size_compared` is the same for sizes. This is a
    description of unlike trials with one seed each, not a test.
    """
    frame = penalty(source)
    if frame.empty:
        return pd.DataFrame(columns=COLUMNS)
    bins = frame.groupby(["bin_low", "bin_high"])
    parts = [_quartiles(bins["objective"], ""), _quartiles(bins["activation_size"], "size_")]
    found = pd.concat([bins.size().rename("trials"), *parts], axis=1).reset_index()
    found = found.rename(columns={"bin_low": "weight_low", "bin_high": "weight_high"})
    for prefix in ("", "size_"):
        found[f"{prefix}compared"] = _compared(found, prefix)
    return found.assign(metric=frame["metric"].iloc[0])[COLUMNS]


def _quartiles(groups: "pd.api.typing.SeriesGroupBy", prefix: str) -> pd.DataFrame:
    found = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    found.columns = [f"{prefix}{name}" for name in ("low", "median", "high")]
    return found


def _compared(bins: pd.DataFrame, prefix: str) -> "pd.Series[str]":
    low, high = bins[f"{prefix}low"], bins[f"{prefix}high"]
    words = pd.Series("overlaps", index=bins.index, dtype="str")
    words = words.mask(high < low.iloc[0], "lower").mask(low > high.iloc[0], "higher")
    few = (bins["trials"] < FEW) | (bins["trials"].iloc[0] < FEW) | low.isna() | pd.isna(low.iloc[0])
    words = words.mask(few, "few")
    words.iloc[0] = "reference"
    return words
