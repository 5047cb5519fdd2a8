"""What holds for a worker process between its calls."""

import os
from collections.abc import Iterator

import torch
from joblib.externals.loky import process_executor
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from sweeper.data.objects import read_objects
from sweeper.training.pool.local import local_pool

KEPT: list[bytes] = []


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
    """As in most projects; data functions are called in a worker."""
    with local_pool(1, prepare) as pool:
        calls = [pool.submit(read, streamed) for streamed in (False, True)]
        found = [pool.next_done([call]).unwrap() for call in calls]
    assert found == [[2.0 * k for k in range(12)], [float(k) for k in range(12)]]


def test_a_process_that_grows_goes_on() -> None:
    """The libraries that a model imports are no leak: the process takes further calls, and none is lost."""
    with local_pool(1, prepare) as pool:
        seen = [pool.next_done([pool.submit(grow, size)]) for size in (1, 330, 1, 1)]
    assert len({done.value for done in seen}) == 1
    assert all(done.error is None and not done.lost for done in seen)
