"""Runs of a few rows on which the checks of expectations decide."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from run_data import run_data

from sweeper.questions.checks.verdict import CheckResult
from sweeper.questions.finding import finding_of
from sweeper.questions.run_data import RunData
from sweeper.study.expect import ExpectSection

TRIALS = ["trial", "phase", "seed", "outcome", "objective", "optimizer", "learning_rate", "activation"]
CURVES = ["trial", "seed", "step", "metric", "value"]
LAYERS = ["trial", "seed", "step", "layer", "measure", "value"]
SEEDS = range(1, 11)


def source(
    trials: Sequence[tuple[Any, ...]],
    curves: Sequence[tuple[Any, ...]] = (),
    layers: Sequence[tuple[Any, ...]] = (),
    **more: Any,
) -> RunData:
    """Records from rows; `more` are further columns of the trials."""
    frame = pd.DataFrame(trials, columns=TRIALS).assign(**more)
    return run_data(frame, pd.DataFrame(curves, columns=CURVES), pd.DataFrame(layers, columns=LAYERS))


def asked(check: str, **arguments: Any) -> ExpectSection:
    """An expectation."""
    return ExpectSection.model_validate({"finding": "f", "source": "s", "check": check, **arguments})


def verdict(records: RunData, check: str, **arguments: Any) -> CheckResult:
    """The finding; there is one."""
    found = finding_of(records, asked(check, **arguments))
    assert found is not None
    return found


def paired(effect: float, spread: float = 0.02, second: float = -1.0) -> RunData:
    """Finalists relu (0) and tanh (1) on ten seeds that move both alike; relu is `effect` lower on average.

    Finalist 2 is relu too: worse in the search, `second` higher than tanh on the fresh seeds; it must not be
    chosen by them.
    """
    rng = np.random.default_rng(0)
    rows: list[tuple[Any, ...]] = []
    for trial, (name, score) in enumerate([("relu", 0.3), ("tanh", 0.31), ("relu", 0.4)]):
        rows.append((trial, "explore", 0, "completed", score, "sgd", 0.1, name))
        shift = {0: -effect, 1: 0.0, 2: second}[trial]
        for seed in SEEDS:
            own = spread * rng.standard_normal()
            rows.append((trial, "confirm", seed, "completed", 2 + seed + shift + own, "sgd", 0.1, name))
    return source(rows)
