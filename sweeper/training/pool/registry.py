"""The pools that exist, by the name that they are asked for."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool

Opened = Callable[[int, Callable[[], object]], AbstractContextManager[Pool]]
"""(workers, what each calls first) -> a pool that is closed at the end of the block"""

POOLS: dict[str, Opened] = {"local": local_pool}
