"""Trials trained in worker processes: what is handed out, and what is tried again when a process has died."""

import time
from collections.abc import Callable, Iterator, Sequence

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

    When a worker process dies, the trials of its cohort are tried again one by one, and those that were alone
    in it by themselves, with nothing beside them that could be the culprit: one whose process dies again is
    recorded as failed. No cohort is started once `stop` says so.
    """
    lost: list[Trial] = []
    suspects: list[Trial] = []
    calls = ((work.train_cohort, (task, cohort)) for cohort in cohorts if not stop())
    for position, done in outcomes(pool, calls):
        trials = cohorts[position].trials
        if done.lost is None:
            yield done.value if done.error is None else [_failed(trial, done, task.value) for trial in trials]
        else:
            (suspects if len(trials) == 1 else lost).extend(trials)
    if lost:
        yield from train_all(pool, task, singles(lost), stop)
    for trial in suspects:
        yield [_alone(pool, task, trial)]


def _alone(pool: Pool, task: Shared[Task], trial: Trial) -> TrialResult:
    """Train one suspect by itself; if its process dies again, that is its outcome."""
    start = time.perf_counter()
    done = attempt(pool, work.train_cohort, task, Cohort((trial,)))
    if done.lost is None and done.error is None:
        result: TrialResult = done.value[0]
        return result
    return _failed(trial, done, task.value, time.perf_counter() - start)


def _failed(trial: Trial, done: Done, task: Task, seconds: float = 0.0) -> TrialResult:
    """The outcome of a trial without a result."""
    return failed(trial, _reason(done, task), "reference", seconds=seconds)


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
            yield _failed(trials[position], done, task.value) if ended else done.value[0]
        else:
            trial = trials[position]
            yield SharpnessResult(trial, 0.0, reason=_reason(done, task.value)) if ended else done.value
