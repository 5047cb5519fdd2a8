"""A pool of one worker, whatever it is asked for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool


@contextmanager
def single_pool(workers: int, prepare: Callable[[], object]) -> Iterator[Pool]:
    """One worker of this machine."""
    with local_pool(1, prepare) as pool:
        yield pool
