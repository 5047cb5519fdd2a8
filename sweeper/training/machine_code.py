"""Whether steps of stacks run faster as machine code: measured, where llvmlite is installed."""

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from sweeper.study.settings import settings as settings_of
from sweeper.training.planning import MAX_COST_RATIO, Plan, short
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked import engine
from sweeper.training.stacked.native.unsupported import Unsupported
from sweeper.trial import Trial

TIMED_BLOCKS, STEPS_PER_BLOCK = 5, 8
"""What is timed, of each way: so many blocks of so many steps."""


def is_there() -> bool:
    """Whether llvmlite is installed; nothing is said or tried without it."""
    return importlib.util.find_spec("llvmlite") is not None


def measure(task: Task, trials: Sequence[Trial]) -> float:
    """Seconds of a trial's step as machine code over those as recorded operations, in one stack.

    Raises:
        Unsupported: if no trial's step can be translated; the message names the operation.
        NotStackable: as `engine.train_stack`.
    """
    taken, _ = engine.translatable(task, trials)
    if not taken:
        raise Unsupported("activations or update rules that are not translated")
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        return _seconds(task, taken, native=True) / _seconds(task, taken, native=False)


def _seconds(task: Task, trials: Sequence[Trial], *, native: bool) -> float:
    train = engine.warm_stack(short(task, 1000), trials, native=native)
    train(1)
    blocks = []
    for _ in range(TIMED_BLOCKS):
        start = time.perf_counter()
        train(STEPS_PER_BLOCK)
        blocks.append(time.perf_counter() - start)
    return min(blocks)


def decide(plan: Plan, tried: Sequence[float | str]) -> Plan:
    """The plan with or without machine code, and why not; `tried`: what every process saw, or the reason."""
    reasons = [each for each in tried if isinstance(each, str)]
    if reasons:
        return replace(plan, interpreted=reasons[0])
    ratio = median(each for each in tried if isinstance(each, float))
    if ratio > MAX_COST_RATIO:
        return replace(plan, interpreted=f"{1 / ratio:.2f}× as fast")
    speedup = plan.speedup / ratio if plan.speedup else None
    return replace(plan, native=True, speedup=speedup, seconds_a_step=plan.seconds_a_step * ratio)
