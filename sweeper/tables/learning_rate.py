"""Loss against learning rate, optimizer by optimizer."""

import numpy as np
import pandas as pd

from sweeper.tables.basins import ANY, BINS_PER_DECADE, basins
from sweeper.tables.boundary import boundaries
from sweeper.tables.capped import capped_losses
from sweeper.tables.source import Source

COLUMNS = [
    "trial",
    "optimizer",
    "activation",
    "learning_rate",
    "outcome",
    "loss",
    "initial",
    "capped",
    "bin_low",
    "bin_high",
    "best_in_bin",
    "basin_low",
    "basin_high",
    "boundary",
    "metric",
]


def learning_rate(source: Source) -> pd.DataFrame:
    """One row per search trial that did not fail, ordered by optimizer and learning rate.

    loss, initial and capped: see `capped_losses`. Of each half decade, from `bin_low` to `bin_high`,
    the lowest loss of each optimizer is marked `best_in_bin`. basin_low, basin_high and boundary are those
    of the optimizer with any activation, see `basins` and `boundaries`; null where there is none.
    Learning rates of 0 have no place.
    """
    frame = capped_losses(source)
    frame = frame[frame["learning_rate"] > 0].assign(metric=source.objective)
    index = np.floor(np.log10(frame["learning_rate"].astype(float)) * BINS_PER_DECADE + 1e-9)
    frame = frame.assign(
        bin_low=10 ** (index / BINS_PER_DECADE),
        bin_high=10 ** ((index + 1) / BINS_PER_DECADE),
    )
    frame = frame.sort_values(["optimizer", "learning_rate", "trial"], ignore_index=True)
    best = frame.sort_values("loss", kind="stable").drop_duplicates(["optimizer", "bin_low"]).index
    frame = frame.assign(best_in_bin=frame.index.isin(best))
    for name, table, column in (
        ("basin_low", basins, "low"),
        ("basin_high", basins, "high"),
        ("boundary", boundaries, "boundary"),
    ):
        found = table(source)
        known = found[found["activation"] == ANY].set_index("optimizer")[column].astype(float)
        frame[name] = frame["optimizer"].map(known).astype(float)
    return frame[COLUMNS]
