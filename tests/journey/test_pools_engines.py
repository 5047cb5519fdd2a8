"""One study, the same records on Dask and Ray, with workers killed and added, and the engine gone."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from clusters import HERE, WORKERS, end, free_port, ray_cluster, wait_for_port
from pool_runs import goes_on, in_pools, killer, same
from postgres import needed
from whole_runs import run, study

from sweeper.result import Result
from sweeper.training.pool.interface import Pool

pytestmark = pytest.mark.timeout(600)


@in_pools
def test_dask(tmp_path: Path, home: Pool, expected: Result) -> None:
    """Workers with four threads, which share seeds and precision: trials do not run in them.

    A worker is killed while it trains and another one joins; then the scheduler is killed.
    """
    needed("distributed", "dask")
    from distributed import Client

    with dask_processes(tmp_path) as (address, scheduler, workers, start):
        with Client(f"tcp://{address}", set_as_default=False) as client:
            seen = set[str]()

            def victim() -> int | None:
                seen.update(key for keys in client.processing().values() for key in keys)
                return workers[0].pid if len(seen) >= 5 else None

            with killer(victim, then=start) as killed:
                result = run(tmp_path, study(), home, pool=f"dask://{address}")
        assert killed
        same(result, expected)
        gone = f"the Dask scheduler at {address} is gone"
        goes_on(tmp_path / "gone", home, expected, gone, f"dask://{address}", scheduler.kill)


Process = subprocess.Popen[bytes]


@contextmanager
def dask_processes(folder: Path) -> Iterator[tuple[str, Process, list[Process], Callable[[], None]]]:
    """The address of a scheduler, its process, those of two workers, and what starts one more."""
    port = free_port()
    paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    options["env"] = os.environ | {"PYTHONPATH": paths}
    workers = list[Process]()

    def started(module: str, *words: str) -> Process:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"]
        process = subprocess.Popen(command, **options)
        stack.callback(end, process)
        return process

    def start() -> None:
        workers.append(started("dask_worker", f"tcp://127.0.0.1:{port}", "--no-nanny", "--nthreads", "4"))

    with ExitStack() as stack:
        scheduler = started("dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        wait_for_port(port)
        for _ in range(WORKERS):
            start()
        yield f"127.0.0.1:{port}", scheduler, workers, start


@in_pools
def test_ray(tmp_path: Path, home: Pool, expected: Result, capfd: pytest.CaptureFixture[str]) -> None:
    """A real cluster, through its client server; a worker is killed while it trains, then all of Ray.

    Nothing of that is on standard output, where a command's answer belongs.
    """
    with ray_cluster() as (head, address):

        def victim() -> int | None:
            workers = ray_workers(head.pid)
            return (
                workers[0] if len(workers) == WORKERS and (tmp_path / "runs/tiny/records").is_dir() else None
            )

        with killer(victim) as killed:
            result = run(tmp_path, study(), home, pool=address)
        assert killed
        assert capfd.readouterr().out == ""
        same(result, expected)

        def fault() -> None:
            for process in [*psutil.Process(head.pid).children(recursive=True), head]:
                with suppress(psutil.Error):
                    process.kill()

        goes_on(tmp_path / "head", home, expected, "the Ray cluster at .* is gone", address, fault)


def ray_workers(head: int) -> list[int]:
    """Processes of Ray that run a call; Ray calls them by it."""
    found = []
    for process in psutil.Process(head).children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[:1] == ["ray::_run"]:
                found.append(process.pid)
    return found
