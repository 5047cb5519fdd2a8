"""What every pool must do; a new one is tested by its entry in `CLUSTERS` alone.

Worker processes of this machine here, the others in `make pools`.
"""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clusters import CLUSTERS, LEASES, POOLS, Opened

from sweeper.training.pool import registry
from sweeper.training.pool.interface import Call, Done, Lost, NotSendable, Pool, WorkerDied
from sweeper.training.pool.messages import LARGE

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("cold_workers")]


def test_every_pool_has_something_to_be_tried_on() -> None:
    """What can be written as ``--pool`` is tried in `make pools`: it has an entry in `CLUSTERS`."""
    assert set(registry.POOLS) <= set(CLUSTERS)


@pytest.fixture(scope="module", params=CLUSTERS if POOLS else ["local"])
def opened(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Something real with two workers."""
    with CLUSTERS[request.param]() as made:
        yield made


@pytest.fixture(scope="module")
def pool(opened: Opened) -> Iterator[Pool]:
    """Two workers."""
    with opened() as made:
        yield made


def finished(pool: Pool, *calls: Call) -> list[Done]:
    """What became of `calls`, in their order."""
    done: dict[Call, Done] = {}
    while left := set(calls) - set(done):
        each = pool.next_done(left)
        assert each.call in left
        done[each.call] = each
    return [done[call] for call in calls]


def alive(process: int) -> bool:
    """Whether a process with this number runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def gone(process: int) -> bool:
    """Whether it ends within some seconds."""
    deadline = time.monotonic() + 10
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(process)


def squared(item: int, pause: float = 0.0) -> int:
    """The square, after a while."""
    time.sleep(pause)
    return item * item


def ended(code: int) -> None:
    """Ends its process."""
    os._exit(code)


def killed() -> None:
    """As the system does with a process that takes too much memory."""
    os.kill(os.getpid(), KILL)


def started(file: Path) -> None:
    """Writes the number of its process to a file, and never returns."""
    (file.parent / "part").write_text(str(os.getpid()))
    (file.parent / "part").rename(file)
    time.sleep(600)


def wait_for(file: Path) -> int:
    """The number in the file, once there is one."""
    while not file.exists():
        time.sleep(0.01)
    return int(file.read_text())


class EndsWhenPickled:
    """A result that ends the process in the middle of being sent."""

    def __init__(self) -> None:
        self.large = np.ones(1 << 20)

    def __reduce__(self) -> Any:
        os._exit(5)


class TwoArguments(Exception):
    """Cannot be unpickled: its `args` are one text."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def fails(how: str) -> object:
    """In one of the ways."""
    if how == "raise":
        raise KeyError("no such key")
    if how == "exit":
        raise SystemExit(3)
    if how == "unreadable":
        raise TwoArguments("one", "two")
    return (lambda: iter(how), (part for part in how))  # a generator cannot be pickled


def test_results_equal_those_of_a_plain_loop(pool: Pool) -> None:
    """Each call once, whatever order they end in, many more than there are workers."""
    calls = [pool.submit(squared, item, 0.01 * (item % 3)) for item in range(20)]
    assert [done.unwrap() for done in finished(pool, *calls)] == [item * item for item in range(20)]


def test_results_come_as_they_are_there(pool: Pool) -> None:
    """A slow call holds nobody up."""
    slow, *quick = [pool.submit(squared, item, 0.5 * (item == 0)) for item in range(4)]
    assert {pool.next_done([slow, *quick]).call for _ in quick} == set(quick)
    assert pool.next_done([slow]).value == 0


def test_only_calls_that_are_asked_for_are_handed_back(pool: Pool) -> None:
    """Others stay until they are, and block nobody."""
    first, second, third = [pool.submit(squared, item) for item in (1, 2, 3)]
    assert pool.next_done([third]).value == 9
    assert [done.value for done in finished(pool, first, second)] == [1, 4]


def test_no_more_calls_run_at_once_than_the_pool_is_wide(pool: Pool, tmp_path: Path) -> None:
    """The others wait for their turn, which comes in order; withdrawn, they are in nobody's way."""
    assert pool.width == 2
    files = [tmp_path / f"{number}" / "pid" for number in range(3)]
    for file in files:
        file.parent.mkdir()
    calls = [pool.submit(started, file) for file in files]
    assert len({wait_for(file) for file in files[:2]}) == 2
    time.sleep(0.2)
    assert not files[2].exists()
    for call in calls[::-1]:
        pool.cancel(call)
    after = [pool.submit(squared, item) for item in range(4)]  # nor is any of them lost with the withdrawn
    assert [done.value for done in finished(pool, *after)] == [0, 1, 4, 9]


@pytest.mark.parametrize(
    ("function", "reason"),
    [(ended, "exit code 3"), (killed, "signal SIGKILL; the system does that when memory runs out")],
)
def test_a_call_whose_worker_dies_comes_back_as_lost(
    pool: Pool, function: Callable[..., None], reason: str
) -> None:
    """It says how; calls beside it and after it give their results."""
    given = (3,) if function is ended else ()
    dying, *others = [pool.submit(function, *given), *(pool.submit(squared, item, 0.1) for item in range(5))]
    lost, *rest = finished(pool, dying, *others)
    assert lost == Done(dying, lost=Lost(f"its worker process ended: {reason}"))
    with pytest.raises(WorkerDied, match=reason):
        lost.unwrap()
    assert [done.value for done in rest] == [item * item for item in range(5)]


def test_a_worker_that_dies_while_it_sends_its_result_is_lost(pool: Pool) -> None:
    """Nobody waits for the rest."""
    dying, other = pool.submit(EndsWhenPickled), pool.submit(squared, 4)
    lost, done = finished(pool, dying, other)
    assert lost.lost == Lost("its worker process ended: exit code 5")
    assert done.value == 16


def stopped(file: Path) -> None:
    """Has the process stopped that its engine knows of: on the machine itself this one, else its parent."""
    (file.parent / "part").write_text(str(os.getpid() if file.name == "local" else os.getppid()))
    (file.parent / "part").rename(file)
    time.sleep(600)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process")
def test_a_call_whose_worker_is_stopped_comes_back_as_lost(
    opened: Opened, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its lease, by the driver's own looks; others go on, and what it gives late changes nothing."""
    for module, name, value in LEASES:
        monkeypatch.setattr(module, name, value)
    file = tmp_path / str(request.node.callspec.params["opened"])
    with opened() as pool:
        call = pool.submit(stopped, file)
        process = wait_for(file)
        time.sleep(0.1 if file.name == "local" else 1.5)  # it has given a sign of life
        os.kill(process, signal.SIGSTOP)
        try:
            lost = pool.next_done([call]).lost
            assert lost is not None
            assert not lost.own
            assert "no sign of life" in lost.reason or "was stopped" in lost.reason
            assert [d.value for d in finished(pool, *(pool.submit(squared, k) for k in range(4)))] == [
                0,
                1,
                4,
                9,
            ]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        assert [done.value for done in finished(pool, *(pool.submit(squared, k) for k in range(3)))] == [
            0,
            1,
            4,
        ]


def test_workers_that_die_idle_are_replaced(pool: Pool) -> None:
    """Nothing was lost, so nothing is told."""
    processes = {done.value for done in finished(pool, *(pool.submit(os.getpid) for _ in range(4)))}
    for process in processes:
        os.kill(process, KILL)
        assert gone(process)
    time.sleep(0.2)  # until whoever watches has noticed
    assert [done.value for done in finished(pool, *(pool.submit(squared, k) for k in range(4)))] == [
        0,
        1,
        4,
        9,
    ]


@pytest.mark.parametrize(
    ("how", "kind", "text"),
    [
        ("raise", KeyError, "'no such key'"),
        ("exit", SystemExit, "3"),
        ("unreadable", RuntimeError, "TwoArguments: one and two"),
        ("unpicklable", NotSendable, "what the call gives cannot be sent back: TypeError: cannot pickle"),
    ],
)
def test_what_a_call_raises_comes_back(pool: Pool, how: str, kind: type[BaseException], text: str) -> None:
    """As it was where that can travel; the worker lives on."""
    done = finished(pool, pool.submit(fails, how))[0]
    assert done.lost is None
    assert isinstance(done.error, kind)
    assert str(done.error).startswith(text)
    with pytest.raises(kind):
        done.unwrap()


def test_what_cannot_be_sent_is_refused_at_once(pool: Pool) -> None:
    """With the reason; nothing of it stays in the pool."""
    unsendable = (letter for letter in "abc")
    for refused in (lambda: pool.submit(next, unsendable), lambda: pool.share(unsendable)):
        with pytest.raises(NotSendable, match="cannot pickle 'generator' object"):
            refused()
    assert finished(pool, pool.submit(squared, 5))[0].value == 25


def test_functions_of_notebooks_travel(pool: Pool) -> None:
    """Those without a module that workers could import, with what they close over."""
    factor = 3
    assert finished(pool, pool.submit(lambda item: factor * item, 5))[0].value == 15


def test_a_large_result_comes_back_whole(pool: Pool) -> None:
    """Far beyond what a pipe takes at once."""
    done = finished(pool, pool.submit(np.arange, 1 << 20))[0]
    np.testing.assert_array_equal(done.value, np.arange(1 << 20))


def state_of(shared: dict[str, Any]) -> tuple[float, bool, list[int]]:
    """Sum of the large array, whether it can be written, and the small list, which is changed."""
    shared["small"].append(1)
    return float(shared["large"].sum()), bool(shared["large"].flags.writeable), shared["small"]


def test_large_data_are_shared_once(pool: Pool) -> None:
    """Workers read them from one place; what else is shared, every call gets afresh."""
    value = {"large": np.ones(LARGE // 8), "small": []}
    shared = pool.share(value)
    assert shared.value is value
    for done in finished(pool, *(pool.submit(state_of, shared) for _ in range(4))):
        assert done.value == (LARGE // 8, False, [1])
    assert value["small"] == []


def test_a_cancelled_call_never_comes_back(pool: Pool, tmp_path: Path) -> None:
    """One that runs ends with its process, one that waits never starts; the others go on."""
    running, waiting, other = (
        pool.submit(started, tmp_path / "first"),
        *(pool.submit(squared, item, 0.2) for item in (3, 4)),
    )
    process = wait_for(tmp_path / "first")
    pool.cancel(running)
    assert gone(process)
    pool.cancel(waiting)
    assert pool.next_done([running, waiting, other]) == Done(other, 16)
    pool.cancel(running)  # again: nothing
    assert Counter(done.value for done in finished(pool, *(pool.submit(squared, 2) for _ in range(3)))) == {
        4: 3
    }


@pytest.mark.parametrize("busy", [True, False], ids=["under way", "just made"])
def test_closing_leaves_no_process(opened: Opened, busy: bool, tmp_path: Path) -> None:
    """Whatever they are doing: a call, waiting for one, starting."""
    files = [tmp_path / "first", tmp_path / "second"]
    with opened() as pool:
        if busy:
            pool.submit(started, files[0])
            process = wait_for(files[0])
        for _ in range(3):
            pool.submit(started, files[1])
    if busy:
        assert gone(process)
    assert not files[1].exists() or gone(wait_for(files[1]))


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.1, 0.4] if POOLS else [0.01, 0.4])
def test_a_pool_may_be_closed_while_it_starts(
    opened: Opened, seconds: float, capfd: pytest.CaptureFixture[str]
) -> None:
    """At any moment, silently."""
    start = time.monotonic()
    with opened() as pool:
        pool.submit(squared, 1, 60.0)
        time.sleep(seconds)
    with opened() as pool:  # no worker is left at the call that nobody wants
        calls = [pool.submit(squared, item) for item in (2, 3)]
        assert [done.value for done in finished(pool, *calls)] == [4, 9]
    assert time.monotonic() - start < 30
    assert capfd.readouterr() == ("", "")
