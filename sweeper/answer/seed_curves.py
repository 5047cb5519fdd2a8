"""The curves of trainings, as `sweeper.statistics.curve_class` judges them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweeper.statistics.curve_class import Curve

TRAINING = ["trial", "seed"]
"""What tells trainings apart."""


def seed_curves(curves: pd.DataFrame) -> Iterator[tuple[int, int, Curve]]:
    """Trial and seed of each training with a finite validation loss, in this order, and its curve.

    Where a step is on record twice, the last value counts; train losses are NaN where there is none, as at
    step 0.
    """
    point = [*TRAINING, "step"]
    validation, train = (
        curves.loc[curves["metric"] == name, [*point, "value"]].drop_duplicates(point, keep="last")
        for name in ("validation_loss", "train_loss")
    )
    wide = validation.merge(train, on=point, how="left", suffixes=("", "_train"))
    wide = wide[np.isfinite(wide["value"].astype(float))].sort_values(point)
    trials, seeds, steps = (wide[name].to_numpy(int) for name in point)
    losses, of_train = (wide[name].to_numpy(float) for name in ("value", "value_train"))
    cuts = np.flatnonzero(np.diff(trials) | np.diff(seeds)) + 1
    for part in np.split(np.arange(len(trials)), cuts) if len(trials) else ():
        first = part[0]
        yield int(trials[first]), int(seeds[first]), (steps[part], losses[part], of_train[part])
