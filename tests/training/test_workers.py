"""Worker processes: whoever misbehaves fails alone and with a reason, the others go unharmed."""

import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from misbehaving import data

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training import work, workers
from sweeper.training.cohort import Cohort, singles
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Outcome, Trial, TrialResult

HELPERS = Path(__file__).parents[1] / "helpers"
LIMIT = 2.0
"""Seconds a trial may take."""


@pytest.fixture(scope="module")
def task() -> Task:
    """Six steps of a tiny model."""
    study = Study(
        name="misbehaving",
        folder=HELPERS,
        model={"source": "misbehaving:model"},
        data=data,
        training={"steps": 6, "batch_size": 8, "evaluations": 2, "timeout": LIMIT, "device": "cpu"},
        search={
            "space": {
                "optimizer": "sgd",
                "activation": "relu",
                "learning_rate": 0.1,
                "model.way": ["fine", "exit"],
            }
        },
    )
    return Task(study, load(data, loss_task="classification"))


@pytest.fixture(scope="module")
def patient(task: Task) -> Task:
    """The same task with a limit that is never reached: it would end this very process."""
    training = task.study.training.model_copy(update={"timeout": 3600.0})
    return Task(task.study.model_copy(update={"training": training}), task.data)


@pytest.fixture(scope="module")
def pool() -> Iterator[ExitStack]:
    """Two workers; closing the stack ends them."""
    with ExitStack() as stack:
        stack.enter_context(workers.processes(2))
        yield stack


def trial(number: int, way: str) -> Trial:
    """A trial that goes this way."""
    parameters = {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, "model.way": way}
    return Trial(number, "explore", 0, parameters)


def where(item: int) -> tuple[int, int]:
    """The item, and the process that this runs in."""
    return item, os.getpid()


def only_here(process: int, item: int) -> int:
    """The item; ends every process but one."""
    if os.getpid() != process:
        os._exit(1)
    return item


def test_workers_start_before_they_are_asked(pool: ExitStack) -> None:
    """All import at once."""
    workers.start()
    assert len(get_reusable_executor(reuse=True)._processes) == 2
    workers._calls(2)  # waits until they are up
    workers.start()  # again: nothing


def test_each_culprit_fails_alone_with_its_reason(task: Task, patient: Task, pool: ExitStack) -> None:
    """Crashed, hung in C, raised, ran out of memory, turned NaN: nobody else is harmed."""
    ways = ["segfault", "hang in C", "fine", "raise", "memory", "nan", "fine", "fine"]
    trials = [trial(number, way) for number, way in enumerate(ways)]
    results = [result for group in workers.train_all(task, singles(trials), jobs=2) for result in group]
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
    expected = train(patient, trials[2])
    fine = [result for result in results if result.trial.parameters["model.way"] == "fine"]
    assert len(fine) == 3
    for result in fine:
        assert replace(result, seconds=0.0) == replace(expected, trial=result.trial, seconds=0.0)


