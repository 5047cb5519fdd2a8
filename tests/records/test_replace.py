"""A trial on record can be replaced, and nothing else changes by it."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from sweeper.records.schema import ALWAYS
from sweeper.records.store import Store, load
from sweeper.trial import Outcome, Trial, TrialResult


def result(number: int, seed: int, objective: float) -> TrialResult:
    """A finished trial with one row in each table."""
    trial = Trial(number, "explore", seed, {"optimizer": "adam", "learning_rate": 0.1})
    curves, layers = ((5, "validation_loss", objective),), ((5, 0, "dead", 0.5),)
    return TrialResult(trial, Outcome.COMPLETED, objective, 5, 1.0, "fused", "", curves, layers)


def test_replacing_changes_one_trial_alone(tmp_path: Path) -> None:
    """The trial's rows are the new ones in all three tables; those of other trials and seeds stay."""
    store = Store(tmp_path, pa.schema(list(ALWAYS.items())))
    store.append([result(1, 0, 0.5), result(2, 0, 0.7)])
    store.append([result(1, 7, 0.6)])
    before = load(tmp_path)
    store.replace(replace(result(1, 0, 0.25), engine="reference"))
    after = load(tmp_path)
    assert after.trials[["trial", "seed", "objective", "engine"]].values.tolist() == [
        [1, 0, 0.25, "reference"],
        [1, 7, 0.6, "fused"],
        [2, 0, 0.7, "fused"],
    ]
    for name in ("curves", "layers"):
        old, new = (
            getattr(frame, name).sort_values(["trial", "seed"], ignore_index=True)
            for frame in (before, after)
        )
        pd.testing.assert_frame_equal(old[["trial", "seed", "step"]], new[["trial", "seed", "step"]])
    assert after.curves.query("trial == 1 and seed == 0")["value"].tolist() == [0.25]
    assert after.curves.query("trial == 1 and seed == 7")["value"].tolist() == [0.6]
    assert Store(tmp_path, store.parameters)._next == store._next
