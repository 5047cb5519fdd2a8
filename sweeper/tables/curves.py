"""Convergence: the curves of the best trials, and what is usual for an optimizer or an activation."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import best_trials, completed_search, labels, search_trials, with_names
from sweeper.tables.source import Source

SHOWN = 5
"""Trials in the convergence table."""
LOSSES = ("train_loss", "validation_loss")
BAND_METRIC = "validation_loss"


def of_search(trials: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``curves`` or ``layers`` that belong to `trials`, one row a trial, by trial and seed."""
    seeds = trials.set_index("trial")["seed"]
    return rows[rows["trial"].map(seeds) == rows["seed"]].reset_index(drop=True)


def convergence(source: Source) -> pd.DataFrame:
    """Losses of the best `SHOWN` trials of the search.

    Columns: rank (from 1), trial, label, metric (train_loss | validation_loss), step, value. A
    train_loss is the mean over the batches since the point before, so it has no step 0.
    """
    best = best_trials(source.trials, SHOWN)
    best = best.assign(rank=range(1, len(best) + 1), label=labels(best))
    rows = source.curves[source.curves["metric"].isin(LOSSES)]
    frame = rows.merge(best[["trial", "seed", "rank", "label"]], on=["trial", "seed"])
    frame = frame[np.isfinite(frame["value"])].sort_values(["rank", "metric", "step"], ignore_index=True)
    return frame[["rank", "trial", "label", "metric", "step", "value"]]


def bands(source: Source) -> pd.DataFrame:
    """Median and quartiles of the validation loss at each step, over the completed search trials of a group.

    Columns: parameter (optimizer | activation), group, step, low, median, high, trials, metric. Trials
    evaluated at other steps count with their latest value, and a trial that has ended with its last
    one, so that every point of a band is about the same trials. Divergence and pruning select: a
    group with many of either looks better here than it is.
    """
    done = with_names(completed_search(source.trials))
    curves = of_search(done, source.curves[source.curves["metric"] == BAND_METRIC])
    wide = curves.pivot(index="step", columns="trial", values="value").sort_index().ffill()
    found = []
    for parameter in ("optimizer", "activation"):
        for group, members in done.groupby(parameter):
            values = wide[[trial for trial in members["trial"] if trial in wide.columns]]
            if values.shape[1]:
                found.append(_band(values, parameter, str(group)))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=BANDS)


BANDS = ["parameter", "group", "step", "low", "median", "high", "trials", "metric"]


def _band(values: pd.DataFrame, parameter: str, group: str) -> pd.DataFrame:
    quartiles = values.quantile([0.25, 0.5, 0.75], axis=1).T
    quartiles.columns = ["low", "median", "high"]
    frame = quartiles.reset_index().assign(
        parameter=parameter, group=group, trials=values.shape[1], metric=BAND_METRIC
    )
    return frame.dropna(subset=["median"])[BANDS]


def initial(source: Source) -> pd.DataFrame:
    """Loss before training of every search trial that has one: columns trial, initial.

    It is the objective at step 0: the validation loss, or 1 − validation accuracy. The training loss
    has no value before the first batch; the validation loss stands in.
    """
    metric = "validation_accuracy" if source.objective == "validation_error" else "validation_loss"
    rows = source.curves[(source.curves["metric"] == metric) & (source.curves["step"] == 0)]
    rows = of_search(search_trials(source.trials), rows)
    value = 1 - rows["value"] if metric == "validation_accuracy" else rows["value"]
    return pd.DataFrame({"trial": rows["trial"], "initial": value}).reset_index(drop=True)
