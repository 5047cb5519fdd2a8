"""Activation regularization: its weight against loss and against the size of the activations."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search, with_names
from sweeper.tables.curves import of_search
from sweeper.tables.source import Source, once

COLUMNS = [
    "trial",
    "optimizer",
    "activation",
    "activation_penalty",
    "objective",
    "activation_size",
    "bin_low",
    "bin_high",
    "bin_trials",
    "bin_objective",
    "bin_size",
    "metric",
]


@once
def penalty(source: Source) -> pd.DataFrame:
    """One row per completed search trial, by penalty weight; empty if all have the same weight.

    activation_size = √(mean over layers of (mean² + std²)), the root mean square of all activations
    at the last measured step; null if not measured. Weights are binned by decade, exact zeros are a
    bin of their own: it runs from `bin_low` to `bin_high` (both 0 for zeros), holds `bin_trials` trials;
    `bin_objective` and `bin_size` the medians there.
    """
    done = with_names(completed_search(source.trials))
    if "activation_penalty" not in done or done["activation_penalty"].nunique() < 2:
        return pd.DataFrame(columns=COLUMNS)
    frame = done[done["activation_penalty"].notna()].merge(_sizes(source), on="trial", how="left")
    weight = frame["activation_penalty"].astype(float)
    decade = pd.Series(np.floor(np.log10(weight.where(weight > 0)) + 1e-9), index=frame.index)
    low, high = decade.rpow(10.0).fillna(0.0), (decade + 1).rpow(10.0).fillna(0.0)
    frame = frame.assign(bin_low=low, bin_high=high, metric=source.objective)
    bins = frame.groupby("bin_low")
    frame = frame.assign(
        bin_trials=bins["trial"].transform("size"),
        bin_objective=bins["objective"].transform("median"),
        bin_size=bins["activation_size"].transform("median"),
    )
    return frame.sort_values(["activation_penalty", "trial"], ignore_index=True)[COLUMNS]


def _sizes(source: Source) -> pd.DataFrame:
    """Columns trial, activation_size."""
    keys = ["trial", "step", "layer"]
    mean, std = (_at_the_end(source, name) for name in ("activation_mean", "activation_std"))
    both = mean.merge(std, on=keys, suffixes=("_mean", "_std"))
    square = both["value_mean"] ** 2 + both["value_std"] ** 2
    size = square.groupby(both["trial"]).mean().pow(0.5)
    return size.rename("activation_size").reset_index()


def _at_the_end(source: Source, measure: str) -> pd.DataFrame:
    rows = source.layers[["trial", "seed", "step", "layer", "value"]]
    rows = of_search(completed_search(source.trials), rows[(source.layers["measure"] == measure).to_numpy()])
    return rows[rows["step"] == rows.groupby("trial")["step"].transform("max")]
