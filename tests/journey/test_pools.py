"""One study, the same records wherever its trials run, with a worker killed in the middle."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import pytest
from clusters import WORKERS, dask_cluster, end, worker_process
from soak import SOAK
from whole_runs import run, study

pytestmark = pytest.mark.timeout(600)
in_soak = pytest.mark.skipif(not SOAK, reason="imports torch in many processes; make soak runs it")


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


@in_soak
def test_dask_workers_with_four_threads(tmp_path: Path, expected: pd.DataFrame) -> None:
    """Threads of one process share seeds and precision; trials do not run in them. A worker is killed."""
    pytest.importorskip("distributed", reason="pip install 'sweeper-torch[dask]'")
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


@in_soak
def test_an_executor(tmp_path: Path, expected: pd.DataFrame) -> None:
    """From Python; its threads only wait."""
    with ThreadPoolExecutor(2) as executor:
        result = run(tmp_path, study(), pool=executor)
    same(result.trials, expected)
