"""What holds for a worker process between its calls."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch
from joblib.externals.loky import process_executor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset
from warm_workers import cold_workers

from sweeper.data.objects import read_objects
from sweeper.training.pool import local, worker
from sweeper.training.pool.local import local_pool

KEPT: list[bytes] = []


@pytest.fixture(scope="module", autouse=True)
def _cold() -> None:
    """These workers need not import torch as those of a sweep do: what is tested comes after that."""


def prepare() -> None:
    """Nothing."""


def grow(megabytes: int) -> int:
    """Keep so much memory; the number of the process."""
    process_executor._MEMORY_LEAK_CHECK_DELAY = 0.0
    KEPT.append(b"x" * (megabytes << 20))
    return os.getpid()


class Stream(IterableDataset[tuple[torch.Tensor, int]]):
    """Rows without a length."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        yield from ((torch.full((2,), float(k)), k % 2) for k in range(12))


def read(streamed: bool) -> list[float]:
    """The first column of what a loader with a process of its own gives."""
    data = Stream() if streamed else TensorDataset(torch.arange(24.0).reshape(12, 2), torch.arange(12) % 2)
    inputs, _ = read_objects(DataLoader(data, batch_size=4, num_workers=1), "rows", None)
    return [float(row[0]) for row in inputs]


def test_loaders_may_have_processes_of_their_own() -> None:
    """As in most projects; data functions are called in a worker, which no server has forked: a process of a
    loader would be waited for."""
    with cold_workers(), local_pool(1, prepare) as pool:
        calls = [pool.submit(read, streamed) for streamed in (False, True)]
        found = [pool.next_done([call]).unwrap() for call in calls]
    assert found == [[2.0 * k for k in range(12)], [float(k) for k in range(12)]]


def test_a_process_that_grows_goes_on() -> None:
    """The libraries that a model imports are no leak: the process takes further calls, and none is lost."""
    with local_pool(1, prepare) as pool:
        seen = [pool.next_done([pool.submit(grow, size)]) for size in (1, 330, 1, 1)]
    assert len({done.value for done in seen}) == 1
    assert all(done.error is None and not done.lost for done in seen)


def note(folder: Path, seconds: float) -> None:
    """When this process began and ended to prepare itself, which takes a while."""
    start = time.monotonic()
    time.sleep(seconds)
    (folder / f"{os.getpid()}").write_text(f"{start} {time.monotonic()}", encoding="utf-8")


def process() -> int:
    """Which one this is."""
    time.sleep(0.01)
    return os.getpid()


def test_the_driver_has_a_core_while_workers_import(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where workers take all cores, the last one goes after the first, which has the first call."""
    monkeypatch.setattr(local, "core_count", lambda: 2)
    with local_pool(2, partial(note, tmp_path, 0.3)) as pool:
        calls = [pool.submit(process) for _ in range(2)]
        numbers = [pool.next_done([each]).value for each in calls]
    times = [(tmp_path / f"{number}").read_text("utf-8").split() for number in numbers]
    (_, first_ended), (second_began, _) = ((float(start), float(end)) for start, end in times)
    assert second_began >= first_ended


def test_a_worker_that_hangs_while_it_imports_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It has had its turn after a while; and so has a first one that never began."""
    (tmp_path / "held").touch()
    with worker.FileLock(tmp_path / "held"):
        monkeypatch.setattr(worker, "LONGEST_TURN", 0.05)
        for first in (False, True):
            with worker._in_turn(tmp_path / "held", first):
                pass


@pytest.mark.parametrize(
    ("cores", "workers", "waiting"), [(2, 2, 2), (4, 4, 2), (4, 2, 0), (4, 8, 0), (1, 1, 0), (3, 3, 2)]
)
def test_only_as_many_wait_as_there_are_cores_too_few(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: int, workers: int, waiting: int
) -> None:
    """With fewer workers than cores nobody waits, and with more it would not help."""
    monkeypatch.setattr(local, "core_count", lambda: cores)
    turns = local._turns(tmp_path, workers)
    assert len(turns) == workers
    assert sum(turn is not None for turn in turns) == waiting
    assert [turn[1] for turn in turns if turn is not None] == [True, False][:waiting]
    assert len({turn[0] for turn in turns if turn is not None}) == (waiting > 0)
