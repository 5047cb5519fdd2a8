"""The rows of one measure, of the trainings that tables are about."""

import numpy as np
import pandas as pd

from sweeper.answer.rows import search_trials, with_names
from sweeper.tables.curves import of_search
from sweeper.tables.source import Source

COLUMNS = ["trial", "seed", "step", "layer", "value"]


def layer_rows(source: Source, measure: str) -> pd.DataFrame:
    """Finite rows of `measure` of search trials: columns trial, seed, step, layer, value, activation, depth.

    Where trials differ in depth, those of one depth are taken, so that a layer means the same
    in every line: the deepest among the depths that most activations have.
    """
    search = with_names(search_trials(source.trials)).drop_duplicates("trial")
    rows = source.layers[COLUMNS][(source.layers["measure"] == measure).to_numpy()]
    rows = of_search(search, rows[np.isfinite(rows["value"])])
    kinds = pd.Categorical(rows["trial"].map(search.set_index("trial")["activation"].astype("category")))
    rows = rows.assign(activation=kinds, depth=rows.groupby("trial")["layer"].transform("max") + 1)
    if rows.empty:
        return rows
    covered = rows.groupby("depth")["activation"].nunique()
    return rows[rows["depth"] == max(covered[covered == covered.max()].index)]