@pytest.mark.parametrize("seed", range(20))
def test_every_trial_comes_back_once_whoever_ends_its_process(
    task: Task, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Cohorts of any size, any number of jobs, any culprits, results lost at a death: these alone fail."""
    generator = np.random.default_rng(seed)
    jobs = int(generator.integers(1, 4))
    ways = generator.choice(["fine", "exit"], size=30, p=[0.8, 0.2]).tolist()
    trials = [trial(number, way) for number, way in enumerate(ways)]
    cohorts = []
    while left := trials[sum(len(cohort.trials) for cohort in cohorts) :]:
        cohorts.append(Cohort(tuple(left[: int(generator.integers(1, 6))])))

    def pool(
        task: Task, cohorts: Sequence[Cohort], jobs: int, stop: object
    ) -> Iterator[tuple[int, list[TrialResult]]]:
        waiting, under_way = list(enumerate(cohorts)), []
        while waiting or under_way:
            while waiting and len(under_way) < jobs:
                under_way.append(waiting.pop(0))
            place, cohort = under_way.pop(int(generator.integers(len(under_way))))
            if any(t.parameters["model.way"] == "exit" for t in cohort.trials):
                raise TerminatedWorkerError("EXIT(1)")
            if generator.random() < 0.9:  # else it was finished, and not yet fetched when another one died
                yield (
                    place,
                    [TrialResult(t, Outcome.COMPLETED, 1.0, 6, 0.1, "made up") for t in cohort.trials],
                )
            else:
                under_way.append((place, cohort))

    monkeypatch.setattr(workers, "_stream", pool)
    results = [result for group in workers.train_all(task, cohorts, jobs=jobs) for result in group]
    assert sorted(result.trial.number for result in results) == list(range(30))
    for result in results:
        assert (result.outcome == Outcome.FAILED) == (result.trial.parameters["model.way"] == "exit")


def test_results_stream_back_as_they_come(patient: Task, pool: ExitStack, tmp_path: Path) -> None:
    """A slow trial holds nobody up: the others are back before it has ended."""
    gate = tmp_path / "gate"
    cohorts = singles([trial(0, f"wait for {gate}"), *(trial(number, "fine") for number in range(1, 4))])
    stream = workers.train_all(patient, cohorts, jobs=2)
    assert [next(stream)[0].trial.number for _ in range(3)] == [1, 2, 3]
    gate.touch()
    assert [group[0].trial.number for group in stream] == [0]


def test_nothing_is_started_after_stop(task: Task, pool: ExitStack) -> None:
    """What is under way is finished; the rest is left."""
    cohorts = singles([trial(number, "slow") for number in range(30)])
    seen: list[int] = []
    for group in workers.train_all(task, cohorts, jobs=2, stop=lambda: bool(seen)):  # noqa: B023
        seen += [result.trial.number for result in group]
    assert 1 <= len(seen) <= 5
    assert sorted(seen) == list(range(len(seen)))


def test_a_rehearsal_survives_a_model_that_ends_its_process(
    task: Task, patient: Task, pool: ExitStack
) -> None:
    """One problem per configuration, none here; where the process dies, that is one."""
    assert workers.rehearse_apart(patient) == ["", ""]
    dying = Study(
        name="dying",
        folder=HELPERS,
        data=data,
        model={"source": "misbehaving:model"},
        training={"steps": 1, "device": "cpu"},
        search={"space": {"activation": "relu", "model.way": ["exit at once", "fine", "raise"]}},
    )
    died = "model 'misbehaving:model' cannot be trained: its worker process ended: exit code 1"
    *ended, last = workers.rehearse_apart(Task(dying, task.data))
    assert set(ended) == {died}
    assert last == ""  # what comes after the first that lives is not looked at


def test_a_block_inside_another_uses_its_processes(patient: Task, pool: ExitStack) -> None:
    """They live on when the inner block ends."""
    assert workers.rehearse_apart(patient) == ["", ""]
    processes = dict(get_reusable_executor(reuse=True)._processes)
    with workers.processes(2):
        assert workers.rehearse_apart(patient) == ["", ""]
    assert dict(get_reusable_executor(reuse=True)._processes) == processes
    assert all(process.is_alive() for process in processes.values())


def test_work_is_shared_with_a_worker(pool: ExitStack) -> None:
    """Results in order, of the last ones from another process; few items stay here."""
    found = workers.side_by_side(where, range(10))
    assert [item for item, _ in found] == list(range(10))
    assert [process == os.getpid() for _, process in found] == [True] * 6 + [False] * 4
    assert workers.side_by_side(where, [7, 8]) == [(7, os.getpid()), (8, os.getpid())]
    assert workers.side_by_side(where, []) == []


def test_work_that_ends_its_worker_is_done_here(pool: ExitStack) -> None:
    """As if there had been no worker."""
    assert workers.side_by_side(partial(only_here, os.getpid()), range(5)) == list(range(5))


def test_workers_end_with_their_block(patient: Task, pool: ExitStack) -> None:
    """No process stays behind, whatever it is doing. The last test that has these workers."""
    stream = workers.train_all(patient, singles([trial(0, "hang"), trial(1, "fine")]), jobs=2)
    assert next(stream)[0].trial.number == 1
    processes = list(get_reusable_executor(reuse=True)._processes.values())
    assert any(process.is_alive() for process in processes)
    pool.close()
    for process in processes:
        process.join(5)
        assert not process.is_alive()


def test_a_block_may_end_while_its_workers_start(pool: ExitStack) -> None:
    """None of them stays."""
    pool.close()  # a block inside of it would use its processes
    with workers.processes(2):
        workers.start()
        time.sleep(0.3)
        processes = list(get_reusable_executor(reuse=True)._processes.values())
    assert processes
    assert not any(process.is_alive() for process in processes)


# In this process: what a worker does with a cohort.


def test_a_stack_that_breaks_is_finished_one_by_one(patient: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results that came before stand; the others come from the reference engine, the culprit's too."""
    trials = [trial(0, "fine"), trial(1, "fine"), trial(2, "raise"), trial(3, "fine")]

    def breaks(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
        yield replace(train(task, trials[1]), engine="stack")
        raise RuntimeError("one of you")

    monkeypatch.setitem(work.ENGINES, "stack", breaks)
    results = work.train_cohort(patient, Cohort(tuple(trials), "stack", slots=2))
    assert [(r.trial.number, r.engine, r.outcome) for r in results] == [
        (1, "stack", Outcome.COMPLETED),
        (0, "reference", Outcome.COMPLETED),
        (2, "reference", Outcome.FAILED),
        (3, "reference", Outcome.COMPLETED),
    ]


def test_a_stack_of_one_that_breaks_is_tried_by_the_reference_engine(
    patient: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be stacked can still be trained."""

    def breaks(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
        raise RuntimeError("no batching rule")
        yield

    monkeypatch.setitem(work.ENGINES, "stack", breaks)
    (result,) = work.train_cohort(patient, Cohort((trial(0, "fine"),), "stack"))
    assert (result.engine, result.outcome) == ("reference", Outcome.COMPLETED)


@pytest.mark.parametrize("objective", [-math.inf, math.inf, math.nan])
def test_an_objective_that_is_no_number_is_divergence(
    patient: Task, monkeypatch: pytest.MonkeyPatch, objective: float
) -> None:
    """No engine can make minus infinity the best of a study."""

    def engine(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
        yield TrialResult(trials[0], Outcome.COMPLETED, objective, 6, 0.1, "stack")

    monkeypatch.setitem(work.ENGINES, "stack", engine)
    (result,) = work.train_cohort(patient, Cohort((trial(0, "fine"),), "stack"))
    assert result.outcome == Outcome.DIVERGED
    assert math.isnan(result.objective)
    assert result.reason == f"objective {objective} at step 6"


def test_a_long_message_is_one_short_line(patient: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason fits a table cell."""

    def engine(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
        raise RuntimeError("line\n" * 1000)
        yield

    monkeypatch.setitem(work.ENGINES, "reference", engine)
    (result,) = work.train_cohort(patient, Cohort((trial(0, "fine"),)))
    assert result.reason.startswith("RuntimeError: line line")
    assert len(result.reason) < 600
    assert "\n" not in result.reason


def test_the_time_limit_of_a_cohort_grows_with_its_waves(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten trials in four slots may take three times as long as one."""
    limits = []

    @contextmanager
    def deadline(seconds: float) -> Iterator[None]:
        limits.append(seconds)
        yield

    monkeypatch.setattr(work.watchdog, "deadline", deadline)
    monkeypatch.setitem(work.ENGINES, "stack", lambda task, trials, slots: ())
    work.train_cohort(task, Cohort(tuple(trial(n, "fine") for n in range(10)), "stack", slots=4))
    assert limits == [3 * LIMIT]
