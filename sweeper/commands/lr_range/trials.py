"""The trainings of a learning-rate range test: short, one for each rate, all from the same weights."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.study.parameters import SCHEDULE_KEYS
from sweeper.study.space import Range, Space, Values
from sweeper.study.study import Study
from sweeper.training.setup import Task
from sweeper.trial import Trial

RATES = 64
"""Learning rates for each combination."""
STEPS = 40
"""Optimizer steps of each training: enough for a rate that is too large to show it, too few to rank
rates that are good in the long run."""
MOST = 24
"""Combinations above which each parameter is varied alone."""
VALIDATION, TRAINING = "validation_loss", "train_loss"
"""Metrics that rank rates."""
QUARTERS = 4
"""Evaluations of a training whose training losses rank it: the last of them against the first."""
FIXED_HERE = (*SCHEDULE_KEYS, "training.steps", "training.epochs", "learning_rate")
"""Parameters that the test itself sets."""


@dataclass(frozen=True)
class Conditions:
    """Under what a range test was measured; in JSON these are keys beside the results."""

    study: str
    trainings: int
    rates: int
    """Learning rates of each combination."""
    steps: int
    """Of each training."""
    metric: str
    """Of the losses."""
    lowest_rates: Mapping[str, float]
    """Optimizer -> the lowest rate that was tested."""
    plan: str
    """How they were trained, in a line."""
    guess: str | None
    """What the best output without inputs is, in words."""
    guessing: float | None
    """Its loss, where it can be compared with the others."""
    seed: int
    held: Mapping[str, Any]
    """What is equal in all trainings."""


def judged_by(study: Study) -> str:
    """The metric that ranks rates: `VALIDATION`, but `TRAINING` where trainings weigh classes.

    Validation losses do not: they rise while outputs move away from the shares of the classes, as asked.
    """
    weighs = study.training.class_weight is not None or "training.class_weight" in study.space.parameters
    return TRAINING if weighs else VALIDATION


def range_task(task: Task, steps: int = STEPS, trials: int | None = None) -> Task:
    """`task` with `trials` trainings of `steps` steps at constant rates, evaluated before and after; where
    training losses rank rates, also on the way, as these are means over the batches before an evaluation."""
    evaluations = 1 if judged_by(task.study) == VALIDATION else min(QUARTERS, steps)
    changed = {"steps": steps, "epochs": None, "schedule": "constant", "evaluations": evaluations}
    training = task.study.training.model_copy(update=changed)
    search = task.study.search.model_copy(update={"trials": trials or task.study.search.trials})
    return Task(task.study.model_copy(update={"training": training, "search": search}), task.data)


def range_trials(study: Study, rates: int = RATES) -> list[Trial]:
    """Every combination at every rate, on the search's seed; combination by combination, rates ascending."""
    configurations = (
        {**combination, "learning_rate": float(rate)}
        for combination in combinations(study)
        for rate in rates_of(study.space, combination["optimizer"], rates)
    )
    seed = study.search.seed
    return [Trial(k, "explore", seed, each, measured=False) for k, each in enumerate(configurations)]


def varied(study: Study) -> list[str]:
    """Parameters that the test compares: the optimizer, and the scientific ones with several values."""
    names = [name for name in study.search.scientific if name not in FIXED_HERE]
    several = [name for name in names if name != "optimizer" and _several(study.space, name)]
    return ["optimizer", *several]


def combinations(study: Study) -> list[dict[str, Any]]:
    """Configurations without a learning rate: all combinations of what is `varied`.

    If these are more than `MOST`, each parameter is varied alone, the others at their first value. What is
    not varied has its `typical` value.
    """
    names = varied(study)[1:]
    optimizers = study.space.entries["optimizer"].values or ()
    every = [each for optimizer in optimizers for each in _crossed(study.space, optimizer, names)]
    if len(every) <= MOST:
        return every
    first = [next(iter(_crossed(study.space, optimizer, []))) for optimizer in optimizers]
    alone = [
        each
        for name in names
        for taking in [[o for o in optimizers if name in study.space.active(o)] or optimizers]
        for each in _crossed(study.space, taking[0], [name])
    ]
    chosen = [*first, *alone]
    return [each for index, each in enumerate(chosen) if each not in chosen[:index]]


def held(study: Study) -> dict[str, Any]:
    """What has one value in the whole test although the study searches it."""
    every = combinations(study)
    searched = [name for name in study.space.parameters if _several(study.space, name)]
    values = {name: [each[name] for each in every if name in each] for name in searched}
    return {name: v[0] for name, v in values.items() if v and all(value == v[0] for value in v)}


def rates_of(space: Space, optimizer: str, count: int = RATES) -> np.ndarray:
    """`count` log-spaced rates, from a decade below the study's range for `optimizer` to a decade above.

    A rate that is not searched is surrounded by two decades on both sides.
    """
    entry = space.entry("learning_rate", optimizer)
    assert entry is not None
    values = entry[1]
    if isinstance(values, Range):
        return np.geomspace(values.low / 10, values.high * 10, count)
    return np.geomspace(min(values.values) / 100, max(values.values) * 100, count)


def typical(values: Values) -> Any:
    """0 for a weight that may be off, the middle of other ranges, the first of a list."""
    if isinstance(values, Range):
        return values.at(0.0 if values.zero else 0.5)
    return values.values[0]


def _crossed(space: Space, optimizer: str, names: list[str]) -> Iterator[dict[str, Any]]:
    active = {k: v for k, (_, v) in space.active(optimizer).items() if k not in FIXED_HERE}
    crossed = [name for name in names if name in active]
    base = {"optimizer": optimizer, **{name: typical(values) for name, values in active.items()}}
    for chosen in itertools.product(*(active[name].values or () for name in crossed)):
        yield {**base, **dict(zip(crossed, chosen, strict=True))}


def _several(space: Space, name: str) -> bool:
    """Whether some optimizer has more than one value of `name`."""
    return any(values.values is None or len(values.values) > 1 for values in space.entries_of(name))
