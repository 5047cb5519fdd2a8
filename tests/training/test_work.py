"""What worker processes do, whatever the process is: one piece of work at a time."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch
from equivalence import numbered, task_of

from sweeper.training import work
from sweeper.training.cohort import Cohort
from sweeper.training.work import one_at_a_time, train_cohort
from sweeper.trial import TrialResult


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
    tasks = [task_of(model=model, dtype=dtype) for dtype in ("float64", "float32")] * 2
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
    names = ["rehearse", "refusals", "measure", "measure_compiled", "sharpness", "train_cohort"]
    assert all(hasattr(getattr(work, name), "__wrapped__") for name in names)
