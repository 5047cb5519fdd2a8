"""A pool of this machine with as many workers as its address says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool


@contextmanager
def single_pool(
    address: str, tell: Callable[[str], None], prepare: Callable[[], object], patience: float
) -> Iterator[Pool]:
    """``single:N``: N workers, which are there at once."""
    tell(f"opened a pool of {address}")
    with local_pool(int(address), prepare) as pool:
        yield pool
