"""What is found out in workers before a run: models that end their process, studies that cannot travel."""

from dataclasses import replace
from pathlib import Path

import pytest
from misbehaving import data

from sweeper.data.load import load
from sweeper.errors import UserError
from sweeper.study.study import Study
from sweeper.training.calls import attempt
from sweeper.training.guessing import guessing
from sweeper.training.in_workers import preflight_in_workers, prepared_search, share_task, unless_lost
from sweeper.training.pool.interface import Pool
from sweeper.training.setup import Task

HELPERS = Path(__file__).parents[1] / "helpers"
DATA = load(data, loss_task="classification")


@pytest.fixture(scope="module")
def pool(one_worker: Pool) -> Pool:
    """One worker."""
    return one_worker


def study(ways: list[str], **training: float) -> Study:
    """One that tries these ways."""
    return Study(
        name="dying",
        folder=HELPERS,
        data=data,
        model={"source": "misbehaving:model"},
        training={"steps": 1, "device": "cpu", **training},
        search={"space": {"activation": "relu", "model.way": ways}},
    )


@pytest.mark.parametrize(
    ("ways", "problems"),
    [
        (["fine", "exit"], ["", ""]),  # it exits in the third step
        (
            ["exit at once", "fine", "raise"],  # what comes after the first that lives is not looked at
            ["model 'misbehaving:model' cannot be trained: its worker process ended: exit code 1", ""],
        ),
    ],
)
def test_a_preflight_survives_a_model_that_ends_its_process(
    pool: Pool, ways: list[str], problems: list[str]
) -> None:
    """One problem per configuration; where the process dies, that is one."""
    found = preflight_in_workers(pool, share_task(pool, Task(study(ways), DATA)))
    assert (set(found[:-1]), found[-1]) == (set(problems[:-1]), problems[-1])


class Unreadable:
    """Data that a worker cannot make sense of."""

    def __reduce__(self) -> object:
        return int, ("no number",)


def test_a_study_that_cannot_travel_is_one_message(pool: Pool) -> None:
    """Whether the driver cannot write it or the worker cannot read it."""
    advice = "; name functions as package.module:function"
    generator = (row for row in ())
    unsendable = Task(study(["fine"]).model_copy(update={"question": generator}), DATA)
    with pytest.raises(UserError) as caught:
        share_task(pool, unsendable)
    reason = "TypeError: cannot pickle 'generator' object"
    assert str(caught.value) == f"the study cannot be sent to worker processes: {reason}{advice}"
    unreadable = share_task(pool, Task(study(["fine"]), replace(DATA, name=Unreadable())))  # type: ignore[arg-type]
    with pytest.raises(UserError) as caught:
        preflight_in_workers(pool, unreadable)
    reason = "ValueError: invalid literal for int() with base 10: 'no number'"
    assert str(caught.value) == f"the study cannot be sent to worker processes: {reason}{advice}"


def crash(kind: type[BaseException]) -> None:
    """Raises."""
    raise kind


def test_what_is_optional_is_missing_where_its_process_dies(pool: Pool) -> None:
    """Its exceptions are nobody's outcome: they are raised."""
    import os

    assert unless_lost(attempt(pool, os._exit, 1)) is None
    assert unless_lost(attempt(pool, abs, -1)) == 1
    with pytest.raises(KeyError):
        unless_lost(attempt(pool, crash, KeyError))


def test_a_search_is_prepared_in_one_go(pool: Pool) -> None:
    """Its plan, what it was made on, and what guessing scores on the rows of the seeds."""
    task = Task(study(["fine"]), DATA)
    found = prepared_search(pool, share_task(pool, task), jobs=1, engine="reference", seeds=[0, 1])
    assert found.plan.engine == "reference"
    assert set(found.made) >= {"device", "commit"}
    assert found.baselines == guessing(task, [0, 1])
