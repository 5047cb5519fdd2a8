"""Trials in worker processes: whoever misbehaves fails alone and with a reason, the others go unharmed."""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from misbehaving_trials import task_of, trial
from pools import SerialPool

from sweeper.training import work
from sweeper.training.calls import AGAIN, attempt
from sweeper.training.cohort import Cohort, singles
from sweeper.training.dispatch import retrain_and_measure, train_all
from sweeper.training.guessing import guessing
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Call, Done, Lost, Pool, Shared
from sweeper.training.pool.local import local_pool
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Outcome, SharpnessResult, Trial, TrialResult

LIMIT = 1.0
"""Seconds a trial may take."""
DIED = "its worker process ended: exit code 1"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two workers."""
    with ExitStack() as stack:
        yield stack.enter_context(local_pool(2, initialize_worker))


@pytest.fixture(scope="module")
def task(pool: Pool) -> Shared[Task]:
    """For the workers."""
    return pool.share(task_of(LIMIT))


@pytest.fixture(scope="module")
def patient(pool: Pool) -> Shared[Task]:
    """The same task with a limit that is never reached: it would end this very process."""
    return pool.share(task_of(3600.0))


def test_each_culprit_fails_alone_with_its_reason(
    pool: Pool, task: Shared[Task], patient: Shared[Task]
) -> None:
    """Crashed, hung in C, raised, ran out of memory, turned NaN: nobody else is harmed."""
    ways = ["segfault", "hang in C", "fine", "raise", "memory", "nan", "fine", "fine"]
    trials = [trial(number, way) for number, way in enumerate(ways)]
    results = [result for group in train_all(pool, task, singles(trials)) for result in group]
    assert sorted(result.trial.number for result in results) == list(range(len(ways)))
    found = {result.trial.parameters["model.way"]: result for result in results}
    assert {way: result.outcome for way, result in found.items()} == {
        **dict.fromkeys(("segfault", "raise", "hang in C", "memory"), Outcome.FAILED),
        "nan": Outcome.DIVERGED,
        "fine": Outcome.COMPLETED,
    }
    assert found["raise"].reason == "ValueError: this activation will not do (misbehaving.py:33)"
    assert "memory" in found["memory"].reason
    place = r"\(misbehaving\.py:\d+\)"  # where it called ctypes, and re
    assert re.fullmatch(r"its worker process ended: signal SIGSEGV " + place, found["segfault"].reason)
    told = f"timeout: more than {LIMIT:g} s without finishing a step; its process was ended "
    assert re.fullmatch(re.escape(told) + place, found["hang in C"].reason)
    expected = train(patient.value, trials[2])
    fine = [result for result in results if result.trial.parameters["model.way"] == "fine"]
    assert len(fine) == 3
    for result in fine:
        assert replace(result, seconds=0.0) == replace(expected, trial=result.trial, seconds=0.0)


class MadeUpPool(SerialPool):
    """Two workers; gives back made-up results, and loses calls of trials that exit."""

    width = 2

    def done(self, call: Call, *, spared: bool = True) -> Done:
        """What becomes of a call; all are lost that are not `spared`."""
        _, (_, cohort) = self._calls.pop(call)
        if not spared or any(t.parameters["model.way"] == "exit" for t in cohort.trials):
            return Done(call, lost=Lost(DIED))
        return Done(call, [TrialResult(t, Outcome.COMPLETED, 1.0, 6, 0.1, "made up") for t in cohort.trials])

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        return self.done(next(iter(calls)))


class RandomPool(MadeUpPool):
    """Gives them back in any order, and loses others now and then."""

    def __init__(self, generator: np.random.Generator) -> None:
        super().__init__()
        self.width, self._generator = int(generator.integers(1, 4)), generator

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        call = list(calls)[int(self._generator.integers(len(calls)))]
        return self.done(call, spared=len(calls) == 1 or self._generator.random() >= 0.1)


@pytest.mark.parametrize("seed", range(20))
def test_every_trial_comes_back_once_whoever_ends_its_process(seed: int) -> None:
    """Cohorts of any size, any number of workers, innocent ones lost as well: culprits alone fail."""
    generator = np.random.default_rng(seed)
    ways = generator.choice(["fine", "exit"], size=30, p=[0.8, 0.2]).tolist()
    trials = [trial(number, way) for number, way in enumerate(ways)]
    cohorts = []
    while left := trials[sum(len(cohort.trials) for cohort in cohorts) :]:
        cohorts.append(Cohort(tuple(left[: int(generator.integers(1, 6))])))
    pool: Any = RandomPool(generator)
    groups = list(train_all(pool, pool.share(task_of(LIMIT)), cohorts))
    results = [result for group in groups for result in group]
    assert sorted(result.trial.number for result in results) == list(range(30))
    for result in results:
        assert (result.outcome == Outcome.FAILED) == (result.trial.parameters["model.way"] == "exit")
        assert result.reason == (DIED if result.outcome == Outcome.FAILED else "")


class LatePool(RandomPool):
    """Ends each stack, as one that makes no progress."""

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        stack = len(self._calls[next(iter(calls))][1][1].trials) > 1
        done = super().next_done(list(calls)[:1])
        return Done(done.call, lost=Lost(DIED, timeout=True, own=True)) if stack else done


def test_trials_of_a_stack_that_was_ended_say_so() -> None:
    """They are trained one by one, and the run tells why, and that its plan does not hold."""
    cohorts = [Cohort((trial(0, "fine"), trial(1, "fine"))), *singles([trial(2, "fine")])]
    pool: Any = LatePool(np.random.default_rng(0))
    results = [r for group in train_all(pool, pool.share(task_of(LIMIT)), cohorts) for r in group]
    told = {result.trial.number: result.unstacked for result in results}
    assert [number for number, why in sorted(told.items()) if "without finishing a step" in why] == [0, 1]
    assert told[2] == ""


class StoppedPool(MadeUpPool):
    """Each call's worker is stopped, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = Counter[tuple[int, int]]()
        self.times = times

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        call = next(iter(calls))
        cohort = self._calls[call][1][1]
        self.left[len(cohort.trials), cohort.trials[0].number] += 1
        if self.left[len(cohort.trials), cohort.trials[0].number] <= self.times:
            self._calls.pop(call)
            return Done(call, lost=Lost("stopped", given_up=True))
        return self.done(call)


