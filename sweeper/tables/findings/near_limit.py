"""How far below the largest learning rate that trains does the best one lie?"""

import math

import numpy as np
import pandas as pd

from sweeper.study.expect import NearLimit
from sweeper.tables.findings.finding import Finding, judge, text, unknown
from sweeper.tables.findings.stable import bracket, unstable
from sweeper.tables.intervals import interval
from sweeper.tables.select import completed_search
from sweeper.tables.source import Source

UNIT = "largest rate that trains ÷ best rate"
SEEDS = 3
"""Fresh seeds below which the search alone is asked."""
BASIN = 1.1
"""Losses up to this multiple of the lowest count as equally good in the search."""


def near_limit(source: Source, asked: NearLimit) -> Finding:
    """Found: the whole interval of the ratio lies below `factor`; of the optimizer with the lowest loss."""
    done = completed_search(source.trials).sort_values(["objective", "trial"])
    if done.empty:
        return unknown(UNIT, "No trial was completed.")
    optimizer = str(done["optimizer"].iloc[0])
    largest, beyond = bracket(source, optimizer)
    if math.isnan(largest) or math.isnan(beyond):
        return unknown(UNIT, f"No learning rate of {optimizer} is known to be too large; try larger ones.")
    trains = done[(done["optimizer"] == optimizer) & ~done["trial"].map(unstable(source))]
    best, low, high, basis = _from_seeds(source, trains) or _from_search(trains)
    ratio, ends = largest / best, (largest / high, largest / low)
    said = (
        f"With {optimizer} training fails from a rate of {text(beyond)} on; the largest that trains is "
        f"{text(largest)}, the best {text(best)} ({basis}): {text(ratio)} times smaller "
        f"(95 % interval {text(ends[0])} to {text(ends[1])}); expected at most {text(asked.factor)} times."
    )
    return Finding(judge(*ends, asked.factor, below=True), ratio, *ends, UNIT, basis, said)


def _from_seeds(source: Source, trains: pd.DataFrame) -> tuple[float, float, float, str] | None:
    """Geometric mean over fresh seeds of each seed's best rate, with its interval."""
    fresh = source.trials[source.trials["phase"] == "confirm"]
    fresh = fresh[fresh["trial"].isin(trains["trial"]) & (fresh["outcome"] == "completed")]
    first = fresh.sort_values(["objective", "trial"]).drop_duplicates("seed")
    rates = first["learning_rate"].to_numpy(dtype=float)
    if len(rates) < SEEDS:
        return None
    low, high = interval(np.log(rates))
    finalists = fresh["trial"].nunique()
    basis = f"the best of {finalists} rates on each of {len(rates)} fresh seeds, geometric mean"
    return float(np.exp(np.log(rates).mean())), math.exp(low), math.exp(high), basis


def _from_search(trains: pd.DataFrame) -> tuple[float, float, float, str]:
    rates = trains["learning_rate"].astype(float)
    basin = rates[trains["objective"] <= BASIN * trains["objective"].iloc[0]]
    basis = "one seed; in place of an interval the rates within 10 % of the lowest loss"
    return float(rates.iloc[0]), float(basin.min()), float(basin.max()), basis
