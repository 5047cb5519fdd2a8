"""Saturated and dead units by layer while training goes on."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search
from sweeper.tables.layer_rows import layer_rows
from sweeper.tables.source import Source

COLUMNS = ["measure", "activation", "step", "layer", "median", "trials", "depth"]
PER_DECADE = 4
"""Looks in a decade of steps, as they are recorded."""


def units_over_time(source: Source) -> pd.DataFrame:
    """Median share over the completed search trials, for each activation, look and layer.

    Columns as in `COLUMNS`; measure is ``saturated`` or ``dead``. Looks of trials of unlike length are
    put together by quarter decades of the step, and `step` is their median. Completed trials alone, so
    that a line is about the same trials from its start to its end. Empty where only one look was taken.
    """
    done = completed_search(source.trials)["trial"]
    frames = [_medians(layer_rows(source, name), done).assign(measure=name) for name in ("dead", "saturated")]
    frame = pd.concat(frames, ignore_index=True)
    return frame[COLUMNS] if frame["step"].nunique() > 1 else pd.DataFrame(columns=COLUMNS)


def _medians(rows: pd.DataFrame, done: "pd.Series[int]") -> pd.DataFrame:
    rows = rows[rows["trial"].isin(done)]
    steps = rows["step"].to_numpy(float)
    looks = np.where(steps > 0, 1 + np.round(PER_DECADE * np.log10(np.maximum(steps, 1))), 0).astype(int)
    rows = rows.assign(look=looks)
    groups = rows.groupby(["activation", "look", "layer", "depth"], observed=True)
    frame = groups["value"].agg(median="median", trials="size").reset_index()
    at = rows.groupby("look")["step"].median().astype("int64")
    return frame.assign(step=frame["look"].map(at), activation=frame["activation"].astype("str"))