@pytest.mark.parametrize(("times", "failed"), [(AGAIN, 0), (100, 4)])
def test_a_trial_is_not_blamed_for_workers_that_are_stopped(times: int, failed: int) -> None:
    """It is trained again, some times more than one whose worker has ended; then it fails with the reason."""
    cohorts = [Cohort((trial(0, "fine"), trial(1, "fine"))), *singles([trial(2, "fine"), trial(3, "fine")])]
    pool: Any = StoppedPool(times)
    results = [r for group in train_all(pool, pool.share(task_of(LIMIT)), cohorts) for r in group]
    assert sorted(result.trial.number for result in results) == [0, 1, 2, 3]
    assert [result.reason for result in results if result.outcome == Outcome.FAILED] == ["stopped"] * failed
    again: Any = StoppedPool(times)
    lost = attempt(again, work.train_cohort, again.share(task_of(LIMIT)), cohorts[1]).lost
    assert (lost is not None) == bool(failed)


def test_nothing_else_runs_beside_a_trial_that_is_tried_by_itself() -> None:
    """What was begun beside is ended before, and only then."""
    pool, cleared = MadeUpPool(), list[int]()
    trials = [trial(0, "fine"), trial(1, "exit"), trial(2, "fine")]
    shared: Any = pool.share(task_of(LIMIT))
    waiting: Any = pool
    given = [Cohort(tuple(trials))]
    found = list(train_all(waiting, shared, given, clear=lambda: cleared.append(len(pool._calls))))
    results = {result.trial.number: result.outcome for group in found for result in group}
    assert results == {0: Outcome.COMPLETED, 1: Outcome.FAILED, 2: Outcome.COMPLETED}
    assert cleared == [0]
    cleared.clear()
    fine = [Cohort((trials[0], trials[2]))]
    assert len(list(train_all(waiting, shared, fine, clear=lambda: cleared.append(1)))) == 1
    assert cleared == []


def test_results_stream_back_as_they_come(pool: Pool, patient: Shared[Task], tmp_path: Path) -> None:
    """A slow trial holds nobody up: the others are back before it has ended."""
    gate = tmp_path / "gate"
    cohorts = singles([trial(0, f"wait for {gate}"), *(trial(number, "fine") for number in range(1, 4))])
    stream = train_all(pool, patient, cohorts)
    assert [next(stream)[0].trial.number for _ in range(3)] == [1, 2, 3]
    gate.touch()
    assert [group[0].trial.number for group in stream] == [0]


def test_nothing_is_started_after_stop(pool: Pool, task: Shared[Task]) -> None:
    """What is under way is finished; the rest is left."""
    cohorts = singles([trial(number, "slow") for number in range(30)])
    seen: list[int] = []
    for group in train_all(pool, task, cohorts, stop=lambda: bool(seen)):  # noqa: B023
        seen += [result.trial.number for result in group]
    assert 1 <= len(seen) <= 4
    assert sorted(seen) == list(range(len(seen)))


class Unreadable:
    """A parameter that a worker cannot make sense of."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def test_a_trial_that_cannot_be_read_by_workers_fails(pool: Pool, task: Shared[Task]) -> None:
    """With the reason; nothing is raised here."""
    unreadable = Trial(0, "explore", 0, {"model.way": Unreadable()})
    ((result,),) = train_all(pool, task, singles([unreadable]))
    assert result.outcome == Outcome.FAILED
    assert "invalid literal for int() with base 10: 'no number'" in result.reason


def test_the_winner_is_retrained_while_others_are_measured(
    pool: Pool, task: Shared[Task], patient: Shared[Task]
) -> None:
    """Each as this process would; one whose process dies is failed, and nobody else."""
    winner, others = trial(0, "fine"), [(trial(1, "fine"), 6), (trial(2, "kill"), 6)]
    found: dict[int, Any] = {
        result.trial.number: result
        for result in retrain_and_measure(pool, task, winner, others)
        if not isinstance(result, dict)
    }
    assert [type(found[number]) for number in range(3)] == [TrialResult, SharpnessResult, SharpnessResult]
    assert replace(found[0], seconds=0.0) == replace(train(patient.value, winner), seconds=0.0)
    assert {name for _, name, _ in found[1].curves} >= {"sharpness"}
    assert found[2].curves == ()
    assert found[2].reason.split(";")[0] == "its worker process ended: signal SIGKILL"
    assert list(retrain_and_measure(pool, task, None, [])) == []
    assert list(retrain_and_measure(pool, task, None, [], [3, 4])) == [guessing(patient.value, [3, 4])]
