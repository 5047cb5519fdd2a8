"""Optimizers, one family a file: class, options, published settings, rates, update of many trials, limits.

To add one, write its file and add its line to `OPTIMIZERS`. Nobody else names an optimizer.
"""

from sweeper.components.optimizers.adadelta import ADADELTA
from sweeper.components.optimizers.adagrad import ADAGRAD
from sweeper.components.optimizers.adam import ADAM, ADAMW
from sweeper.components.optimizers.adamax import ADAMAX
from sweeper.components.optimizers.asgd import ASGD
from sweeper.components.optimizers.lion import LION
from sweeper.components.optimizers.muon import MUON
from sweeper.components.optimizers.nadam import NADAM, NADAMW
from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates, StepLimit
from sweeper.components.optimizers.radam import RADAM
from sweeper.components.optimizers.rmsprop import RMSPROP
from sweeper.components.optimizers.rprop import RPROP
from sweeper.components.optimizers.rule import Hyper, Rule, hyper
from sweeper.components.optimizers.schedule_free import SCHEDULE_FREE_ADAMW
from sweeper.components.optimizers.sgd import MOMENTUM, NESTEROV, SGD

__all__ = [
    "DEFAULT",
    "EXAMPLES",
    "MOST_COEFFICIENTS",
    "MOST_STATES",
    "OPTIMIZERS",
    "OPTIMIZER_OPTIONS",
    "Hyper",
    "Optimizer",
    "Options",
    "Rates",
    "Rule",
    "StepLimit",
    "hyper",
]

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": SGD,
    "momentum": MOMENTUM,
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
    "asgd": ASGD,
    "rprop": RPROP,
    "nadamw": NADAMW,
    "muon": MUON,
    "schedule_free_adamw": SCHEDULE_FREE_ADAMW,
}

DEFAULT = "adam"
"""That of a study that names none."""
EXAMPLES = ("momentum", "adam")
"""Those that a new study file compares."""

OPTIMIZER_OPTIONS: frozenset[str] = frozenset().union(*(o.options for o in OPTIMIZERS.values()))

MOST_COEFFICIENTS = max(rule.columns + rule.coupled for o in OPTIMIZERS.values() for rule in o.rules)
"""No rule has more columns, weight decay included."""
MOST_STATES = max(rule.state for o in OPTIMIZERS.values() for rule in o.rules)
"""No rule keeps more numbers of each parameter."""
