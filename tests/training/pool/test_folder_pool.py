"""Workers of a shared folder join, leave, stop and are killed; nothing is lost, and nothing comes twice."""

import errno
import os
import pickle
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from clusters import QUICK, end, nothing, worker_process

from sweeper.errors import StateKept, UserError
from sweeper.training.pool import folder_worker, messages, shared_folder
from sweeper.training.pool.folder_pool import LEFT, FolderPool, folder_pool
from sweeper.training.pool.interface import Lost
from sweeper.training.pool.machine import Machine, this_machine
from sweeper.training.pool.shared_folder import RESULTS, Member

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="signals that only POSIX has")
LEASE = 2.0
"""Seconds."""


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A private folder."""
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def start(shared: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Starts a worker, which ends with the test."""
    with ExitStack() as stack:

        def started(*options: str) -> "subprocess.Popen[bytes]":
            process = worker_process(shared, *options, code=QUICK)
            stack.callback(end, process)
            return process

        yield started


def waiting(file: Path, seconds: float) -> int:
    """Tells that it has begun, and the number of its process."""
    with file.open("ab", buffering=0) as opened:
        opened.write(f"{os.getpid()}\n".encode())
    time.sleep(seconds)
    return os.getpid()


def wait_until(happened: Callable[[], bool]) -> None:
    """Within a minute."""
    end = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_workers_may_be_killed_stopped_and_added(
    shared: Path, tmp_path: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Calls of a worker that is gone are lost once, whatever it does later; others never notice."""
    told: list[str] = []
    first, begun = start("--idle", "60"), tmp_path / "begun"
    with folder_pool(shared, told.append, LEASE) as pool:
        call = pool.submit(waiting, begun, 600.0)
        wait_until(lambda: begun.exists() and bool(begun.read_text()))
        os.kill(first.pid, signal.SIGSTOP)
        done = pool.next_done([call])
        assert done.lost is not None
        assert not done.lost.own
        assert done.lost.reason.endswith(f"gave no sign of life for {LEASE:g} s")
        again = pool.submit(waiting, begun, 0.0)
        os.kill(first.pid, signal.SIGCONT)
        assert pool.next_done([again]).unwrap() == int(begun.read_text().split()[-1])
        long = pool.submit(waiting, tmp_path / "long", 600.0)
        wait_until((tmp_path / "long").exists)
        first.kill()
        start()
        assert "its worker" in str(pool.next_done([long]).lost)
        assert pool.next_done([pool.submit(waiting, begun, 0.0)]).host == this_machine().host
    assert sum("has joined" in line for line in told) >= 2
    assert shared_folder.listed(shared / shared_folder.SWEEPS) == []


def test_a_worker_that_is_asked_to_end_gives_its_calls_back(
    shared: Path, tmp_path: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """Another one does them; nothing was lost. The other leaves when the sweep has ended."""
    with folder_pool(shared, lambda line: None, LEASE) as pool:
        first, begun = start(), tmp_path / "begun"
        call = pool.submit(waiting, begun, 1.0)
        wait_until(lambda: begun.exists() and bool(begun.read_text()))
        first.send_signal(signal.SIGTERM)
        assert first.wait(30) == 130
        other = start()
        assert pool.next_done([call]).lost is None
        assert len(set(begun.read_text().split())) == 2
    assert other.wait(30) == 0


def test_files_that_killed_workers_have_left_are_deleted(
    shared: Path, start: Callable[..., "subprocess.Popen[bytes]"]
) -> None:
    """By a driver that has seen no sign for a lease, and by one that comes much later."""
    with folder_pool(shared, lambda line: None, lease=1.5) as pool:
        assert isinstance(pool, FolderPool)
        (worker := start("--idle", "60"))
        workers = shared / shared_folder.WORKERS
        wait_until(lambda: bool(shared_folder.listed(workers)))
        wait_until(lambda: pool.width == 1 and bool(pool._alive))
        worker.kill()
        wait_until(lambda: pool.width == 1 and not shared_folder.listed(workers))
    for name, age in (("old", LEFT + 60), ("new", 0.0)):
        shared_folder.publish_value(workers / name, Member(this_machine(), 1))
        os.utime(workers / name, (time.time() - age,) * 2)
    with folder_pool(shared, lambda line: None):
        assert shared_folder.listed(workers) == ["new"]


def test_results_that_nobody_waits_for_change_nothing(shared: Path) -> None:
    """A call may be done twice, by a worker that was given up."""
    with folder_pool(shared, lambda line: None) as pool:
        assert isinstance(pool, FolderPool)
        call = pool.submit(max, 1, 2)
        pool.cancel(call)
        (sweep,) = (shared / shared_folder.SWEEPS).glob("[!.]*")
        late = sweep / shared_folder.RESULTS / f"{call:09}"
        shared_folder.publish_value(late, "late")
        with pytest.raises(LookupError):
            pool.next_done([call])
        assert not late.exists()
        assert shared_folder.listed(sweep / shared_folder.CALLS) == []


def test_a_worker_of_other_versions_is_refused(shared: Path) -> None:
    """In one line that names it and the difference."""
    with folder_pool(shared, lambda line: None):
        (sweep,) = (shared / shared_folder.SWEEPS).glob("[!.]*")
        other = replace(this_machine(), torch="1.0", host="far")
        shared_folder.publish_value(sweep / shared_folder.DRIVER, shared_folder.Member(other, 0, 10**9))
        with pytest.raises(
            UserError, match=r"^worker .* cannot join the sweep of far: .* has torch .*, the driver 1\.0$"
        ):
            folder_worker.serve(shared, 1, 5.0, lambda line: None, nothing)


def test_versions_are_compared_and_machines_are_not() -> None:
    """The processor may differ."""
    here = Machine("a", "one", "3.11", "2.13.0", "0.1")
    assert here.difference(replace(here, host="b", processor="two")) == ""
    assert here.difference(replace(here, torch="2.14.0", python="3.12")) == (
        "a has Python 3.11, the driver 3.12 and torch 2.13.0, the driver 2.14.0"
    )


@pytest.mark.parametrize(
    ("mode", "problem"),
    [
        (None, "No such file or directory; make it first: mkdir -m 700"),
        (0o777, r"others may write into it \(mode 777\), and what lies there runs as you; make it private"),
        (0o770, r"others may write into it \(mode 770\)"),
    ],
)
def test_a_folder_that_is_not_private_is_refused(tmp_path: Path, mode: int | None, problem: str) -> None:
    """Driver and worker read pickles from it."""
    folder = tmp_path / "shared"
    if mode is not None:
        folder.mkdir()
        folder.chmod(mode)
    with pytest.raises(UserError, match=problem), folder_pool(folder, lambda line: None):
        pass
    with pytest.raises(UserError, match=problem):
        folder_worker.serve(folder, 1, 1.0, lambda line: None, nothing)


def test_losses_tell_whether_the_call_is_to_blame() -> None:
    """It is not part of what is compared."""
    assert Lost("gone", own=True) == Lost("gone")
    assert pickle.loads(pickle.dumps(Lost("gone", own=True))).own


def test_a_folder_that_cannot_be_written_any_more_is_one_message(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the driver was about to do there: hand out, withdraw, take a result."""

    def read_only(*given: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    said = f"pool folder {shared.resolve()}: Read-only file system; finished trials are kept"
    with folder_pool(shared, lambda line: None) as pool:
        assert isinstance(pool, FolderPool)
        call = pool.submit(abs, 1)
        shared_folder.publish_value(pool._sweep / RESULTS / f"{call:09}", messages.Answer("here"))
        with monkeypatch.context() as patched:
            patched.setattr(Path, "unlink", read_only)
            patched.setattr(shared_folder, "publish", read_only)
            for what in (lambda: pool.submit(abs, 2), lambda: pool.cancel(call), pool._collect):
                with pytest.raises(StateKept) as stopped:
                    what()
                assert str(stopped.value) == said
