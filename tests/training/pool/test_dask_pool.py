"""A Dask cluster that goes away, or whose workers have other versions, is one message."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from clusters import dask_cluster, end, nothing, silent

from sweeper.errors import StateKept, UserError
from sweeper.training.pool import dask_pool, messages
from sweeper.training.pool.machine import this_machine
from sweeper.training.pool.registry import open_pool

pytest.importorskip("distributed", reason="pip install 'sweeper-torch[dask]'")
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster."""
    with dask_cluster(threads=1) as made:
        yield made


def test_workers_of_other_versions_are_refused(address: str) -> None:
    """In a line that names one and the difference."""
    other = replace(this_machine(), torch="1.0")
    refused = r"^--pool dask://.*: worker tcp://.* is refused: .* has torch .*, the driver 1\.0$"
    with (
        mock.patch.object(dask_pool, "this_machine", return_value=other),
        pytest.raises(UserError, match=refused),
        open_pool(address, 1, silent, nothing),
    ):
        pass


def test_a_scheduler_that_others_use_is_left_as_it_was(address: str) -> None:
    """Tasks may lose workers again once the last of several runs has ended; a run that comes to none, too."""
    from distributed import Client

    with Client(address.replace("dask", "tcp"), set_as_default=False) as client:
        allowed = [client.run_on_scheduler(_allowed)]
        with pytest.raises(TimeoutError), mock.patch.object(dask_pool.DaskBackend, "shake_hands", _late):
            open_pool(address, 1, silent, nothing).__enter__()
        allowed.append(client.run_on_scheduler(_allowed))
        with ExitStack() as first, ExitStack() as second:
            first.enter_context(open_pool(address, 1, silent, nothing))
            second.enter_context(open_pool(address, 1, silent, nothing))
            first.close()
            during = client.run_on_scheduler(_allowed)
        allowed.append(client.run_on_scheduler(_allowed))
    assert during == 0
    assert allowed == [3, 3, 3]


def _allowed(dask_scheduler: Any) -> int:
    return int(dask_scheduler.allowed_failures)


def _late(*_: object) -> None:
    raise TimeoutError


def test_a_call_goes_elsewhere_when_its_worker_is_left_out(address: str) -> None:
    """One of two workers has other versions."""
    told: list[str] = []
    with (
        mock.patch.object(dask_pool, "_text", side_effect=["its torch is old"]),
        mock.patch.object(dask_pool, "difference_here", _unlike_on_one),
        open_pool(address, 1, told.append, nothing) as pool,
    ):
        assert pool.width == 1
        assert pool.next_done([pool.submit(max, 1, 2)]).unwrap() == 2
    assert [line.partition(" is left out: ")[2] for line in told] == ["its torch is old"]


def _unlike_on_one(driver: object, dask_worker: object = None) -> str:
    """In a worker: a difference on the first one alone."""
    return "unlike" if str(getattr(dask_worker, "name", "0")) == "0" else ""


def test_a_scheduler_that_goes_away_ends_the_run() -> None:
    """Also while the run waits for its first worker: nobody waits for ever."""
    command = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--dashboard-address",
        ":0",
    ]
    with ExitStack() as stack:
        scheduler = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        stack.callback(end, scheduler)
        assert scheduler.stderr is not None
        stack.enter_context(scheduler.stderr)
        place = next(line.split("tcp://")[1] for line in scheduler.stderr if "Scheduler at:" in line).strip()
        threading.Timer(3.0, scheduler.kill).start()
        gone = f"^the Dask scheduler at {place} is gone"
        with pytest.raises(StateKept, match=gone), open_pool(f"dask://{place}", 1, silent, nothing):
            pass


def test_a_cluster_without_workers_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says so; versions are asked of the workers that join, and nothing is handed out before."""
    monkeypatch.setattr(dask_pool, "LOOK", 0.01)
    client, told = mock.MagicMock(), list[str]()
    client.run_on_scheduler.return_value = {}
    client.nthreads.side_effect = [{}, {}, {}, {"tcp://late": 2}]
    client.run.return_value = {"tcp://late": ""}
    dask_pool.DaskBackend(client, "here:1", mock.MagicMock()).shake_hands(told.append)
    assert told == ["no worker is there yet; the run waits until one has joined"]
    assert client.nthreads.call_count == 4
    client.scatter.assert_not_called()


def test_a_worker_that_leaves_while_values_are_sent_is_no_end_of_the_scheduler(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dask answers with an error then: the values are sent again, to those that are there."""
    monkeypatch.setattr(dask_pool, "LOOK", 0.01)
    client = mock.MagicMock()
    client.run_on_scheduler.return_value = {}
    client.nthreads.return_value = {"tcp://other": 2}
    client.scatter.side_effect = [KeyError("tcp://left"), "sent"]
    backend = dask_pool.DaskBackend(client, "here:1", mock.MagicMock())
    assert backend.put(messages.Blob("data", b"", ())) == "data"
    assert client.scatter.call_count == 2
    client.scatter.side_effect = OSError("gone")
    with pytest.raises(StateKept, match=r"^the Dask scheduler at here:1 is gone"):
        backend.put(messages.Blob("more", b"", ()))
