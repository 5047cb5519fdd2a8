"""Calls in workers: as many at once as there are workers, and a list that is done together with one."""

import os
import threading
import time
from collections.abc import Collection, Iterator
from functools import partial

import pytest
from pools import SerialPool

from sweeper.training.calls import attempt, call, call_user_code, outcomes, parallel_map
from sweeper.training.pool.interface import Call, Done, Lost, Pool, WorkerDied
from sweeper.training.pool.local import core_count, local_pool


def nothing() -> None:
    """What the workers of these tests prepare."""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Two workers."""
    with local_pool(2, nothing) as opened:
        yield opened


def where(item: int) -> tuple[int, int]:
    """The item, and the process that this runs in."""
    return item, os.getpid()


def only_here(process: int, item: int) -> int:
    """The item; ends every process but one."""
    if os.getpid() != process:
        os._exit(1)
    return item


def test_a_call_gives_its_value_or_says_how_its_process_ended(pool: Pool) -> None:
    """As a result, or as an exception."""
    item, process = call(pool, where, 3)
    assert item == 3
    assert process != os.getpid()
    assert attempt(pool, os._exit, 4).lost == Lost("its worker process ended: exit code 4")
    with pytest.raises(WorkerDied, match=r"^its worker process ended: exit code 4$"):
        call(pool, os._exit, 4)


class Counting(SerialPool):
    """Three workers at a time, by the books; how many calls were under way whenever one was waited for."""

    width = 3

    def __init__(self) -> None:
        super().__init__()
        self.under_way: list[int] = []

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        self.under_way.append(len(calls))
        return super().next_done(calls)


@pytest.mark.parametrize(
    ("spared", "expected"), [(0, [3, 3, 3, 2, 1]), (1, [2, 2, 2, 2, 1]), (5, [1, 1, 1, 1, 1])]
)
def test_workers_are_left_free_where_that_is_asked_for(spared: int, expected: list[int]) -> None:
    """As many of them, but never all."""
    pool = Counting()
    found = dict(outcomes(pool, [(abs, (-item,)) for item in range(5)], lambda position: spared))
    assert [found[item].value for item in range(5)] == list(range(5))
    assert pool.under_way == expected


def test_some_calls_leave_workers_free_and_others_do_not() -> None:
    """The first two begin at once, the others one at a time."""
    pool = Counting()
    list(outcomes(pool, [(abs, (-item,)) for item in range(4)], lambda position: 2 * (position >= 2)))
    assert pool.under_way == [2, 1, 1, 1]


def test_calls_are_taken_when_there_is_a_worker_for_them(pool: Pool) -> None:
    """Not before; and each worker has its next one before anybody looks at the last result."""
    taken: list[int] = []

    def calls() -> Iterator[tuple[partial[tuple[int, int]], tuple[()]]]:
        for item in range(6):
            taken.append(item)
            yield partial(where, item), ()

    seen = 0
    for position, done in outcomes(pool, calls()):
        seen += 1
        assert done.value[0] == position
        assert len(taken) == min(seen + 2, 6)
    assert seen == 6


def test_calls_of_which_nobody_wants_more_are_cancelled(pool: Pool) -> None:
    """Their workers are free at once."""
    stream = outcomes(pool, [(time.sleep, (seconds,)) for seconds in (0.0, 600.0, 600.0)])
    assert next(stream)[0] == 0
    stream.close()  # type: ignore[attr-defined]
    assert sorted(
        item for (item, _) in (done.value for _, done in outcomes(pool, [(where, (k,)) for k in range(4)]))
    ) == [
        0,
        1,
        2,
        3,
    ]


def slowly(item: int) -> tuple[int, int]:
    """As `where`, in a while."""
    time.sleep(0.05)
    return where(item)


def test_work_is_shared_with_a_worker(pool: Pool) -> None:
    """Results in order, some from another process and some from this one."""
    ready = [pool.submit(slowly, 0) for _ in range(2)]  # neither of them has to start first
    for each in ready:
        pool.next_done([each])
    found = parallel_map(pool, slowly, range(20))
    assert [item for item, _ in found] == list(range(20))
    processes = {process for _, process in found}
    assert os.getpid() in processes
    assert len(processes) == 2
    assert [item for item, _ in parallel_map(pool, where, [7])] == [7]
    assert parallel_map(pool, where, []) == []


def test_the_worker_begins_while_further_items_are_made(pool: Pool) -> None:
    """And this process goes on making them."""
    call(pool, where, 0)

    def made() -> Iterator[int]:
        for item in range(4):
            time.sleep(0.2)
            yield item

    assert [process == os.getpid() for _, process in parallel_map(pool, slowly, made())][:2] == [False] * 2


def test_what_is_raised_ends_the_work_of_both(pool: Pool) -> None:
    """By the items, here or there; the worker is free afterwards, and no thread is left."""

    def broken() -> Iterator[int]:
        yield from range(3)
        raise KeyError("no such item")

    for raising, items in (
        (where, broken()),
        (refusing, range(4)),
        (partial(refusing_elsewhere, os.getpid()), range(4)),
    ):
        with pytest.raises(KeyError):
            parallel_map(pool, raising, items)
        assert not [each for each in threading.enumerate() if each.name == "sweeper-parts"]
    assert call(pool, where, 5)[0] == 5


def refusing(item: int) -> int:
    """Raises in any process."""
    raise KeyError(item)


def refusing_elsewhere(process: int, item: int) -> int:
    """Raises in every process but one, where it takes a while."""
    if os.getpid() != process:
        raise KeyError(item)
    time.sleep(0.05)
    return item


def test_a_worker_gets_ready_before_its_part(pool: Pool) -> None:
    """The part goes to a worker when that is ready, not to another one; one that dies takes nothing along."""
    for busy in (0.0, 0.4):  # the first worker gets ready, or the second
        other, ready = pool.submit(time.sleep, busy), pool.submit(slowly, 0)
        worker = pool.next_done([ready]).value[1]
        pool.next_done([other])
        again = pool.submit_near(ready, slowly, 0)
        assert pool.next_done([again]).value[1] == worker
        found = parallel_map(pool, slowly, range(6), pool.submit_near(again, time.sleep, 0.0))
        assert {process for _, process in found} == {os.getpid(), worker}
    assert parallel_map(pool, abs, [-1, -2], pool.submit(os._exit, 1)) == [1, 2]


def test_work_that_ends_its_worker_is_done_here(pool: Pool) -> None:
    """As if there had been no worker."""
    assert parallel_map(pool, partial(only_here, os.getpid()), range(5)) == list(range(5))


def threads_and_name(name: str, *, shout: bool) -> tuple[int, str]:
    """Torch's threads, and the name."""
    import torch

    return torch.get_num_threads(), name.upper() if shout else name


def test_code_of_the_user_has_as_many_threads_as_it_would_have_here(pool: Pool) -> None:
    """And gets its options."""
    assert call_user_code(pool, threads_and_name, "x", shout=True) == (core_count(), "X")
