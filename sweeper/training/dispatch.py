"""Trials trained in worker processes: what is handed out, and what is tried again when a process has died."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sweeper.training import work
from sweeper.training.calls import Work, attempt, outcomes
from sweeper.training.cohort import Cohort, singles
from sweeper.training.pool.interface import Done, Pool, Shared
from sweeper.training.reasons import reason_of
from sweeper.training.setup import Task
from sweeper.trial import SharpnessResult, Trial, TrialResult, failed


def train_all(
    pool: Pool, task: Shared[Task], cohorts: Sequence[Cohort], stop: Callable[[], bool] = lambda: False
) -> Iterator[list[TrialResult]]:
    """Results of the cohorts in the order in which these finish; each trial exactly once.

    When a cohort is lost with its worker, its trials are tried again one by one, as many at once as the pool
    is wide. One that is lost once more is recorded as failed if it has ended its process itself. Where
    something else may have, a neighbour that took all memory or the end of the machine, it is tried by itself
    at the end. No cohort is started once `stop` says so.
    """
    lost: list[Trial] = []
    calls = ((work.train_cohort, (task, cohort)) for cohort in cohorts if not stop())
    for position, done in outcomes(pool, calls):
        trials = cohorts[position].trials
        if done.lost is None:
            yield _results(trials, done, task.value)
        else:
            lost += trials
    suspects: list[Trial] = []
    again = singles(lost)
    starts: dict[int, float] = {}
    for position, done in outcomes(pool, _timed(task, again, starts)):
        if done.lost is not None and not done.lost.own:
            suspects += again[position].trials
        else:
            seconds = time.perf_counter() - starts[position]
            yield _results(again[position].trials, done, task.value, seconds)
    for single in singles(suspects):
        start = time.perf_counter()
        done = attempt(pool, work.train_cohort, task, single)
        yield _results(single.trials, done, task.value, time.perf_counter() - start)


def _timed(task: Shared[Task], cohorts: Sequence[Cohort], starts: dict[int, float]) -> Iterator[Work]:
    """Calls that train `cohorts`; when each was handed out goes to `starts`, by its position."""
    for position, cohort in enumerate(cohorts):
        starts[position] = time.perf_counter()
        yield work.train_cohort, (task, cohort)


def _results(trials: Sequence[Trial], done: Done, task: Task, seconds: float = 0.0) -> list[TrialResult]:
    """What a call gives for the trials of its cohort."""
    if done.lost is None and done.error is None:
        return [replace(result, host=done.host) for result in done.value]
    return [_failed(trial, done, task, seconds) for trial in trials]


def _failed(trial: Trial, done: Done, task: Task, seconds: float = 0.0) -> TrialResult:
    """The outcome of a trial without a result."""
    return replace(failed(trial, _reason(done, task), "reference", seconds=seconds), host=done.host)


def _reason(done: Done, task: Task) -> str:
    """Why a call has no value."""
    if done.error is not None:
        return reason_of(done.error)
    assert done.lost is not None
    if not done.lost.timeout:
        return done.lost.reason
    limit = task.study.training.timeout
    return f"timeout: more than {limit:g} s without finishing a step; its process was ended{done.lost.place}"


def retrain_and_measure(
    pool: Pool, task: Shared[Task], retrained: Trial | None, measured: Sequence[tuple[Trial, int]]
) -> Iterator[TrialResult | SharpnessResult]:
    """Train `retrained` by the reference engine, and meanwhile measure the sharpness of others.

    Yields results in any order: a `TrialResult` of `retrained`, a `SharpnessResult` of each (trial, last
    step) of `measured`. One whose worker process dies is failed: nothing depends on it.
    """
    trials = [*([] if retrained is None else [retrained]), *(trial for trial, _ in measured)]
    first: list[Work] = [
        (work.train_cohort, (task, Cohort((t,)))) for t in trials[: len(trials) - len(measured)]
    ]
    calls = [*first, *((work.sharpness, (task, *each)) for each in measured)]
    for position, done in outcomes(pool, calls):
        ended = done.lost is not None or done.error is not None
        if position < len(first):
            yield _results([trials[position]], done, task.value)[0]
        else:
            trial = trials[position]
            yield SharpnessResult(trial, 0.0, reason=_reason(done, task.value)) if ended else done.value
