"""Records of a made-up study, as a run would leave them: 60 search trials, 3 finalists on 5 fresh seeds.

The numbers follow simple laws, so that figures have something to show: each optimizer has its best
learning rate, gradients of sigmoid shrink by 10^-0.6 a layer, those of ReLU do not.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.measures import MEASURES

OPTIMIZERS = ("sgd", "momentum", "adam", "rmsprop")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "gelu")
BEST_RATE = {"sgd": -0.5, "momentum": -1.2, "adam": -2.6, "rmsprop": -2.9}
GOODNESS = {"sigmoid": 0.6, "tanh": 0.12, "relu": 0.1, "gelu": 0.08}
SLOPE = {"sigmoid": -0.6, "tanh": -0.05, "relu": 0.0, "gelu": -0.06}
STEPS = 400
DEPTH = 8


@dataclass(frozen=True)
class SyntheticRecords:
    """The three frames."""

    trials: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame


def synthetic_records(
    n: int = 60, activations: tuple[str, ...] = ACTIVATIONS, finalists: int = 3, seeds: int = 5, seed: int = 0
) -> SyntheticRecords:
    """`n` search trials over `activations`, then the best `finalists` on `seeds` fresh seeds."""
    rng = np.random.default_rng(seed)
    rows = [_trial(k, rng, activations) for k in range(n)]
    done = sorted((r for r in rows if r["outcome"] == "completed"), key=lambda r: r["objective"])
    search = list(rows)
    for place, row in enumerate(done[:finalists]):
        rows += [_confirmation(row, s, rng, place) for s in range(1, seeds + 1)]
    trials = pd.DataFrame(rows)
    for name in ("phase", "outcome", "engine", "reason", "optimizer", "activation"):
        trials[name] = trials[name].astype("str")
    curves = [row for trial in rows for row in _curve(trial, rng)]
    layers = [row for trial in search for row in _layer_rows(trial, rng)]
    columns = ["trial", "seed", "step", "metric", "value"]
    layer_columns = ["trial", "seed", "step", "layer", "measure", "value"]
    return SyntheticRecords(
        trials, pd.DataFrame(curves, columns=columns), pd.DataFrame(layers, columns=layer_columns)
    )


def _trial(number: int, rng: np.random.Generator, activations: tuple[str, ...]) -> dict[str, object]:
    optimizer, activation = OPTIMIZERS[number % 4], activations[number // 4 % len(activations)]
    rate = 10 ** rng.uniform(-4, 0)
    penalty = 0.0 if rng.random() < 0.25 else 10 ** rng.uniform(-6, -1)
    away = np.log10(rate) - BEST_RATE[optimizer]
    base = GOODNESS.get(activation, 0.2) + 0.25 * away**2 + 0.8 * penalty + rng.normal(0, 0.01)
    objective, outcome, steps, reason = float(max(0.05, min(base, 2.2))), "completed", STEPS, ""
    if number == 23:
        objective, outcome, steps, reason = np.nan, "failed", 0, "RuntimeError: out of luck"
    elif away > 1.5:
        objective, outcome, steps, reason = np.nan, "diverged", 37, "training loss nan at step 37"
    elif away < -1.4 and number % 2:
        outcome, steps, reason = "pruned", STEPS // 4, f"behind other trials at step {STEPS // 4}"
    return {
        "trial": number,
        "phase": "explore" if number < 30 else "exploit",
        "seed": 0,
        "outcome": outcome,
        "objective": objective,
        "steps": steps,
        "seconds": steps * 1e-3,
        "engine": "reference",
        "reason": reason,
        "optimizer": optimizer,
        "learning_rate": rate,
        "activation": activation,
        "activation_penalty": penalty,
        "momentum": 0.9 if optimizer == "momentum" else np.nan,
    }


def _confirmation(
    row: dict[str, object], seed: int, rng: np.random.Generator, place: int
) -> dict[str, object]:
    score = float(row["objective"]) + 0.02 * rng.normal() + 0.03 * np.sin(seed) + 0.01
    diverged = place == 1 and seed == 3
    return {
        **row,
        "phase": "confirm",
        "seed": seed,
        "outcome": "diverged" if diverged else "completed",
        "objective": np.nan if diverged else score,
        "steps": 12 if diverged else STEPS,
        "reason": "training loss inf at step 12" if diverged else "",
    }


def _curve(trial: dict[str, object], rng: np.random.Generator) -> list[tuple[object, ...]]:
    if trial["outcome"] == "failed":
        return []
    key, rows = (trial["trial"], trial["seed"]), []
    end = trial["objective"] if np.isfinite(trial["objective"]) else 30.0
    for step in range(0, int(trial["steps"]) + 1, STEPS // 20):
        share = np.exp(-6 * step / STEPS)
        value = float(end + (2.3 - end) * share) if end < 2.3 else 2.3
        rows += [(*key, step, "validation_loss", value), (*key, step, "validation_accuracy", 1 - value / 2.6)]
        if step:
            train = value * (1 - 0.3 * (1 - share)) * float(1 + 0.02 * rng.normal())
            rows += [(*key, step, "train_loss", train), (*key, step, "learning_rate", trial["learning_rate"])]
            rows.append((*key, step, "penalty", float(trial["activation_penalty"]) * 0.4))
    return rows


def _layer_rows(trial: dict[str, object], rng: np.random.Generator) -> list[tuple[object, ...]]:
    if trial["outcome"] == "failed":
        return []
    name, penalty, rows = str(trial["activation"]), float(trial["activation_penalty"]), []
    slope = SLOPE.get(name, -0.02 * (len(name) % 7))
    for step in (s for s in (0, 1, 10, 100, STEPS) if s <= trial["steps"]):
        trained = np.log10(1 + step) / 3
        for layer in range(DEPTH):
            norm = 0.05 * 10 ** (slope * (1 - 0.4 * trained) * (DEPTH - 1 - layer) + 0.15 * rng.normal())
            found = {
                "gradient_norm": norm,
                "weight_gradient_norm": 2 * norm,
                "activation_mean": 0.3 / (1 + 30 * penalty),
                "activation_std": 0.6 / (1 + 30 * penalty),
                "saturated": min(
                    1.0, 0.5 * (name == "relu") + 0.1 * trained * layer / DEPTH + 0.02 * rng.random()
                ),
                "dead": 0.1 * trained * layer / DEPTH if name == "relu" else 0.0,
                **({"update_ratio": 1e-3} if step else {}),
            }
            added = MEASURES.keys() - found.keys() - {"update_ratio"}
            found |= {name: 0.2 + 0.01 * layer for name in sorted(added)}
            rows += [(trial["trial"], 0, step, layer, k, float(v)) for k, v in found.items()]
    return rows
