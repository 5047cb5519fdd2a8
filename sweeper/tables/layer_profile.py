"""A measure by layer for each activation, at the start and at the end of training."""

import numpy as np
import pandas as pd

from sweeper.tables.curves import of_search
from sweeper.tables.select import completed_search, search_trials, with_names
from sweeper.tables.source import Source

START, END = "initialisation", "end of training"
COLUMNS = ["moment", "activation", "layer", "measure", "low", "median", "high", "trials", "depth"]


def layer_profile(source: Source, measures: tuple[str, ...]) -> pd.DataFrame:
    """Median and quartiles over trials for each moment, activation, layer and measure.

    Columns as in `COLUMNS`; `trials` counts the trials behind a row. See `measured_rows` for which those are.
    """
    rows = measured_rows(source, measures)
    frames = [_summary(part).assign(moment=moment) for moment, part in at_moments(source, rows).items()]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)


def measured_rows(source: Source, measures: tuple[str, ...]) -> pd.DataFrame:
    """Finite rows of `measures` of search trials, with the columns activation and depth.

    Where trials differ in depth, those of one depth are taken, so that a layer means the same
    in every line: the deepest among the depths that most activations have.
    """
    search = with_names(search_trials(source.trials))
    rows = source.layers[source.layers["measure"].isin(measures) & np.isfinite(source.layers["value"])]
    rows = of_search(search, rows)
    names = search.drop_duplicates("trial").set_index("trial")["activation"]
    kinds = pd.Categorical(rows["trial"].map(names.astype("category")))
    return _one_depth(rows.assign(activation=kinds))


def at_moments(source: Source, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """`rows` at initialisation (step 0) and at the end of training; a moment without rows is left out.

    At initialisation all trials count that were measured there; at the end (the trial's last
    measured step, above 0) completed ones.
    """
    done = rows[rows["trial"].isin(completed_search(source.trials)["trial"])]
    last = done.groupby("trial")["step"].transform("max")
    moments = {START: rows[rows["step"] == 0], END: done[(done["step"] == last) & (done["step"] > 0)]}
    return {moment: part for moment, part in moments.items() if len(part)}


def _one_depth(rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.assign(depth=rows.groupby("trial")["layer"].transform("max") + 1)
    if rows.empty:
        return rows
    covered = rows.groupby("depth")["activation"].nunique()
    return rows[rows["depth"] == max(covered[covered == covered.max()].index)]


def _summary(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["activation", "layer", "measure", "depth"]
    groups = rows.groupby(keys, observed=True)["value"]
    quartiles = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    quartiles.columns = ["low", "median", "high"]
    frame = quartiles.assign(trials=groups.size()).reset_index()
    return frame.assign(activation=frame["activation"].astype("str"))
