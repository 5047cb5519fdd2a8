"""How parameters are updated when many trials train as one: each optimizer as a pure rule, one a file.

To add an optimizer, write its rule and add a line to `RULES`.
"""

from collections.abc import Mapping
from typing import Any

from sweeper.training.update_rules.adadelta import ADADELTA
from sweeper.training.update_rules.adagrad import ADAGRAD
from sweeper.training.update_rules.adam import ADAM, ADAMW
from sweeper.training.update_rules.adamax import ADAMAX
from sweeper.training.update_rules.lion import LION
from sweeper.training.update_rules.nadam import NADAM
from sweeper.training.update_rules.radam import RADAM
from sweeper.training.update_rules.rmsprop import RMSPROP, RMSPROP_MOMENTUM
from sweeper.training.update_rules.rule import Rule, hyper
from sweeper.training.update_rules.sgd import HEAVY_BALL, NESTEROV, SGD

__all__ = ["MOST_COEFFICIENTS", "RULES", "Rule", "hyper", "rule_of"]

RULES: dict[str, Rule] = {
    "sgd": SGD,
    "momentum": HEAVY_BALL,
    "nesterov": NESTEROV,
    "adam": ADAM,
    "adamw": ADAMW,
    "nadam": NADAM,
    "radam": RADAM,
    "adamax": ADAMAX,
    "rmsprop": RMSPROP,
    "adagrad": ADAGRAD,
    "adadelta": ADADELTA,
    "lion": LION,
}
"""optimizer name -> rule; `rule_of` picks the variant that its options ask for."""

MOST_COEFFICIENTS = 10
"""No rule has more columns, weight decay included."""


def rule_of(optimizer: str, group: Mapping[str, Any]) -> Rule:
    """The rule of an optimizer with these options, the parameter group of its ``torch.optim`` class.

    ``sgd``, ``momentum`` and ``nesterov`` are one class there: its options decide which of them it is.
    """
    if RULES[optimizer] in (SGD, HEAVY_BALL, NESTEROV):
        if group["momentum"] == 0:
            return SGD
        return NESTEROV if group["nesterov"] else HEAVY_BALL
    if optimizer == "rmsprop" and group["momentum"] > 0:
        return RMSPROP_MOMENTUM
    return RULES[optimizer]
