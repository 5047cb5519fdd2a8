"""What an activation penalty may change, trial by trial."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search
from sweeper.tables.curves import of_search
from sweeper.tables.penalty import penalty
from sweeper.tables.source import Source

SPARSE = {"relu"}
"""Activations whose saturated share is the share of activations at exactly 0."""


def penalty_data(source: Source) -> pd.DataFrame:
    """One row per completed search trial; empty where `penalty` is.

    Columns: trial, optimizer, activation, learning_rate, weight, kind (of the penalty; ``l2`` where it
    was not searched), and

    validation_loss: the lowest of the trial's evaluation points.
    generalisation_gap: validation loss − train loss at that point. The train loss is the mean over the
        batches since the evaluation before, without the penalty.
    activation_size: root mean square of all activations at the end of training, see `penalty`.
    sparsity: share of activations at exactly 0 at the end, mean over layers; of ReLU networks alone.
    """
    known = penalty(source)[["trial", "activation_size"]]
    done = completed_search(source.trials)
    frame = done[done["trial"].isin(known["trial"])].merge(known, on="trial")
    kind = frame["penalty_kind"] if "penalty_kind" in frame else pd.Series("l2", index=frame.index)
    frame = frame.assign(weight=frame.get("activation_penalty", 0.0), kind=kind.fillna("l2").astype("str"))
    frame = frame.merge(_losses(source, done), on="trial", how="left")
    frame = frame.merge(_sparsity(source, done), on="trial", how="left")
    names = ["trial", "optimizer", "activation", "learning_rate", "weight", "kind"]
    return frame[[*names, "validation_loss", "generalisation_gap", "activation_size", "sparsity"]]


def _losses(source: Source, done: pd.DataFrame) -> pd.DataFrame:
    rows = source.curves[source.curves["step"] > 0]
    validation, train = (
        of_search(done, rows[rows["metric"] == name])[["trial", "step", "value"]]
        for name in ("validation_loss", "train_loss")
    )
    both = validation.merge(train, on=["trial", "step"], suffixes=("", "_train")).dropna()
    best = both.sort_values("value", kind="stable").drop_duplicates("trial")
    best = best.assign(generalisation_gap=best["value"] - best["value_train"])
    return best.rename(columns={"value": "validation_loss"})[
        ["trial", "validation_loss", "generalisation_gap"]
    ]


def _sparsity(source: Source, done: pd.DataFrame) -> pd.DataFrame:
    sparse = done[done["activation"].isin(SPARSE)]
    rows = source.layers[["trial", "seed", "step", "layer", "value"]]
    rows = of_search(sparse, rows[(source.layers["measure"] == "saturated").to_numpy()])
    rows = rows[rows["step"] == rows.groupby("trial")["step"].transform("max")]
    share = rows[np.isfinite(rows["value"])].groupby("trial")["value"].mean()
    return share.rename("sparsity").reset_index()
