"""Which of several settings is the simplest: fewest parts that have to be understood, tuned and stored."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

BUFFERS = {"sgd": 0, "momentum": 1, "nesterov": 1, "rmsprop": 1, "adagrad": 1, "lion": 1}
"""Numbers that the optimizer stores for each weight; 2 for those not named: adam and its kin, adadelta."""
PIECEWISE_LINEAR = {"relu", "leaky_relu", "relu6", "hardtanh", "hardsigmoid", "identity"}
"""Activations that cost no extra; null (the model's own) costs none either."""
SIZES = ("model.depth", "model.width")


def extras(row: Mapping[Hashable, Any]) -> int:
    """Number of parts that the settings have beyond plain gradient descent on ReLU layers.

    One for each of: an activation penalty above 0, weight decay above 0, dropout above 0, a schedule
    other than constant, an activation that is not piecewise linear, momentum above 0 where the optimizer
    has it as an option (sgd); and one for each number that the optimizer stores for a weight
    (`BUFFERS`): sgd 0 < momentum, rmsprop 1 < adam 2.
    """
    optimizer = str(row.get("optimizer"))
    found = BUFFERS.get(optimizer, 2)
    if optimizer in ("sgd", "rmsprop"):
        found += _above_zero(row.get("momentum"))
    found += sum(
        _above_zero(row.get(name)) for name in ("activation_penalty", "weight_decay", "model.dropout")
    )
    schedule, activation = row.get("schedule"), row.get("activation")
    found += int(pd.notna(schedule) and schedule != "constant")
    return found + int(pd.notna(activation) and activation not in PIECEWISE_LINEAR)


def complexity(trials: pd.DataFrame) -> "pd.Series[Any]":
    """Sort key of each row: (size of the model, `extras`), the smaller the simpler.

    The size is the product of those of `SIZES` that were searched; a smaller model goes before fewer extras.
    """
    sizes = trials.reindex(columns=list(SIZES)).apply(pd.to_numeric, errors="coerce").fillna(1).prod(axis=1)
    counts = [extras(row) for row in trials.to_dict("records")]
    return pd.Series(list(zip(sizes, counts, strict=True)), index=trials.index, dtype=object)


def _above_zero(value: Any) -> int:
    return int(pd.notna(value) and float(value) > 0)
