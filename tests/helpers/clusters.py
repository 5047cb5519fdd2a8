"""Every pool, opened on something real: worker processes, a shared folder, an executor, Dask."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import pytest

from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool
from sweeper.training.pool.registry import open_pool

Opened = Callable[[], AbstractContextManager[Pool]]
WORKERS = 2
HERE = Path(__file__).parent


QUICK = """
import sys, clusters, sweeper.cli, sweeper.training.pool.folder_worker as module
serve = module.serve
module.serve = lambda *given: serve(*given, clusters.nothing)
sweeper.cli.main(sys.argv[1:])
"""


def nothing() -> None:
    """What workers prepare."""


def silent(line: str) -> None:
    """For lines that nobody reads."""


def worker_process(folder: Path, *options: str, quick: bool = False) -> "subprocess.Popen[bytes]":
    """``sweeper worker`` for one call at a time; a `quick` one does not import torch."""
    command = [sys.executable, "-m", "sweeper", "worker", str(folder), "--jobs", "1", *options]
    if quick:
        command[1:3] = ["-c", QUICK]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(HERE)})


def end(process: "subprocess.Popen[bytes]") -> None:
    """Whatever it is doing, stopped too."""
    process.kill()
    process.wait(30)


@contextmanager
def local() -> Iterator[Opened]:
    """Processes of this machine."""
    yield lambda: local_pool(WORKERS, nothing)


@contextmanager
def folder() -> Iterator[Opened]:
    """Two ``sweeper worker`` on a folder."""
    import tempfile

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        workers = [worker_process(Path(name), "--idle", "600", quick=True) for _ in range(WORKERS)]
        for process in workers:
            stack.callback(end, process)
        while len(list((Path(name) / "workers").glob("[!.]*"))) < WORKERS:
            time.sleep(0.05)
        yield lambda: open_pool(f"dir:{name}", 1, silent, nothing)


@contextmanager
def executor() -> Iterator[Opened]:
    """An executor with two processes."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as made:
        yield lambda: open_pool(made, 1, silent, nothing)


@contextmanager
def dask() -> Iterator[Opened]:
    """A scheduler with two worker processes."""
    if find_spec("distributed") is None:
        pytest.skip("distributed is not installed: pip install 'sweeper-torch[dask]'")
    with dask_cluster(threads=1) as address:
        yield lambda: open_pool(address, 1, silent, nothing)


@contextmanager
def dask_cluster(threads: int) -> Iterator[str]:
    """The address of a Dask cluster of two processes."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=threads, processes=True, dashboard_address=":0"
    ) as made:
        yield made.scheduler_address.replace("tcp://", "dask://")


CLUSTERS: dict[str, Callable[[], AbstractContextManager[Opened]]] = {
    "local": local,
    "dir": folder,
    "executor": executor,
    "dask": dask,
}
"""name -> something real, and how a pool is opened on it"""
