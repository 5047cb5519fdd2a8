"""Optimizer × activation: the best that each pair reached, and how often it was tried."""

import pandas as pd

from sweeper.answer.rows import completed_search, search_trials, with_names
from sweeper.tables.source import Source


def heatmap(source: Source) -> pd.DataFrame:
    """One row per pair of an optimizer and an activation that occur, tried together or not.

    Columns: optimizer, activation, best (lowest objective of the completed search trials, null if
    none), completed, diverged, trials (all outcomes), metric. Empty if no trial was completed.
    """
    search = with_names(search_trials(source.trials))
    done = with_names(completed_search(source.trials))
    keys = ["optimizer", "activation"]
    pairs = pd.MultiIndex.from_product([sorted(search[key].unique()) for key in keys], names=keys)
    columns: dict[str, pd.Series] = {
        "best": done.groupby(keys)["objective"].min().astype(float),
        "completed": done.groupby(keys).size(),
        "diverged": search[search["outcome"] == "diverged"].groupby(keys).size(),
        "trials": search.groupby(keys).size(),
    }
    frame = pd.DataFrame({name: column.reindex(pairs) for name, column in columns.items()})
    counts = ["completed", "diverged", "trials"]
    frame[counts] = frame[counts].fillna(0).astype("int64")
    frame = frame.assign(metric=source.objective)
    return frame.reset_index() if len(done) else frame.reset_index().head(0)
