"""The pools that exist, by the word before the colon of ``--pool``."""

import math
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import UserError, did_you_mean
from sweeper.loading import is_installed
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
Opened = Callable[[str, Tell, Prepare, float], AbstractContextManager[Pool]]
"""(address, tell, prepare, patience) -> a pool that is closed at the end of the block

`patience`: seconds for the first worker to join, where there is no pool before one has.
"""


@dataclass(frozen=True)
class Scheme:
    """A pool by the word before the colon."""

    form: str
    """How ``--pool`` is written, for messages."""
    pattern: str
    """The same as a pattern; its group is the address that `opened` is given."""
    opened: Opened
    package: str = ""
    """What the extra of its name installs; empty where nothing is needed."""


POOLS: dict[str, Scheme] = {
    "dir": Scheme("dir:/shared/path", r"dir:(.+)", lambda path, tell, *_: folder_pool(Path(path), tell)),
    "dask": Scheme("dask://host:8786", r"dask://([^\s/:@]+:\d+)/?", dask_pool, "distributed"),
    "ray": Scheme(
        "ray://host:10001 or ray://auto",
        r"ray://(auto|[^\s/:@]+:\d+)/?",
        lambda address, tell, prepare, _: ray_pool(address, tell, prepare),
        "ray",
    ),
}
"""``local`` is opened by `local.local_pool`."""


def parse(place: str) -> tuple[str, str]:
    """(name of the scheme, address) of ``--pool``.

    Raises:
        UserError: if there is no such pool, or its extra is not installed.
    """
    if place == "local":
        return "local", ""
    name = place.partition(":")[0]
    if name not in POOLS:
        raise UserError(f"--pool {place!r}: {_unknown(place, name)}")
    scheme = POOLS[name]
    match = re.fullmatch(scheme.pattern, place)
    if not match:
        raise UserError(f"--pool {place!r}: an address of this kind is written {scheme.form}")
    if scheme.package and not is_installed(scheme.package):
        raise UserError(
            f"--pool {place}: the package {scheme.package} is not installed; install it here and on all "
            f"workers: pip install 'sweeper-torch[{name}]'"
        )
    return name, match[1]


def forms() -> str:
    """How ``--pool`` can be written."""
    return ", ".join(["local", *(scheme.form for scheme in POOLS.values())])


def _unknown(place: str, name: str) -> str:
    """What a place that is none was probably meant to be."""
    if re.fullmatch(r"[\w.-]+:\d+", place):
        return f"an address needs its kind before it: dask://{place} or ray://{place}"
    if "/" in place and "://" not in place:
        return f"a shared folder is written dir:{place}"
    return f"{did_you_mean(name, ['local', *POOLS])}, as {forms()}"


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
    place: str | Executor,
    workers: int,
    tell: Tell,
    prepare: Prepare = initialize_worker,
    patience: float = math.inf,
) -> Iterator[Pool]:
    """The pool at `place`, closed at the end of the block; an executor stays open.

    Args:
        place: as ``--pool``, but ``local``.
        workers: width of an executor that does not say its own.
        tell: is given lines for the user.
        prepare: called by worker processes first; those of a folder have done that already.
        patience: seconds for the first worker to join, where there is no pool before one has.

    Raises:
        UserError: if it is not there.
        TimeoutError: if no worker has joined in time.
    """
    if isinstance(place, Executor):
        with executor_pool(place, workers, tell, prepare) as pool:
            yield pool
        return
    name, address = parse(place)
    with POOLS[name].opened(address, tell, prepare, patience) as other:
        yield other
