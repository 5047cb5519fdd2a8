"""How many trials of one model make a stack worth setting up, where hardly two trials share a model.

Trials of one shape train as one, and setting up a stack, recorded or compiled for that shape, takes as
long as hundreds of steps of a small network. A search over a list of shapes pays that a few times. Over a
range, ``model.dropout`` from 0 to 0.3 say, it would pay for every trial.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from sweeper.study.settings import settings as settings_of
from sweeper.study.space import Values
from sweeper.study.study import Study
from sweeper.training.plan import Plan
from sweeper.training.planning import steps_of
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked import engine
from sweeper.training.timing import timed
from sweeper.trial import Trial
from sweeper.wording import listing

FEW = 8
"""Values of a setting up to which trials that share one are many."""
FEWEST_RECORDED = 4
"""Trials below which a stack of recorded operations is no faster than each alone, even once it is set up."""


def varied(study: Study) -> tuple[str, ...]:
    """Searched settings of more than `FEW` values, each of which asks for a stack of its own."""
    return tuple(dict.fromkeys(name for trial in _firsts(study) for name in _varied(study, trial)))


def _firsts(study: Study) -> list[Trial]:
    """A trial of each optimizer, every other setting at its first value."""
    space = study.space
    return [
        Trial(0, "explore", study.search.seed, {"optimizer": name, **{n: v.at(0.0) for n, v in own.items()}})
        for name in space.entries["optimizer"].values or ()
        for own in [{n: v for n, (_, v) in space.active(name).items()}]
    ]


def _varied(study: Study, trial: Trial) -> dict[str, Values]:
    entries = study.space.active(trial.parameters["optimizer"])
    return {
        name: values
        for name, (_, values) in entries.items()
        if (values.values is None or len(values.values) > FEW)
        and _shape(study, trial) != _shape(study, _with(trial, {name: values.at(1.0)}))
    }


def _shape(study: Study, trial: Trial) -> str:
    return settings_of(study, trial.parameters).shape_key(trial.seed)


def _with(trial: Trial, parameters: dict[str, object]) -> Trial:
    return replace(trial, parameters={**trial.parameters, **parameters})


def seconds(task: Task, trial: Trial, compiled: bool) -> float:
    """What it takes until a stack of a shape that is new here has made its first step.

    Its values are drawn anew at every call: machine code of an earlier run, kept on disk, would flatter.

    Raises:
        NotStackable, NotCompiled: as `engine.warm_stack`.
    """
    drawn = {name: values.at(random.random()) for name, values in _varied(task.study, trial).items()}
    other = _with(trial, drawn)
    with leaving_no_trace(task, settings_of(task.study, other.parameters)):
        return timed(lambda: engine.warm_stack(task, [other], compiled=compiled)(1))


def with_fewest(plan: Plan, task: Task, trial: Trial, seen: Sequence[float]) -> Plan:
    """The plan with the fewest trials of a shape that are stacked; `seen`: `seconds` of all processes."""
    gained = (plan.one_by_one - plan.seconds_a_step) * steps_of(task, trial)
    fewest = max(math.ceil(median(seen) / gained), 1 if plan.compiled else FEWEST_RECORDED)
    return replace(plan, fewest=fewest, varied=listing(varied(task.study)) if fewest > 1 else "")
