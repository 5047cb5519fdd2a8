"""Trials trained in worker processes: what is handed out, and what is tried again when a process has died."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sweeper.training import work
from sweeper.training.calls import AGAIN, Work, outcomes
from sweeper.training.cohort import Cohort, singles
from sweeper.training.in_workers import unless_lost
from sweeper.training.pool.interface import Call, Done, Pool, Shared
from sweeper.training.pool.local import core_count
from sweeper.training.reasons import reason_of
from sweeper.training.setup import Task
from sweeper.trial import SharpnessResult, Trial, TrialResult, failed
from sweeper.wording import given


def train_all(
    pool: Pool,
    task: Shared[Task],
    cohorts: Sequence[Cohort],
    stop: Callable[[], bool] = lambda: False,
    more: Callable[[bool], Sequence[Cohort]] = lambda needed: (),
    clear: Callable[[], object] = lambda: None,
) -> Iterator[list[TrialResult]]:
    """Results of the cohorts in the order in which these finish; each trial exactly once.

    When a cohort is lost with its worker, its trials are tried again one by one, before those that wait. One
    that is lost once more is recorded as failed if it has ended its process itself. Where something else may
    have, a neighbour that took all memory or the end of the machine, it is tried by itself once nothing else
    is under way. No cohort is started for the first time once `stop` says so.

    Args:
        pool: workers.
        task: study and data.
        cohorts: what is trained.
        stop: asked before a cohort starts.
        more: what is trained besides; asked whenever fewer cohorts wait than the pool is wide. Its argument
            says whether none waits: else it may answer that there is nothing yet, and is asked again.
        clear: called before a trial is tried by itself: ends what else the pool does.
    """
    queue = _Queue(pool, task, clear)
    queue.waiting.extend(cohorts)
    try:
        while queue.fill(stop, more):
            cohort, done, seconds = queue.next_done()
            queue.hand_out(stop)  # before anybody looks at the result: no worker waits for that
            results = queue.heard(cohort, done, seconds)
            if results:
                yield results
    finally:
        queue.cancel()


@dataclass
class _Queue:
    """Cohorts of one `train_all`."""

    pool: Pool
    task: Shared[Task]
    clear: Callable[[], object]
    waiting: deque[Cohort] = field(default_factory=deque)
    again: deque[Cohort] = field(default_factory=deque)
    """Trials that have lost a worker, one by one."""
    suspects: deque[Cohort] = field(default_factory=deque)
    """Those that have lost two, of which it is not known whether they are to blame."""
    _under_way: dict[Call, tuple[Cohort, bool, float]] = field(default_factory=dict)
    """(cohort, whether it is tried again, when it was handed out)"""
    _alone: bool = False
    _given_up: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How often the worker of a trial was given up, by number and seed."""
    _late: dict[tuple[int, int], str] = field(default_factory=dict)
    """Why the stack of a trial was ended that made no progress, by number and seed."""

    def fill(self, stop: Callable[[], bool], more: Callable[[bool], Sequence[Cohort]]) -> bool:
        """Hand out what there is; whether anything is under way."""
        while len(self.waiting) < self.pool.width and not stop() and (found := more(not self.waiting)):
            self.waiting.extend(found)
        self.hand_out(stop)
        if not self._under_way and self.suspects:
            self._alone = True
            self.clear()
            self._start(self.suspects.popleft(), again=True)
        return bool(self._under_way)

    def hand_out(self, stop: Callable[[], bool]) -> None:
        """As many cohorts as the pool is wide."""
        if self._alone:
            return
        while (self.again or self.waiting) and len(self._under_way) < self.pool.width:
            if self.again:
                self._start(self.again.popleft(), again=True)
            elif stop():
                self.waiting.clear()
            else:
                self._start(self.waiting.popleft(), again=False)

    def _start(self, cohort: Cohort, *, again: bool) -> None:
        call = self.pool.submit(work.train_cohort, self.task, cohort)
        self._under_way[call] = (cohort, again, time.perf_counter())

    def next_done(self) -> tuple[Cohort, Done, float | None]:
        """A cohort, what became of it, and the seconds that it took if it was tried again."""
        done = self.pool.next_done(self._under_way)
        cohort, again, start = self._under_way.pop(done.call)
        return cohort, done, time.perf_counter() - start if again else None

    def heard(self, cohort: Cohort, done: Done, seconds: float | None) -> list[TrialResult]:
        """Results; none where the cohort is tried again."""
        alone, self._alone = self._alone, False
        if seconds is not None and done.lost is not None and done.lost.given_up and self._is_spared(cohort):
            (self.suspects if alone else self.again).append(cohort)
            return []
        if done.lost is None or alone or (seconds is not None and done.lost.own):
            results = _results(cohort.trials, done, self.task.value, seconds or 0.0)
            return [replace(r, unstacked=self._late.get(_key(r.trial), r.unstacked)) for r in results]
        if seconds is None:
            self.again.extend(singles(cohort.trials))
            if done.lost.timeout and len(cohort.trials) > 1:
                self._late |= dict.fromkeys(map(_key, cohort.trials), _reason(done, self.task.value))
        else:
            self.suspects.append(cohort)
        return []

    def _is_spared(self, cohort: Cohort) -> bool:
        """Whether a trial is tried again although it was lost more than once: workers come and go."""
        key = _key(cohort.trials[0])
        self._given_up[key] += 1
        return self._given_up[key] <= AGAIN

    def cancel(self) -> None:
        """Nobody asks for more."""
        for call in self._under_way:
            self.pool.cancel(call)


def _key(trial: Trial) -> tuple[int, int]:
    return trial.number, trial.seed


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
    return (
        f"timeout: more than {given(limit)} s without finishing a step; its process was "
        f"ended{done.lost.place}"
    )


SHORT = 2.0
"""Seconds of a training up to which its measurement leaves a worker's core to the driver."""


def takes_all_cores(pool: Pool, seconds: float) -> bool:
    """Whether workers here take all cores, with trainings that last `seconds` each: a second or two."""
    return pool.width >= core_count() and 0 < seconds < SHORT


def retrain_and_measure(
    pool: Pool,
    task: Shared[Task],
    retrained: Trial | None,
    measured: Sequence[tuple[Trial, int]],
    guessed: Sequence[int] = (),
    spare: Callable[[], int] = lambda: 0,
    begun: Call | None = None,
) -> Iterator[TrialResult | SharpnessResult | dict[str, Any] | None]:
    """Train `retrained` by the reference engine, and meanwhile measure the sharpness of others.

    Yields results as they come: a `TrialResult` of `retrained`, what guessing scores on the rows of the seeds
    `guessed`, if there are some (these begin first), and a `SharpnessResult` of each (trial, last step) of
    `measured`. One whose worker process dies is failed, or ``None``: nothing depends on it. `spare` says how
    many workers stay free for the driver when a measurement begins. The call that trains `retrained` may have
    `begun`.
    """
    calls: list[Work] = [] if retrained is None else [(work.train_cohort, (task, Cohort((retrained,))))]
    calls += [(work.guess, (task, guessed))] if guessed else []
    before = len(calls)
    calls += [(work.sharpness, (task, *each)) for each in measured]

    def left_free(position: int) -> int:
        return spare() if position >= before else 0

    for position, done in outcomes(pool, calls, left_free, begun):
        if position >= before:
            trial = measured[position - before][0]
            ended = done.lost is not None or done.error is not None
            yield SharpnessResult(trial, 0.0, reason=_reason(done, task.value)) if ended else done.value
        elif position == 0 and retrained is not None:
            yield _results([retrained], done, task.value)[0]
        else:
            yield unless_lost(done)
