"""What worker processes do, whatever the process is: one piece of work at a time."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from equivalence import numbered, task_of
from misbehaving import data

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training import work
from sweeper.training.cohort import Cohort
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.training.work import one_at_a_time, train_cohort
from sweeper.trial import Outcome, Trial, TrialResult


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def at_once(*calls: object) -> None:
    """Every call in a thread of its own."""
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def test_threads_take_turns() -> None:
    """A second call waits for the end of the first, of any function; calls inside calls do not."""
    inside: list[str] = []
    most: list[int] = []

    def busy(name: str) -> None:
        inside.append(name)
        most.append(len(inside))
        time.sleep(0.02)
        inside.remove(name)

    @one_at_a_time
    def first(name: str) -> None:
        busy(name)

    @one_at_a_time
    def second(name: str) -> None:
        first(name)

    at_once(*(lambda f=f, k=k: f(f"{k}") for k, f in enumerate([first, second] * 3)))
    assert most == [1] * 6


@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_cohorts_of_several_threads_give_what_they_give_alone(engine: str) -> None:
    """Seeds and default precision are the process's: four threads at once change no number of each other."""
    model = {"source": "mlp", "depth": 2, "width": 8, "dropout": 0.3}
    tasks = [
        task_of(model=model, dtype=dtype, steps=12, evaluations=3) for dtype in ("float64", "float32")
    ] * 2
    cohorts = [
        Cohort(tuple(numbered([{"learning_rate": rate}] * 2, seeds=(k, k + 1))), engine, 2)
        for k, rate in enumerate((0.01, 0.02, 0.03, 0.04))
    ]
    alone = [train_cohort(task, cohort) for task, cohort in zip(tasks, cohorts, strict=True)]
    found: dict[int, list[TrialResult]] = {}

    def train(k: int) -> None:
        found[k] = train_cohort(tasks[k], cohorts[k])

    at_once(*(lambda k=k: train(k) for k in range(4)))
    assert [[r.curves for r in found[k]] for k in range(4)] == [[r.curves for r in each] for each in alone]
    assert torch.get_default_dtype() == torch.float32


def test_all_that_trains_takes_turns() -> None:
    """Every function of a worker that trains, tries or measures waits its turn."""
    names = ["check_configurations", "refusals", "measure", "measure_compiled", "sharpness", "train_cohort"]
    assert all(hasattr(getattr(work, name), "__wrapped__") for name in names)


# What a worker does with a cohort


def misbehaving(timeout: float) -> Task:
    """Six steps of a tiny model."""
    study = Study(
        name="misbehaving",
        folder=Path(__file__).parents[1] / "helpers",
        model={"source": "misbehaving:model"},
        data=data,
        training={"steps": 6, "batch_size": 8, "evaluations": 2, "timeout": timeout, "device": "cpu"},
        search={"space": {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1}},
    )
    return Task(study, load(data, loss_task="classification"))


@pytest.fixture(scope="module")
def patient() -> Task:
    """With a limit that is never reached: it would end this very process."""
    return misbehaving(3600.0)


def trial(number: int, way: str) -> Trial:
    """A trial that goes this way."""
    parameters = {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, "model.way": way}
    return Trial(number, "explore", 0, parameters)


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


def test_the_time_limit_of_a_cohort_grows_with_its_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten trials in four slots may take three times as long as one to begin; then each has its own."""
    limits = []

    @contextmanager
    def deadline(seconds: float, each: float) -> Iterator[None]:
        limits.append((seconds, each))
        yield

    monkeypatch.setattr(work.watchdog, "deadline", deadline)
    monkeypatch.setitem(work.ENGINES, "stack", lambda task, trials, slots: ())
    work.train_cohort(misbehaving(2.0), Cohort(tuple(trial(n, "fine") for n in range(10)), "stack", slots=4))
    assert limits == [(3 * 2.0, 2.0)]
