"""Whether ``torch.compile`` pays for stacks: measured, once the time left is worth the attempt."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training.planning import Plan, short, steps_in_all
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked import engine
from sweeper.trial import Trial

MIN_SECONDS_LEFT = 600.0
"""Seconds of training left from which ``auto`` tries: compiling takes some ten seconds in every process."""
TIMED_BLOCKS, STEPS_PER_BLOCK = 5, 4
"""What is timed: so many blocks of so many steps."""


@dataclass(frozen=True)
class Compiled:
    """What one process saw."""

    seconds_a_step: float
    """Of one trial's share in a step of a full stack."""
    seconds: float
    """That compiling took."""


def seconds_left(task: Task, plan: Plan) -> float:
    """How long training takes by the plan, about, no trial pruned."""
    return plan.seconds_a_step * steps_in_all(task) / plan.processes


def is_wanted(study: Study, left: float) -> bool:
    """Whether to try at all."""
    return study.training.compile is True or (study.training.compile == "auto" and left > MIN_SECONDS_LEFT)


def measure(task: Task, trials: Sequence[Trial]) -> Compiled:
    """Compile for a full stack of `trials`, and time it.

    Raises:
        NotCompiled: if it cannot be.
    """
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        return _measure(task, trials)


def _measure(task: Task, trials: Sequence[Trial]) -> Compiled:
    start = time.perf_counter()
    train = engine.warm_stack(short(task, 1000), trials, compiled=True)
    train(1)
    seconds = time.perf_counter() - start
    blocks = []
    for _ in range(TIMED_BLOCKS):
        start = time.perf_counter()
        train(STEPS_PER_BLOCK)
        blocks.append(time.perf_counter() - start)
    return Compiled(min(blocks) / (STEPS_PER_BLOCK * len(trials)), seconds)


def decide(plan: Plan, study: Study, tried: Sequence[Compiled | str], left: float) -> Plan:
    """The plan with or without compilation, and why not.

    Args:
        plan: of the stacked engine.
        study: its `training.compile` says whether the measurement matters.
        tried: what every process saw, or the reason why it could not compile.
        left: seconds of training that are left by `plan`.
    """
    reasons = [each for each in tried if isinstance(each, str)]
    if reasons:
        return replace(plan, uncompiled=reasons[0])
    step = median(each.seconds_a_step for each in tried if isinstance(each, Compiled))
    spent = max(each.seconds for each in tried if isinstance(each, Compiled))
    ratio = plan.seconds_a_step / step
    if study.training.compile == "auto" and left * (1 - 1 / ratio) < spent:
        return replace(plan, uncompiled=f"{ratio:.2f}× as fast, after {spent:.0f} s of compiling")
    speedup = plan.speedup * ratio if plan.speedup else None
    return replace(plan, compiled=True, speedup=speedup, seconds_a_step=step)
