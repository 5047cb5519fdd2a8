"""How far below the largest learning rate that trains does the best one lie?"""

import math

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search
from sweeper.statistics.intervals import multiplicities
from sweeper.study.expect import NearLimit
from sweeper.tables.findings.finding import Finding, judge, text, unknown
from sweeper.tables.findings.stable import bracket, unstable
from sweeper.tables.source import Source

UNIT = "largest rate that trains ÷ best rate"
SEEDS = 3
"""Fresh seeds below which the search alone is asked."""
BASIN = 1.1
"""Losses up to this multiple of the lowest count as equally good in the search."""


def near_limit(source: Source, asked: NearLimit) -> Finding:
    """Found: the whole interval of the ratio lies below `factor`; of the optimizer with the lowest loss.

    A rate trains if it does so in the search and on every fresh seed that it was tried on.
    """
    done = completed_search(source.trials).sort_values(["objective", "trial"])
    if done.empty:
        return unknown(UNIT, "No trial was completed.")
    optimizer = str(done["optimizer"].iloc[0])
    done = done[done["optimizer"] == optimizer]
    lost = source.trials[(source.trials["phase"] == "confirm") & (source.trials["outcome"] != "completed")]
    failed = done.loc[done["trial"].isin(lost["trial"]), "learning_rate"].astype(float)
    beyond = float(np.fmin.reduce([*failed, bracket(source, optimizer)[1]]))
    trains = done[~done["trial"].map(unstable(source)) & (done["learning_rate"] < beyond)]
    if math.isnan(beyond) or trains.empty:
        return unknown(UNIT, f"No learning rate of {optimizer} is known to be too large; try larger ones.")
    largest = float(trains["learning_rate"].max())
    best, low, high, basis = _from_seeds(source, trains) or _from_search(trains)
    ratio, ends = largest / best, (largest / high, largest / low)
    said = (
        f"With {optimizer} training fails from a rate of {text(beyond)} on; the largest that trains is "
        f"{text(largest)}, the best {text(best)} ({basis}): {text(ratio)} times smaller (95 % interval "
        f"{text(ends[0])} to {text(ends[1])}); expected at most {text(asked.factor)} times."
    )
    return Finding(judge(*ends, asked.factor, below=True), ratio, *ends, UNIT, basis, said)


def _from_seeds(source: Source, trains: pd.DataFrame) -> tuple[float, float, float, str] | None:
    """The rate of lowest mean over fresh seeds, and its interval: resampled seeds pick it anew."""
    fresh = source.trials[source.trials["phase"] == "confirm"]
    fresh = fresh[fresh["trial"].isin(trains["trial"])]
    table = fresh.pivot(index="seed", columns="learning_rate", values="objective").astype(float)
    seeds, candidates = table.shape
    if seeds < SEEDS:
        return None
    rates, values = table.columns.to_numpy(dtype=float), table.to_numpy()
    drawn = rates[(multiplicities(seeds) @ values).argmin(axis=1)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    basis = f"the lowest mean of {candidates} rates over {seeds} fresh seeds"
    return float(rates[values.mean(axis=0).argmin()]), float(low), float(high), basis


def _from_search(trains: pd.DataFrame) -> tuple[float, float, float, str]:
    rates = trains["learning_rate"].astype(float)
    basin = rates[trains["objective"] <= BASIN * trains["objective"].iloc[0]]
    basis = "one seed; in place of an interval the rates within 10 % of the lowest loss"
    return float(rates.iloc[0]), float(basin.min()), float(basin.max()), basis
