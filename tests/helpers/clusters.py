"""Every pool, opened on something real: worker processes, a shared folder, an executor, Dask, Ray."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import pytest

from sweeper.training.pool import folder_pool, futures_pool
from sweeper.training.pool import local as local_pools
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
"""A worker that does not import torch."""

KILLED = """
import os, signal, sys, sweeper.cli, sweeper.training.pool.folder_worker as module
class Pool(module.LocalPool):
    calls = 0
    def submit(self, *given):
        call = super().submit(*given)
        self.calls += 1
        if self.calls == 5:
            os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
        return call
module.LocalPool = Pool
sweeper.cli.main(sys.argv[1:])
"""
"""A worker that is killed when its fifth call has begun."""

POOLS = bool(os.environ.get("SWEEPER_POOLS"))
"""Whether this is ``make pools``: every engine must be there."""


def demanded(what: str) -> None:
    """Skip where something is not installed; ``make pools`` fails."""
    if POOLS:
        pytest.fail(what)
    pytest.skip(what)


def nothing() -> None:
    """What workers prepare."""


def silent(line: str) -> None:
    """For lines that nobody reads."""


def worker_process(folder: Path, *options: str, code: str = "") -> "subprocess.Popen[bytes]":
    """``sweeper worker`` for one call at a time, or `code` in its place."""
    command = [sys.executable, "-m", "sweeper", "worker", str(folder), "--jobs", "1", *options]
    if code:
        command[1:3] = ["-c", code]
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
        workers = [worker_process(Path(name), "--idle", "600", code=QUICK) for _ in range(WORKERS)]
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
        demanded("distributed is not installed: pip install 'sweeper-torch[dask]'")
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


@contextmanager
def ray() -> Iterator[Opened]:
    """A cluster of two processors on this machine."""
    with ray_cluster():
        yield lambda: open_pool("ray://auto", 1, silent, nothing)


@contextmanager
def ray_cluster(*options: str) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """The process that holds a cluster of two processors, and the address of its client server.

    ``ray://auto`` is this cluster meanwhile. Its workers are as nice as this process: Ray's own 15 starves
    them where something else computes. grpc's handlers of forks hang in the client server now and then.
    """
    if find_spec("ray") is None or find_spec("grpc") is None:
        demanded("ray is not installed: pip install 'sweeper-torch[ray]'")
    port, client = free_port(), free_port()
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    command += ["--num-cpus", str(WORKERS), "--include-dashboard", "false", "--disable-usage-stats"]
    command += ["--object-store-memory", "100000000", "--port", str(port), "--node-ip-address", "127.0.0.1"]
    command += ["--min-worker-port", "0", "--max-worker-port", "0", "--ray-client-server-port", str(client)]
    settings = {"RAY_AUTH_MODE": "disabled", "RAY_worker_niceness": "0", "GRPC_ENABLE_FORK_SUPPORT": "false"}
    paths = {"PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, settings | {"RAY_ADDRESS": f"127.0.0.1:{port}"}))
        head = subprocess.Popen(
            command + list(options),
            env={name: value for name, value in (os.environ | paths).items() if name != "RAY_ADDRESS"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(head.wait, 60)
        stack.callback(head.terminate)  # it ends what it has started
        wait_for_port(client)
        yield head, f"ray://127.0.0.1:{client}"


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def silent_door() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield int(door.getsockname()[1])


def wait_for_port(port: int, seconds: float = 90.0) -> None:
    """Until somebody listens there."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            assert time.monotonic() < end, f"nobody listens at {port}"
            time.sleep(0.1)


LEASES = (
    (futures_pool, "PERIOD", 0.5),
    (futures_pool, "LOOKS", 6),
    (folder_pool.folder_pool.__wrapped__, "__defaults__", (3.0,)),
    (local_pools, "PERIOD", 0.3),
    (local_pools, "STOPPED", 0.5),
)
"""(module, name, value): leases as short as they can be where machines are busy."""


CLUSTERS: dict[str, Callable[[], AbstractContextManager[Opened]]] = {
    "local": local,
    "dir": folder,
    "executor": executor,
    "dask": dask,
    "ray": ray,
}
"""name -> something real, and how a pool is opened on it"""
