"""The pools that exist, by the word before the colon of ``--pool``."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

from sweeper.errors import UserError, did_you_mean
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.dask_pool import dask_pool
from sweeper.training.pool.executor_pool import executor_pool
from sweeper.training.pool.folder_pool import folder_pool
from sweeper.training.pool.interface import Pool
from sweeper.training.pool.ray_pool import ray_pool

Tell = Callable[[str], None]
"""Is given a line for the user."""
Prepare = Callable[[], object]
"""What worker processes do before their first call."""
Opened = Callable[[str, Tell, Prepare], AbstractContextManager[Pool]]
"""(address, tell, prepare) -> a pool that is closed at the end of the block"""

POOLS: dict[str, tuple[str, Opened]] = {
    "dir": (r"dir:(.+)", lambda address, tell, prepare: folder_pool(Path(address), tell)),
    "dask": (r"dask://([^\s/:@]+:\d+)/?", dask_pool),
    "ray": (r"ray://(auto|[^\s/:@]+:\d+)/?", ray_pool),
}
"""scheme -> how its address is written, and what opens it; ``local`` is opened by `local.local_pool`"""
FORMS = {
    "local": "local",
    "dir": "dir:/shared/path",
    "dask": "dask://host:8786",
    "ray": "ray://host:10001 or ray://auto",
}
PACKAGES = {"dask": "distributed", "ray": "ray"}
"""scheme -> the package that its extra installs"""


def parse(place: str) -> tuple[str, str]:
    """(scheme, address) of ``--pool``.

    Raises:
        UserError: if there is no such pool, or its extra is not installed.
    """
    if place == "local":
        return "local", ""
    scheme = place.partition(":")[0]
    if scheme not in POOLS:
        raise UserError(
            f"--pool {place!r}: {did_you_mean(scheme, list(FORMS))}, as {', '.join(FORMS.values())}"
        )
    found = re.fullmatch(POOLS[scheme][0], place)
    if not found:
        raise UserError(f"--pool {place!r}: an address of this kind is written {FORMS[scheme]}")
    if scheme in PACKAGES and find_spec(PACKAGES[scheme]) is None:
        raise UserError(
            f"--pool {place}: the package {PACKAGES[scheme]} is not installed; "
            f"install it here and on all workers: pip install 'sweeper-torch[{scheme}]'"
        )
    return scheme, found[1]


def check_place(place: str | Executor, jobs: int | None) -> None:
    """Whether trials can run at `place` with ``--jobs`` as it is.

    Raises:
        UserError: if not.
    """
    if not isinstance(place, Executor) and parse(place)[0] != "local" and jobs is not None:
        raise UserError(
            f"--jobs {jobs}: it counts processes of this machine; a pool elsewhere is as wide as its workers"
        )


@contextmanager
def open_pool(
    place: str | Executor, workers: int, tell: Tell, prepare: Prepare = initialize_worker
) -> Iterator[Pool]:
    """The pool at `place`, closed at the end of the block; an executor stays open.

    Args:
        place: as ``--pool``, but ``local``.
        workers: width of an executor that does not say its own.
        tell: is given lines for the user.
        prepare: called by worker processes first; those of a folder have done that already.

    Raises:
        UserError: if it is not there.
    """
    if isinstance(place, Executor):
        with executor_pool(place, workers, tell, prepare) as pool:
            yield pool
        return
    scheme, address = parse(place)
    with POOLS[scheme][1](address, tell, prepare) as other:
        yield other
