"""A training that is begun ahead is taken if it is the one that is needed, and ends unseen if not."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from misbehaving_trials import task_of, trial

from sweeper.training.ahead import Ahead
from sweeper.training.dispatch import retrain_and_measure
from sweeper.training.initialize import initialize_worker
from sweeper.training.plan import Plan
from sweeper.training.pool.interface import Call, Shared
from sweeper.training.pool.local import LocalPool, local_pool
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Trial, TrialResult

STACKS = Plan("fused", 8, 2, alone={"elu": "the model looks at it"})


@pytest.fixture(scope="module")
def task() -> Task:
    """Six steps of a tiny model."""
    return task_of(3600.0)


class Noting(LocalPool):
    """Two workers; what was submitted to them, and cancelled."""

    submitted: list[Call]
    cancelled: list[Call]

    def submit(self, function: object, *arguments: object) -> Call:  # type: ignore[override]
        """`Pool.submit`"""
        self.submitted.append(call := super().submit(function, *arguments))  # type: ignore[arg-type]
        return call

    def cancel(self, call: Call) -> None:
        """`Pool.cancel`"""
        self.cancelled.append(call)
        super().cancel(call)


@pytest.fixture(scope="module")
def opened() -> Iterator[LocalPool]:
    """Two workers."""
    with local_pool(2, initialize_worker) as pool:
        pool.__class__ = Noting
        yield pool


@pytest.fixture
def pool(opened: Noting) -> Noting:
    """Two workers that nobody has used in this test."""
    opened.submitted, opened.cancelled = [], []
    return opened


def retrained(pool: Noting, shared: Shared[Task], asked: Trial, begun: Call | None) -> TrialResult:
    """What `retrain_and_measure` gives for one trial."""
    (result,) = retrain_and_measure(pool, shared, asked, [], begun=begun)
    assert isinstance(result, TrialResult)
    return replace(result, seconds=0.0)


def test_the_training_that_was_begun_is_the_one_that_is_needed(pool: Noting, task: Task) -> None:
    """Its result is that of the reference engine, from one training; a second one is not begun."""
    shared = pool.share(task)
    ahead = Ahead(pool, shared)
    ahead.begin(trial(0), STACKS)
    ahead.begin(trial(1), STACKS)
    found = retrained(pool, shared, trial(0), ahead.take(trial(0)))
    assert found == replace(train(task, trial(0)), seconds=0.0)
    assert len(pool.submitted) == 1
    assert not pool.cancelled


def test_others_are_handed_out_and_come_back_beside_it(pool: Noting, task: Task) -> None:
    """It keeps one worker; its result waits until it is asked for, also where it is done first."""
    ahead = Ahead(pool, pool.share(task))
    ahead.begin(trial(0), STACKS)
    beside = [pool.submit(time.sleep, seconds) for seconds in (0.3, 0.0, 0.3)]
    done = {pool.next_done(beside[k:]).call for k in (0, 0, 0)}
    assert done == set(beside)
    call = ahead.take(trial(0))
    assert call is not None
    (result,) = pool.next_done([call]).unwrap()
    assert replace(result, seconds=0.0) == replace(train(task, trial(0)), seconds=0.0)


@pytest.mark.parametrize("asked", [trial(1), None])
def test_the_training_of_another_ends_unseen(pool: Noting, task: Task, asked: Trial | None) -> None:
    """It is cancelled whether it is done or not, and its worker takes what comes."""
    shared = pool.share(task)
    ahead = Ahead(pool, shared)
    ahead.begin(trial(0), STACKS)
    assert ahead.take(asked) is None
    assert ahead.take(trial(0)) is None, "it is gone"
    assert pool.cancelled == pool.submitted
    found = retrained(pool, shared, trial(1), None)
    assert found == replace(train(task, trial(1)), seconds=0.0)


def test_none_is_begun_once_it_had_to_end(pool: Noting, task: Task) -> None:
    """Where another trial must have the pool for itself; the worker is free then."""
    shared = pool.share(task)
    ahead = Ahead(pool, shared)
    ahead.end()
    ahead.begin(trial(0), STACKS)
    ahead.end()
    ahead.begin(trial(0), STACKS)
    assert ahead.take(trial(0)) is None
    assert len(pool.submitted) == len(pool.cancelled) == 1


def test_one_whose_worker_died_is_trained_again(pool: Noting, task: Task) -> None:
    """As one that had not begun ahead: it fails with its own reason, and nobody else does."""
    shared = pool.share(task)
    ahead = Ahead(pool, shared)
    ahead.begin(trial(0, "kill"), STACKS)
    call = ahead.take(trial(0, "kill"))
    found = retrained(pool, shared, trial(0, "kill"), call)
    assert found.reason.startswith("its worker process ended: signal SIGKILL")
    assert pool.submitted[0] == call
    assert len(pool.submitted) == 2


def test_nothing_is_begun_where_it_would_not_help(pool: Noting, task: Task) -> None:
    """What trained alone already needs no second training; a single worker has others to train."""
    shared = pool.share(task)
    for plan, asked in ((Plan("reference", 1, 2), trial(0)), (STACKS, trial(0, activation="elu"))):
        ahead = Ahead(pool, shared)
        ahead.begin(asked, plan)
        assert ahead.take(asked) is None
    with local_pool(1, initialize_worker) as single:
        ahead = Ahead(single, shared)
        ahead.begin(trial(0), STACKS)
        assert ahead.take(trial(0)) is None
    assert not pool.submitted
