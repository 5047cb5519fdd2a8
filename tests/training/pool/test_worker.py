"""What holds for a worker process between its calls."""

import os

from joblib.externals.loky import process_executor

from sweeper.training.pool.local import local_pool

KEPT: list[bytes] = []


def prepare() -> None:
    """Nothing."""


def grow(megabytes: int) -> int:
    """Keep so much memory; the number of the process."""
    process_executor._MEMORY_LEAK_CHECK_DELAY = 0.0
    KEPT.append(b"x" * (megabytes << 20))
    return os.getpid()


def test_a_process_that_grows_goes_on() -> None:
    """The libraries that a model imports are no leak: the process takes further calls, and none is lost."""
    with local_pool(1, prepare) as pool:
        seen = [pool.next_done([pool.submit(grow, size)]) for size in (1, 330, 1, 1)]
    assert len({done.value for done in seen}) == 1
    assert all(done.error is None and not done.lost for done in seen)
