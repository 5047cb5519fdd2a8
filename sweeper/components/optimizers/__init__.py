"""Optimizers, one family a file: class, options, published settings, rates, update of many trials, limits.

To add one, write its file, with what its options may be, and add its line to `OPTIMIZERS`. Nobody else names
an optimizer, or an option that no other one takes.
"""

from collections.abc import Iterable

from sweeper.components.optimizers.adadelta import ADADELTA
from sweeper.components.optimizers.adagrad import ADAGRAD
from sweeper.components.optimizers.adam import ADAM, ADAMW
from sweeper.components.optimizers.adamax import ADAMAX
from sweeper.components.optimizers.asgd import ASGD
from sweeper.components.optimizers.lion import LION
from sweeper.components.optimizers.muon import MUON
from sweeper.components.optimizers.nadam import NADAM, NADAMW
from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates, StepLimit
from sweeper.components.optimizers.option import Allowed
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
    "Allowed",
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


def options_of(optimizers: Iterable[Optimizer]) -> dict[str, Allowed]:
    """Every option that one of them takes, and what it may be.

    Raises:
        ValueError: if an option may be something else for one of them than for another.
    """
    found: dict[str, tuple[str, Allowed]] = {}
    for entry in optimizers:
        for option, allowed in entry.options.items():
            first, known = found.setdefault(option, (entry.name, allowed))
            if allowed != known:
                raise ValueError(
                    f"{option} must be {known} for {first}, and {allowed} for {entry.name}; an option is the "
                    "same for all that take it: give one of them another name"
                )
    return {option: allowed for option, (_, allowed) in found.items()}


OPTIMIZER_OPTIONS = options_of(OPTIMIZERS.values())
"""Options that some optimizer takes, and what each may be."""

MOST_COEFFICIENTS = max(rule.columns + rule.coupled for o in OPTIMIZERS.values() for rule in o.rules)
"""No rule has more columns, weight decay included."""
MOST_STATES = max(rule.state for o in OPTIMIZERS.values() for rule in o.rules)
"""No rule keeps more numbers of each parameter."""
