"""One study, the same records wherever its trials run, with a worker killed in the middle."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import optuna
import pandas as pd
import psutil
import pytest
from clusters import POOLS, WORKERS, dask_cluster, end, free_port, ray_cluster, wait_for_port, worker_process
from postgres import needed, postgres
from whole_runs import run, study

from sweeper.search.storage_url import open_url

pytestmark = pytest.mark.timeout(600)
in_pools = pytest.mark.skipif(not POOLS, reason="starts engines and workers; make pools runs it")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """What processes of this machine make of it."""
    return run(tmp_path_factory.mktemp("local"), study(), jobs=2).trials


def same(trials: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Every trial once, with the same numbers to the last bit."""
    order = ["phase", "trial", "seed"]
    frames = [
        frame.drop(columns="seconds").sort_values(order, ignore_index=True) for frame in (trials, expected)
    ]
    pd.testing.assert_frame_equal(*frames, check_exact=True)


@contextmanager
def killer(victim: Callable[[], int | None]) -> Iterator[list[int]]:
    """Kills a process once there is one to kill; which one."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.02):
            if (number := victim()) is not None:
                os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
                killed.append(number)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join(60)


@in_pools
def test_a_shared_folder(tmp_path: Path, expected: pd.DataFrame) -> None:
    """A worker is killed while it trains, another one comes later."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    with ExitStack() as stack:
        workers = [worker_process(shared, "--idle", "100") for _ in range(WORKERS)]
        for worker in workers:
            stack.callback(end, worker)

        def first() -> int | None:
            done = [
                int(f.name.partition("@")[0]) for f in shared.glob(f"sweeps/*/claimed/*-{workers[0].pid}-*")
            ]
            return workers[0].pid if any(number >= 5 for number in done) else None

        with killer(first) as killed:
            result = run(tmp_path, study(), pool=f"dir:{shared}")
    assert killed
    same(result.trials, expected)
    assert set(result.trials["host"]) == {os.uname().nodename}


@in_pools
def test_dask_workers_with_four_threads(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Threads of one process share seeds and precision; trials do not run in them. A worker is killed."""
    needed("distributed", "dask")
    from distributed import Client

    with (
        dask_cluster(threads=4) as address,
        Client(address.replace("dask", "tcp"), set_as_default=False) as client,
    ):
        pids = client.run(os.getpid)
        seen = set[str]()

        def victim() -> int | None:
            seen.update(key for keys in client.processing().values() for key in keys)
            return next(iter(pids.values())) if len(seen) >= 5 else None

        with killer(victim) as killed:
            result = run(tmp_path, study(), pool=address)
    assert killed
    same(result.trials, expected)


@in_pools
def test_ray(tmp_path: Path, expected: pd.DataFrame) -> None:
    """A real cluster, through its client server; a worker is killed while it trains."""
    with ray_cluster() as (head, address):

        def victim() -> int | None:
            workers = ray_workers(head.pid)
            return (
                workers[0] if len(workers) == WORKERS and (tmp_path / "runs/tiny/records").is_dir() else None
            )

        with killer(victim) as killed:
            result = run(tmp_path, study(), pool=address)
    assert killed
    same(result.trials, expected)


def ray_workers(head: int) -> list[int]:
    """Processes of Ray that run a call; Ray calls them by it."""
    found = []
    for process in psutil.Process(head).children(recursive=True):
        with suppress(psutil.Error):
            if process.cmdline()[:1] == ["ray::_run"]:
                found.append(process.pid)
    return found


@in_pools
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Optuna leaves connections open
@pytest.mark.parametrize("proxied", [False, True], ids=["itself", "by a gRPC proxy"])
def test_a_copy_in_postgresql(tmp_path: Path, expected: pd.DataFrame, proxied: bool) -> None:
    """The trials of the search, which a second call finds there; the records do not change."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        if proxied:
            url = stack.enter_context(grpc_proxy(url))
        for _ in range(2):
            result = run(tmp_path, study(), storage=url, jobs=2)
        same(result.trials, expected)
        copy = optuna.load_study(study_name="tiny", storage=open_url(url))
        searched = result.trials.query("phase != 'confirm'").sort_values("trial")
        assert [trial.value for trial in copy.trials if trial.state.name == "COMPLETE"] == searched.query(
            "outcome == 'completed'"
        )["objective"].tolist()


@contextmanager
def grpc_proxy(url: str) -> Iterator[str]:
    """The URL of a proxy of the storage at `url`."""
    needed("grpc", "grpc")
    port = free_port()
    code = "import sys, optuna; url, port = sys.argv[1:]; storage = optuna.storages.get_storage(url); "
    code += "optuna.storages.run_grpc_proxy_server(storage, host='127.0.0.1', port=int(port))"
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, url, str(port)], stderr=subprocess.DEVNULL
    )
    try:
        wait_for_port(port)
        yield f"grpc://127.0.0.1:{port}"
    finally:
        end(server)


@in_pools
def test_an_executor(tmp_path: Path, expected: pd.DataFrame) -> None:
    """From Python; its threads only wait."""
    with ThreadPoolExecutor(2) as executor:
        result = run(tmp_path, study(), pool=executor)
    same(result.trials, expected)
