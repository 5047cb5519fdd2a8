"""Real problems whose grid points were trained on many seeds: ``python benchmarks/real_problems.py``.

Small nets, 4 optimizers × 3 activations × 7 rates × 2 penalties, 40 seeds each, trained by the stacked
engine. ``data/truth.npz`` keeps of each problem an array (optimizer, activation, rate, penalty, seed, 3):
the lowest validation loss up to a quarter, a half and the whole of the training; NaN where the training
diverged before. Best pairs: adam with gelu (spirals, wine), rmsprop with tanh (tumours), rmsprop with
sigmoid (diabetes, where all pairs come close), adam with tanh (teacher).
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.setup import Task
from sweeper.trial import Trial

TABLE = Path(__file__).resolve().parent / "data" / "truth.npz"
SEEDS = 40
FIRST_SEED = 10_000_000
STEPS = 80
RANGES = {"sgd": (1e-3, 10.0), "momentum": (1e-4, 1.0), "adam": (1e-5, 0.1), "rmsprop": (1e-5, 0.1)}
ACTIVATIONS = ("sigmoid", "tanh", "gelu")
LOWEST = 1e-6
"""A loss of 0 has no logarithm; one net in 25,000 reaches it."""
RATES = 7
"""Rates of each optimizer, evenly over the logarithm of its range."""
PENALTIES = (0.0, 1e-2)
SPACE: dict[str, Any] = {
    "optimizer": list(RANGES),
    "activation": list(ACTIVATIONS),
    "learning_rate": {"low": 1e-5, "high": 10.0, "log": True},
    **{f"learning_rate.{name}": {"low": a, "high": b, "log": True} for name, (a, b) in RANGES.items()},
    "activation_penalty": list(PENALTIES),
}


@dataclass(frozen=True)
class Real:
    """What is trained."""

    data: Mapping[str, Any]
    model: Mapping[str, Any]
    loss: str = "cross_entropy"
    steps: int = STEPS

    def study(self, **more: Any) -> Study:
        """The study whose trainings the table holds."""
        return Study(name="truth", **self.sections(), **more)

    def sections(self) -> dict[str, Any]:
        """Its data, model and training."""
        training = {
            "steps": self.steps,
            "batch_size": 32,
            "evaluations": 4,
            "loss": self.loss,
            "device": "cpu",
        }
        return {"data": dict(self.data), "model": dict(self.model), "training": training}


def _mlp(depth: int, width: int) -> dict[str, Any]:
    return {"source": "mlp", "depth": depth, "width": width}


def _data(source: str, **more: Any) -> dict[str, Any]:
    return {"source": source, "split": [0.8, 0.2, 0.0], **more}


REAL: dict[str, Real] = {
    "spirals": Real(_data("two_spirals"), _mlp(2, 16)),
    "tumours": Real(_data("breast_cancer"), _mlp(2, 16)),
    "diabetes": Real(_data("diabetes", standardize_target=True), _mlp(1, 16), "mse"),
    "wine": Real(_data("wine"), _mlp(4, 12)),
    "teacher": Real(_data("teacher"), _mlp(2, 16), "mse"),
}
"""The problems of the table."""

LARGER: dict[str, Real] = {
    "digits, 64 units": Real(_data("digits"), _mlp(2, 64), steps=2000),
    "digits, 128 units": Real(_data("digits"), _mlp(2, 128), steps=1000),
    "teacher, 64 units": Real(_data("teacher"), _mlp(2, 64), "mse", steps=2000),
}
"""Problems too slow for a table."""


def rates(optimizer: str) -> np.ndarray:
    """The rates of the table for one optimizer."""
    return np.geomspace(*RANGES[optimizer], RATES)


def trained(problem: Real) -> np.ndarray:
    """The table of one problem, (optimizer, activation, rate, penalty, seed, 3)."""
    from sweeper.training.stacked.engine import train_stack

    task = task_of(problem)
    shape = (len(RANGES), len(ACTIVATIONS), RATES, len(PENALTIES))
    found = np.full((*shape, SEEDS, 3), np.nan, dtype=np.float32)
    trials, places = [], []
    for place in itertools.product(*map(range, found.shape[:-1])):
        optimizer, activation, rate, penalty, seed = place
        name = list(RANGES)[optimizer]
        parameters = {
            "optimizer": name,
            "activation": ACTIVATIONS[activation],
            "learning_rate": float(rates(name)[rate]),
            "activation_penalty": PENALTIES[penalty],
        }
        trials.append(Trial(len(trials), "confirm", FIRST_SEED + seed, parameters, measured=False))
        places.append(place)
    for result in train_stack(task, trials, 256):
        steps, values = result.objectives("validation_loss")
        for k, share in enumerate((0.25, 0.5, 1.0)):
            reached = [v for s, v in zip(steps, values, strict=True) if s <= share * problem.steps]
            if steps and steps[-1] >= share * problem.steps and np.isfinite(reached).all():
                found[(*places[result.trial.number], k)] = max(min(reached), LOWEST)
    return found


def task_of(problem: Real) -> Task:
    """Study and data."""
    study, kind = problem.study(), "regression" if problem.loss == "mse" else "classification"
    return Task(study, load(study.data.source, loss_task=kind, options=study.data.options))


def main() -> None:
    """Train everything that the table does not hold yet."""
    import torch

    torch.set_num_threads(1)
    TABLE.parent.mkdir(exist_ok=True)
    tables = dict(np.load(TABLE)) if TABLE.exists() else {}
    for name, problem in REAL.items():
        if name not in tables:
            tables[name] = trained(problem)
            np.savez_compressed(TABLE, **tables)
            print(name, "diverged:", float(np.isnan(tables[name][..., 2]).mean()), flush=True)


if __name__ == "__main__":
    main()
