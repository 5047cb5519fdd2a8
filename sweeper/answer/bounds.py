"""Scores that have a best and a worst value: no interval reaches beyond them."""

import math

from sweeper.trial import is_unit_score

FROM = {"mcc": -1.0, "r2": -math.inf}
"""Worst values of scores of which the best is 1; that of the others is 0."""


def bounded(metric: str, low: float, high: float) -> tuple[float, float]:
    """`low` and `high` within what `metric`, ``accuracy`` or ``validation_auc (higher is better)``, can
    be."""
    name = metric.partition(" ")[0]
    name = name.removeprefix("validation_").removeprefix("train_")
    if name == "error":
        return max(low, 0.0), min(high, 1.0)
    if not is_unit_score(name):
        return low, high
    return max(low, FROM.get(name, 0.0)), min(high, 1.0)
