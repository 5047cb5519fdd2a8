"""One study, the same records wherever its trials run: a shared folder, an executor, a copy in a database."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest import mock

import optuna
import pytest
from clusters import KILLED, end, free_port, wait_for_port, worker_process
from pool_runs import after, goes_on, in_pools, same
from postgres import needed, postgres
from whole_runs import run, study

from sweeper.result import Result
from sweeper.search.storage_url import open_url
from sweeper.training.pool import folder_pool, registry
from sweeper.training.pool.interface import Pool

pytestmark = pytest.mark.timeout(600)


def short_lease() -> AbstractContextManager[object]:
    """A worker is given up after three seconds without a beat."""
    shorter = partial(folder_pool.folder_pool, lease=3.0)
    scheme = replace(registry.POOLS["dir"], opened=lambda path, tell, *_: shorter(Path(path), tell))
    return mock.patch.dict(registry.POOLS, dir=scheme)


@in_pools
def test_a_shared_folder(tmp_path: Path, home: Pool, expected: Result) -> None:
    """The only worker is killed while it trains, and another one comes."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    with ExitStack() as stack:
        first = worker_process(shared, "--idle", "100", code=KILLED)

        def next_one() -> None:
            first.wait(300)
            stack.callback(end, worker_process(shared, "--idle", "100"))

        watcher = threading.Thread(target=next_one)
        watcher.start()
        stack.callback(watcher.join)
        stack.callback(end, first)
        with short_lease():
            result = run(tmp_path, study(), home, pool=f"dir:{shared}")
    assert first.returncode == -signal.SIGKILL
    same(result, expected)
    assert set(result.trials["host"]) == {os.uname().nodename}


@in_pools
def test_a_shared_folder_that_is_deleted(tmp_path: Path, home: Pool, expected: Result) -> None:
    """Nothing that had finished is lost."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o700)
    worker = worker_process(shared, "--idle", "100")
    try:
        goes_on(
            tmp_path,
            home,
            expected,
            "folder of this run is gone",
            f"dir:{shared}",
            lambda: shutil.rmtree(shared),
        )
    finally:
        end(worker)


@in_pools
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="stops a process")
def test_a_worker_that_is_stopped_for_longer_than_its_lease(
    tmp_path: Path, home: Pool, expected: Result
) -> None:
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

        with short_lease():
            result = run(tmp_path, study(), home, pool=f"dir:{shared}", on_result=after(4, fault))
    same(result, expected)


@in_pools
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Optuna leaves connections open
@pytest.mark.parametrize("proxied", [False, True], ids=["itself", "by a gRPC proxy"])
def test_a_copy_in_postgresql(tmp_path: Path, home: Pool, expected: Result, proxied: bool) -> None:
    """The trials of the search, which a second call finds there; the records do not change."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres())
        if proxied:
            url = stack.enter_context(grpc_proxy(url))
        for _ in range(2):
            result = run(tmp_path, study(), home, storage=url, jobs=2)
        same(result, expected)
        copy = optuna.load_study(study_name="tiny", storage=open_url(url))
        searched = result.trials.query("phase != 'confirm'").sort_values("trial")
        assert [trial.value for trial in copy.trials if trial.state.name == "COMPLETE"] == searched.query(
            "outcome == 'completed'"
        )["objective"].tolist()
        del copy
        gc.collect()  # its connections


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
def test_an_executor(tmp_path: Path, home: Pool, expected: Result) -> None:
    """From Python; its threads only wait."""
    with ThreadPoolExecutor(2) as executor:
        result = run(tmp_path, study(), home, pool=executor)
    same(result, expected)
