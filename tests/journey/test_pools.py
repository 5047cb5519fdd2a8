"""One study, the same records wherever its trials run, with a worker killed in the middle."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import optuna
import pandas as pd
import psutil
import pytest
from clusters import POOLS, WORKERS, dask_cluster, end, free_port, ray_cluster, wait_for_port, worker_process
from postgres import needed, postgres
from whole_runs import run, study

from sweeper.errors import StateKept
from sweeper.search.storage_url import open_url
from sweeper.training.pool import folder_pool, registry
from sweeper.trial import TrialResult

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


def after(count: int, fault: Callable[[], object]) -> Callable[..., None]:
    """For `Options.on_result`: the fault happens once that many trials have ended."""
    seen = list[object]()

    def heard(results: object) -> None:
        seen.append(results)
        if len(seen) == count:
            fault()

    return heard


def goes_on(folder: Path, expected: pd.DataFrame, gone: str, pool: str, fault: Callable[[], object]) -> None:
    """A run whose pool goes away ends with one message, and the next call goes on to the same records."""
    with pytest.raises(StateKept, match=gone):
        run(folder, study(), pool=pool, on_result=after(4, fault))
    later = list[TrialResult]()
    again = run(folder, study(), jobs=2, on_result=later.append)
    same(again.trials, expected)
    assert len(later) <= len(expected) - 4, "what had ended is not trained again"


@in_pools
def test_a_shared_folder_that_is_deleted(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Nothing that had finished is lost."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    worker = worker_process(shared, "--idle", "100")
    try:
        goes_on(
            tmp_path, expected, "folder of this run is gone", f"dir:{shared}", lambda: shutil.rmtree(shared)
        )
    finally:
        end(worker)


@in_pools
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process")
def test_a_worker_that_is_stopped_for_longer_than_its_lease(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Another one, which came in the middle, takes over; what the first gives late changes nothing."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    with ExitStack() as stack:
        stack.callback(end, first := worker_process(shared, "--idle", "100"))

        def fault() -> None:
            os.kill(first.pid, signal.SIGSTOP)
            stack.callback(end, worker_process(shared, "--idle", "100"))
            back = threading.Timer(4.0, os.kill, (first.pid, signal.SIGCONT))
            stack.callback(back.join)
            back.start()

        shorter = partial(folder_pool.folder_pool, lease=3.0)
        scheme = replace(registry.POOLS["dir"], opened=lambda path, tell, *_: shorter(Path(path), tell))
        with mock.patch.dict(registry.POOLS, dir=scheme):
            result = run(tmp_path, study(), pool=f"dir:{shared}", on_result=after(4, fault))
    same(result.trials, expected)


@in_pools
def test_a_dask_scheduler_that_is_killed(tmp_path: Path, expected: pd.DataFrame) -> None:
    """With a worker that joined in the middle."""
    needed("distributed", "dask")
    port = free_port()
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    quiet["env"] = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1] / "helpers")}
    with ExitStack() as stack:
        scheduler = subprocess.Popen([*command, "--port", str(port), "--no-dashboard"], **quiet)
        stack.callback(end, scheduler)
        wait_for_port(port)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}"]
        for _ in range(WORKERS):
            stack.callback(end, subprocess.Popen([*worker, "--no-nanny", "--no-dashboard"], **quiet))
        gone = f"the Dask scheduler at 127.0.0.1:{port} is gone"
        goes_on(tmp_path, expected, gone, f"dask://127.0.0.1:{port}", scheduler.kill)


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
    """A real cluster, through its client server; a worker is killed while it trains, then all of Ray."""
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

        def fault() -> None:
            for process in [*psutil.Process(head.pid).children(recursive=True), head]:
                with suppress(psutil.Error):
                    process.kill()

        goes_on(tmp_path / "head", expected, "the Ray cluster at .* is gone", address, fault)


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
