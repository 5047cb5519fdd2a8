"""How simple settings are: the size of their model, and what they have beyond plain gradient descent."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.study.parameters import SCHEDULE_KEYS

SIZES, DROPOUT = ("model.depth", "model.width"), "model.dropout"


def extras(row: Mapping[Hashable, Any]) -> int:
    """Number of parts that the settings have beyond plain gradient descent on ReLU layers.

    One for each of: an activation penalty above 0, weight decay above 0 (the optimizer's own, too), dropout
    above 0, a schedule other than constant, an activation of the study that is not `straight`, momentum above
    0 where the optimizer starts without; and one for each number that the optimizer stores for a weight (its
    `buffers`).
    """
    optimizer = OPTIMIZERS.get(str(row.get("optimizer")))
    parts = optimizer.buffers if optimizer else 0
    if optimizer and optimizer.published.get("momentum") == 0:
        parts += _above_zero(row.get("momentum"))
    decay = row.get("weight_decay")
    if optimizer and pd.isna(decay):
        decay = optimizer.published.get("weight_decay")  # its own
    parts += sum(map(_above_zero, (row.get("activation_penalty"), decay, row.get(DROPOUT))))
    schedule = next((row[key] for key in SCHEDULE_KEYS if key in row), None)
    activation = row.get("activation")
    parts += int(pd.notna(schedule) and schedule != "constant")
    entry = ACTIVATIONS.get(str(activation))
    return parts + int(pd.notna(activation) and not (entry and entry.straight))


def complexity(trials: pd.DataFrame) -> "pd.Series[Any]":
    """Sort key of each row: (size of the model, `extras`), the smaller the simpler.

    The size is the product of those of `SIZES` that were searched; a smaller model goes before fewer extras.
    """
    sizes = trials.reindex(columns=list(SIZES)).apply(pd.to_numeric, errors="coerce").fillna(1).prod(axis=1)
    counts = [extras(row) for row in trials.to_dict("records")]
    return pd.Series(list(zip(sizes, counts, strict=True)), index=trials.index, dtype=object)


def sizes_known(finalists: pd.DataFrame) -> bool:
    """Whether `finalists` differ in no argument of their model that may change its size, beside `SIZES`."""
    known = (*SIZES, DROPOUT)
    others = [name for name in finalists if name.startswith("model.") and name not in known]
    return len(finalists[others].astype(str).drop_duplicates()) <= 1 if others else True


def _above_zero(value: Any) -> int:
    return int(pd.notna(value) and float(value) > 0)
