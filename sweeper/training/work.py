"""What worker processes do: train a cohort, measure for the plan, check a model, measure sharpness."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

import torch

from sweeper.training import compiling, planning, preflight, set_up, shapes
from sweeper.training.cohort import Cohort, singles
from sweeper.training.guessing import guessing
from sweeper.training.measurable import unmeasured
from sweeper.training.pool import watchdog
from sweeper.training.pool.machine import this_machine
from sweeper.training.provenance import code_prints, provenance
from sweeper.training.reasons import reason_of, refusing
from sweeper.training.reference import train
from sweeper.training.row_broadcast import refuse_row_broadcast
from sweeper.training.setup import Task, load_splits
from sweeper.training.sharpness_curve import sharpness_result
from sweeper.training.stacked.engine import train_stack
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.trial import SharpnessResult, Trial, TrialResult, failed
from sweeper.user_code.calls import user_code
from sweeper.user_code.process_state import process_kept

Value = TypeVar("Value")
Arguments = ParamSpec("Arguments")
Engine = Callable[[Task, Sequence[Trial], int], Iterable[TrialResult]]
"""(task, trials, slots) -> one result for every trial, in any order."""


def one_by_one(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
    """The reference engine on each of `trials`."""
    for trial in trials:
        yield train(task, trial)


ENGINES: dict[str, Engine] = {
    "reference": one_by_one,
    "fused": train_stack,
    "compiled": partial(train_stack, compiled=True),
}

PREFLIGHT_SECONDS = 60.0
"""Most seconds for the preflight of model and data; what hangs then fails in its trials."""


_TRAINING = threading.RLock()
"""Held by the thread that trains, measures or tries models at present."""


def one_at_a_time(function: Callable[Arguments, Value]) -> Callable[Arguments, Value]:
    """`function`, of which no second call begins in this process before the first has ended.

    Random generators, default precision, number of threads and the deadline belong to the process. Pools
    whose workers have several threads would mix them up between trials; such calls wait for each other.
    """

    @wraps(function)
    def alone(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        with _TRAINING:
            return function(*args, **kwargs)

    return alone


@one_at_a_time
def check_configurations(task: Task, index: int | None = None) -> list[str]:
    """`preflight.check_configurations`, as long as it takes at most `PREFLIGHT_SECONDS`."""
    with watchdog.deadline(min(task.study.training.timeout, PREFLIGHT_SECONDS)):
        return preflight.check_configurations(task, index)


@one_at_a_time
def layer_notes(task: Task) -> dict[str, Any]:
    """What a plan says of layers and loss: `preflight.swapped_layers`, `unmeasured`, `step_summary`."""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        line, roles = preflight.swapped_layers(task)
        notes = {"swapped": line, "layer_roles": roles, "unmeasured": unmeasured(task)}
        return {**notes, "step": preflight.step_summary(task)}


@one_at_a_time
def refusals(task: Task, turn: int = 0, turns: int = 1) -> dict[str, str]:
    """`planning.refusals`"""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        return planning.refusals(task, turn, turns)


@one_at_a_time
def penalizable(task: Task, trials: Sequence[Trial]) -> list[Trial]:
    """`shapes.penalizable`"""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        return shapes.penalizable(task, trials)


@one_at_a_time
def measure(
    task: Task,
    trials: Sequence[Trial],
    processes: int,
    sizes: int | None = None,
    begun: Sequence[planning.Measured] = (),
) -> planning.Measured:
    """`planning.measure`"""
    with watchdog.deadline(PREFLIGHT_SECONDS), refusing():
        return planning.measure(task, trials, processes, sizes, begun)


@one_at_a_time
def measure_compiled(task: Task, trials: Sequence[Trial], processes: int) -> compiling.Timing | str:
    """`compiling.measure`, or why nothing could be compiled."""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        try:
            with user_code():
                return compiling.measure(task, trials, processes)
        except NotCompiled as reason:
            return str(reason)
        except Exception as error:  # the model's own: its trials will tell
            return reason_of(error)


@one_at_a_time
def seconds_to_set_up(task: Task, trial: Trial, compiled: bool) -> float:
    """`set_up.seconds`"""
    with watchdog.deadline(PREFLIGHT_SECONDS), refusing():
        return set_up.seconds(task, trial, compiled)


@one_at_a_time
def guess(task: Task, seeds: Sequence[int]) -> dict[str, Any]:
    """`guessing.guessing`, as long as it takes at most `PREFLIGHT_SECONDS`."""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        return guessing(task, seeds)


@one_at_a_time
def where(task: Task) -> dict[str, str]:
    """`provenance.provenance`, as long as it takes at most `PREFLIGHT_SECONDS`."""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        return provenance(task)


@one_at_a_time
def code(task: Task) -> dict[str, str]:
    """`provenance.code_prints`, as long as it takes at most `PREFLIGHT_SECONDS`."""
    with watchdog.deadline(PREFLIGHT_SECONDS):
        return code_prints(task)


@one_at_a_time
def with_threads(
    threads: int, function: Callable[..., Value], arguments: Any, options: Mapping[str, Any]
) -> Value:
    """What `function` gives, with as many `threads` as the driver would have."""
    with process_kept():
        torch.set_num_threads(threads)
        return function(*arguments, **options)


@one_at_a_time
def sharpness(task: Task, trial: Trial, last: int) -> SharpnessResult:
    """`sharpness_curve.sharpness_result`"""
    with watchdog.deadline(2 * task.study.training.timeout):  # a training, and the measurements on the way
        return sharpness_result(task, trial, last)


@one_at_a_time
def train_cohort(task: Task, cohort: Cohort) -> list[TrialResult]:
    """One result for every trial of the cohort.

    Whatever the model raises becomes the reason of a failed trial. If trials were training together,
    those without a result are trained one by one, so that the others go unharmed; they say what the stack
    raised.
    """
    torch.set_num_threads(cohort.threads)
    load_splits(task, cohort.trials)
    start = time.perf_counter()
    results: list[TrialResult] = []
    slots = cohort.slots_on(this_machine().processor)
    each = task.study.training.timeout
    limit = each * math.ceil(len(cohort.trials) / slots)
    try:
        with user_code(), watchdog.deadline(limit if math.isfinite(limit) else None, each):
            refuse_row_broadcast(task, cohort.trials)
            for result in ENGINES[cohort.engine](task, cohort.trials, slots):
                results.append(result)
    except Exception as error:  # the model, the loss or torch: all are this trial's own failure
        if cohort.engine == "reference" and len(cohort.trials) == 1:
            seconds = time.perf_counter() - start
            return [failed(cohort.trials[0], reason_of(error), cohort.engine, seconds=seconds)]
        done = {(result.trial.number, result.trial.seed) for result in results}
        for single in singles([t for t in cohort.trials if (t.number, t.seed) not in done]):
            results += [replace(r, unstacked=reason_of(error)) for r in train_cohort(task, single)]
    return results
