"""Tables of a large run: fast enough, each built once, records untouched by what callers do with them."""

import time

import numpy as np
import pandas as pd
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions import TABLES
from sweeper.questions.penalty import penalty
from sweeper.questions.run_data import RunData, once

TRIALS, LAYERS, POINTS = 1000, 10, 20
LOOKS = (0, 1, 2, 3, 6, 10, 18, 32, 56, 100, 140, 178, 250, 316, 400)
MEASURES = (
    "gradient_norm",
    "weight_gradient_norm",
    "activation_mean",
    "activation_std",
    "saturated",
    "dead",
    "update_ratio",
)
SECONDS = 8.0
"""Processor time for 1,000 trials with a million rows of layers; it takes about one."""


def large_run() -> RunData:
    """`TRIALS` trials over all axes, with every measure at every look."""
    rng, trial = np.random.default_rng(0), np.arange(TRIALS)
    rate = 10 ** rng.uniform(-4, 0, TRIALS)
    weight = np.where(rng.random(TRIALS) < 0.25, 0, 10 ** rng.uniform(-6, -1, TRIALS))
    lost = rate > 0.4
    objective = 0.1 + 0.2 * (np.log10(rate) + 2) ** 2 + rng.exponential(0.05, TRIALS)
    trials = pd.DataFrame(
        {
            "trial": trial,
            "phase": np.where(trial < TRIALS // 2, "explore", "exploit"),
            "seed": 0,
            "outcome": np.where(lost, "diverged", "completed"),
            "objective": np.where(lost, np.nan, objective),
            "steps": 400,
            "seconds": 0.4,
            "engine": "fused",
            "reason": np.where(lost, "training loss nan at step 37", ""),
            "optimizer": np.array(["sgd", "momentum", "adam", "rmsprop"])[trial % 4],
            "learning_rate": rate,
            "activation": np.array(["sigmoid", "tanh", "relu", "gelu", "elu", "selu"])[trial // 4 % 6],
            "activation_penalty": weight,
        }
    )
    steps = np.linspace(0, 400, POINTS + 1).astype(int)
    losses = 0.2 + 2.1 * np.exp(-steps / rng.uniform(30, 300, (TRIALS, 1)))
    return run_data(trials, _curves(steps, losses), _layers(rng))


def _curves(steps: np.ndarray, losses: np.ndarray) -> pd.DataFrame:
    at, step = np.indices(losses.shape).reshape(2, -1)
    base = {"trial": at, "seed": 0, "step": steps[step]}
    metrics = {"validation_loss": 1.0, "train_loss": 0.9, "penalty": 0.01}
    frames = [pd.DataFrame({**base, "metric": k, "value": v * losses.ravel()}) for k, v in metrics.items()]
    return pd.concat(frames, ignore_index=True)


def _layers(rng: np.random.Generator) -> pd.DataFrame:
    at, look, layer, measure = np.indices((TRIALS, len(LOOKS), LAYERS, len(MEASURES))).reshape(4, -1)
    kinds = pd.Series(pd.Categorical.from_codes(measure, list(MEASURES))).astype("str")
    columns = {"trial": at, "seed": 0, "step": np.array(LOOKS)[look], "layer": layer, "measure": kinds}
    return pd.DataFrame({**columns, "value": rng.random(len(at))})


def test_tables_of_a_large_run_are_fast() -> None:
    """All tables together stay within `SECONDS` of processor time, so that 10,000 trials take seconds too."""
    source = large_run()
    started = time.process_time()
    for table in TABLES.values():
        table(source)
    assert time.process_time() - started < SECONDS


def test_once_computes_once_for_each_source(records: SyntheticRecords) -> None:
    """A table that others build on is made one time, for each source apart, and copies do not leak back."""
    calls = []

    @once
    def counted(source: RunData) -> pd.DataFrame:
        calls.append(source)
        return pd.DataFrame({"n": [len(source.trials)]})

    one = run_data(records.trials, records.curves, records.layers)
    two = run_data(records.trials.head(3), records.curves, records.layers)
    frame = counted(one)
    frame.loc[0, "n"] = -1
    assert counted(one)["n"].tolist() == [len(records.trials)]
    assert counted(two)["n"].tolist() == [3]
    assert len(calls) == 2


def test_a_kept_table_equals_a_fresh_one(records: SyntheticRecords) -> None:
    """Asking twice gives the same frame."""
    source = run_data(records.trials, records.curves, records.layers)
    first = penalty(source)
    first["objective"] = 0.0
    fresh = penalty(run_data(records.trials, records.curves, records.layers))
    pd.testing.assert_frame_equal(penalty(source), fresh)
