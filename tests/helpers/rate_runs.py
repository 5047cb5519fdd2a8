"""A search of trials with given rates and losses."""

import numpy as np
import pandas as pd
from run_data import run_data

from sweeper.questions.run_data import RunData
from sweeper.study.space import Range

START = 2.0
WIDE = Range(1e-4, 1.0, log=True)


def source_of(trials: pd.DataFrame, start: float | np.ndarray = START) -> RunData:
    """A search of these trials with the columns that they lack; they begin at the loss `start`."""
    base = {
        "phase": "explore",
        "seed": 0,
        "steps": 10,
        "seconds": 1.0,
        "engine": "fused",
        "reason": "",
        "outcome": "completed",
        "optimizer": "sgd",
        "activation": "relu",
        "learning_rate": 0.1,
        "activation_penalty": 0.0,
        "trial": range(len(trials)),
    }
    trials = trials.assign(**{name: value for name, value in base.items() if name not in trials})
    curves = trials[["trial", "seed"]].assign(step=0, metric="validation_loss", value=start)
    layers = pd.DataFrame(columns=["trial", "seed", "step", "layer", "measure", "value"])
    return run_data(trials, curves, layers.astype({"value": float}))


def valley(rates: np.ndarray, best: float = -2.0) -> np.ndarray:
    """0.5 at 10^best, one more per squared decade."""
    return 0.5 + (np.log10(rates) - best) ** 2


def many(rates: np.ndarray, losses: np.ndarray, **columns: object) -> pd.DataFrame:
    """Completed trials."""
    return pd.DataFrame({"learning_rate": rates, "objective": losses, **columns})
