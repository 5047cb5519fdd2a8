"""What checks compare, for every training: columns trial, seed, value, one row for each that has it."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from sweeper.tables.source import Source

KEY = ["trial", "seed"]


def objective(source: Source) -> pd.DataFrame:
    """The score that ranks trials: the best at the evaluation points; completed trainings."""
    done = source.trials[source.trials["outcome"] == "completed"]
    return _sound(done[KEY].assign(value=done["objective"].astype(float)))


def gap(source: Source) -> pd.DataFrame:
    """Validation loss − training loss at the last evaluation point, the penalty left out of both."""
    rows = source.curves[source.curves["metric"].isin(["validation_loss", "train_loss"])]
    rows = rows[rows["step"] == rows.groupby(KEY)["step"].transform("max")]
    wide = rows.pivot(index=KEY, columns="metric", values="value").reset_index()
    wide = wide.reindex(columns=[*KEY, "validation_loss", "train_loss"])
    return _sound(_completed(source, wide[KEY].assign(value=wide["validation_loss"] - wide["train_loss"])))


def dead(source: Source) -> pd.DataFrame:
    """Share of dead units at the last measured step, mean over layers, in [0, 1]."""
    rows = source.layers[(source.layers["measure"] == "dead") & (source.layers["step"] > 0)]
    rows = rows[rows["step"] == rows.groupby(KEY)["step"].transform("max")]
    return _sound(_completed(source, rows.groupby(KEY)["value"].mean().reset_index()))


QUANTITIES: dict[str, Callable[[Source], pd.DataFrame]] = {"objective": objective, "gap": gap, "dead": dead}
WORDS = {"gap": "generalisation gap (validation − training loss)", "dead": "share of dead units"}
"""In sentences; the objective has a name of its own."""


def _completed(source: Source, frame: pd.DataFrame) -> pd.DataFrame:
    done = source.trials.loc[source.trials["outcome"] == "completed", KEY].drop_duplicates()
    return frame.merge(done, on=KEY)


def _sound(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[np.isfinite(frame["value"].astype(float))].reset_index(drop=True)
