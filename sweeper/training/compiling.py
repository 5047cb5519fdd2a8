"""Whether steps of stacks run faster as machine code: measured, where there is enough left to train."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from sweeper.loading import is_installed
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training.plan import Plan
from sweeper.training.planning import MAX_COST_RATIO, long_enough, steps_in_all, steps_of
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stack_memory import largest_stack
from sweeper.training.stacked import engine
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.training.timing import steps_a_block, timed
from sweeper.trial import Trial
from sweeper.wording import listing, number

MIN_SECONDS_LEFT = 3.0
"""Seconds of training left from which ``auto`` tries, which takes about one in every process."""
TIMED_BLOCKS, STEPS_PER_BLOCK = 5, 8
"""What is timed: so many blocks of so many steps."""
MOST_SLOTS = 64
"""Trials a stack from which its own work between steps no longer counts."""
MISSING = "llvmlite is not installed (pip install llvmlite)"


def seconds_left(task: Task, plan: Plan) -> float:
    """How long training takes by the plan, about, no trial pruned."""
    return plan.seconds_a_step * steps_in_all(task) / plan.processes


def is_wanted(study: Study, left: float) -> bool:
    """Whether to try at all."""
    return study.training.compile is True or (study.training.compile == "auto" and left > MIN_SECONDS_LEFT)


def is_there() -> bool:
    """Whether llvmlite is installed."""
    return is_installed("llvmlite")


@dataclass(frozen=True)
class Timing:
    """What one process saw of machine code."""

    seconds: float
    """That one step of one trial takes."""
    slots: int
    """Trials that a stack may have: its memory serves one after the other, so large ones cost no more."""
    recorded: str = ""
    """Optimizers and activations of the study that train as recorded operations. A process that trains knows
    the user's own classes; the driver never imports them."""


def measure(task: Task, trials: Sequence[Trial], processes: int) -> Timing:
    """Time steps of a stack of `trials` as machine code; `processes` share the memory.

    Raises:
        NotCompiled: if no trial's step can be translated; the message names the operation.
        NotStackable: as `engine.train_stack`.
    """
    taken, _ = engine.translatable(task, trials)
    if not taken:
        raise NotCompiled(f"no translation of {recorded_operations(task.study)}")
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        slots = min(MOST_SLOTS, largest_stack(task, taken[0], processes))
        taken = taken[:slots]
        longer = long_enough(task, taken[0])
        steps = steps_a_block(steps_of(longer, taken[0]), TIMED_BLOCKS, STEPS_PER_BLOCK)
        train = engine.warm_stack(longer, taken, compiled=True)
        train(1)
        seconds = min(timed(lambda: train(steps)) for _ in range(TIMED_BLOCKS))
    return Timing(seconds / (steps * len(taken)), slots, recorded_operations(task.study))


def recorded_operations(study: Study) -> str:
    """Optimizers and activations of the study that cannot be machine code, in words."""
    return listing(engine.without_code(study.space.listed("optimizer"), study.space.listed("activation")))


def decide(plan: Plan, study: Study, tried: Sequence[Timing | str]) -> Plan:
    """The plan with or without machine code, and why not.

    Args:
        plan: of the stacked engine.
        study: its `training.compile` says whether the measurement matters.
        tried: what `measure` gave in every process, or the reason why it could not compile.
    """
    reasons = [each for each in tried if isinstance(each, str)]
    if reasons:
        return replace(plan, uncompiled=reasons[0])
    timings = [each for each in tried if isinstance(each, Timing)]
    seconds = median(each.seconds for each in timings)
    ratio = seconds / plan.seconds_a_step
    if study.training.compile == "auto" and ratio > MAX_COST_RATIO:
        return replace(plan, uncompiled=f"{number(1 / ratio, 3)}× as fast")
    return replace(
        plan,
        compiled=True,
        speedup=plan.speedup and plan.speedup / ratio,
        seconds_a_step=seconds,
        slots=max(plan.slots, min(each.slots for each in timings)),
        slots_of={},
        recorded=timings[0].recorded,
    )
