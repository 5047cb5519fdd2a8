"""Whether steps of stacks run faster as machine code: measured, where there is enough left to train."""

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training.planning import MAX_COST_RATIO, Plan, short, steps_in_all
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked import engine
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.trial import Trial

MIN_SECONDS_LEFT = 3.0
"""Seconds of training left from which ``auto`` tries, which takes about one in every process."""
TIMED_BLOCKS, STEPS_PER_BLOCK = 5, 8
"""What is timed, of each way: so many blocks of so many steps."""
MISSING = "llvmlite is not installed (pip install llvmlite)"


def seconds_left(task: Task, plan: Plan) -> float:
    """How long training takes by the plan, about, no trial pruned."""
    return plan.seconds_a_step * steps_in_all(task) / plan.processes


def is_wanted(study: Study, left: float) -> bool:
    """Whether to try at all."""
    return study.training.compile is True or (study.training.compile == "auto" and left > MIN_SECONDS_LEFT)


def is_there() -> bool:
    """Whether llvmlite is installed."""
    return importlib.util.find_spec("llvmlite") is not None


def measure(task: Task, trials: Sequence[Trial]) -> float:
    """Seconds of a trial's step as machine code over those as recorded operations, in one stack.

    Raises:
        NotCompiled: if no trial's step can be translated; the message names the operation.
        NotStackable: as `engine.train_stack`.
    """
    taken, _ = engine.translatable(task, trials)
    if not taken:
        raise NotCompiled("no translation of these activations and update rules")
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        return _seconds(task, taken, compiled=True) / _seconds(task, taken, compiled=False)


def _seconds(task: Task, trials: Sequence[Trial], *, compiled: bool) -> float:
    train = engine.warm_stack(short(task, 1000), trials, compiled=compiled)
    train(1)
    blocks = []
    for _ in range(TIMED_BLOCKS):
        start = time.perf_counter()
        train(STEPS_PER_BLOCK)
        blocks.append(time.perf_counter() - start)
    return min(blocks)


def decide(plan: Plan, study: Study, tried: Sequence[float | str]) -> Plan:
    """The plan with or without machine code, and why not.

    Args:
        plan: of the stacked engine.
        study: its `training.compile` says whether the measurement matters.
        tried: what `measure` gave in every process, or the reason why it could not compile.
    """
    reasons = [each for each in tried if isinstance(each, str)]
    if reasons:
        return replace(plan, uncompiled=reasons[0])
    ratio = median(each for each in tried if isinstance(each, float))
    if study.training.compile == "auto" and ratio > MAX_COST_RATIO:
        return replace(plan, uncompiled=f"{1 / ratio:.2f}× as fast")
    speedup = plan.speedup / ratio if plan.speedup else None
    return replace(plan, compiled=True, speedup=speedup, seconds_a_step=plan.seconds_a_step * ratio)
