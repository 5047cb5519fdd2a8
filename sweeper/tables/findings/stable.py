"""Up to which learning rate training is stable: the bracket between two neighbouring rates."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import search_trials
from sweeper.tables.curves import of_search
from sweeper.tables.source import Source


def unstable(source: Source) -> "pd.Series[bool]":
    """trial -> whether it diverged or ended with a validation loss not below its first; search, no failures.

    Near the limit a loss grows too slowly to count as exploded within the training: 1 % above it the error
    of gradient descent grows by 2 % a step. Growth itself is the sign.
    """
    search = search_trials(source.trials)
    search = search[search["outcome"].isin(["completed", "diverged"])]
    losses = of_search(search, source.curves[source.curves["metric"] == "validation_loss"])
    ends = losses.sort_values("step").groupby("trial")["value"].agg(["first", "last"])
    grown = (ends["last"] >= ends["first"]).reindex(search["trial"], fill_value=True).to_numpy(dtype=bool)
    diverged = (search["outcome"] == "diverged").to_numpy()
    return pd.Series(diverged | grown, index=search["trial"], dtype=bool)


def bracket(source: Source, optimizer: str) -> tuple[float, float]:
    """The largest stable rate below the smallest unstable one, and that one; null where there is none."""
    lost = unstable(source)
    rows = search_trials(source.trials).set_index("trial").loc[lost.index]
    mine = (rows["optimizer"] == optimizer).to_numpy()
    rates, bad = rows["learning_rate"].to_numpy(dtype=float)[mine], lost.to_numpy()[mine]
    high = float(rates[bad].min()) if bad.any() else np.nan
    below = rates[~bad & ~(rates >= high)]
    return (float(below.max()) if len(below) else np.nan), high
