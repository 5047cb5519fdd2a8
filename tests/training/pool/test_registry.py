"""Addresses of pools: what is no pool is one message that says how it is written."""

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import pytest
from clusters import nothing, silent, silent_door

from sweeper.errors import UserError
from sweeper.training.pool import registry
from sweeper.training.pool.interface import NotSendable
from sweeper.training.pool.node import IDLE
from sweeper.training.pool.registry import check_place, open_pool, parse


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("local", ("local", "")),
        ("dir:/shared/path", ("dir", "/shared/path")),
        ("dask://host:8786", ("dask", "host:8786")),
    ],
)
def test_addresses_are_read(place: str, expected: tuple[str, str]) -> None:
    """Scheme and address."""
    with mock.patch.object(registry, "is_installed", return_value=True):
        assert parse(place) == expected


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("dsk://host:8786", "did you mean 'dask'?"),
        ("Local", "did you mean 'local'?"),
        ("slurm", "allowed: local, dir, dask, ray, as local, dir:/shared/path, dask://host:8786, ray://"),
        ("", "allowed: local"),
        ("dir:", "an address of this kind is written dir:/shared/path"),
        ("dask://host", "an address of this kind is written dask://host:8786"),
        (
            "localhost:8786",
            "an address needs its kind before it: dask://localhost:8786 or ray://localhost:8786",
        ),
        ("/shared/path", "a shared folder is written dir:/shared/path"),
        ("dask:host:8786", "written dask://host:8786"),
    ],
)
def test_what_is_no_pool_is_refused(place: str, problem: str) -> None:
    """With what is allowed."""
    with pytest.raises(UserError, match=r"^--pool ") as refused:
        parse(place)
    assert problem in str(refused.value)


@pytest.mark.parametrize(("place", "extra"), [("dask://localhost:8786", "dask")])
def test_an_extra_that_is_missing_is_named(place: str, extra: str) -> None:
    """With the line that installs it."""
    with mock.patch.object(registry, "is_installed", return_value=False), pytest.raises(UserError) as refused:
        parse(place)
    assert f"pip install 'sweeper-torch[{extra}]'" in str(refused.value)


def test_jobs_count_local_processes() -> None:
    """Another pool is as wide as its workers."""
    check_place("local", 3)
    check_place("dir:/x", None)
    with pytest.raises(UserError, match=r"^--jobs 3: it counts processes of this machine"):
        check_place("dir:/x", 3)


def test_a_scheduler_that_does_not_answer_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a stated time."""
    pytest.importorskip("distributed", reason="pip install 'sweeper-torch[dask]'")
    from sweeper.training.pool import dask_pool

    monkeypatch.setattr(dask_pool, "PATIENCE", 0.5)
    with (
        pytest.raises(
            UserError, match=r"^--pool dask://127.0.0.1:9: no scheduler answers there within 0.5 s"
        ),
        open_pool("dask://127.0.0.1:9", 1, silent, nothing),
    ):
        pass


NEVER = """
import sys
from sweeper.errors import UserError
from sweeper.training.pool import dask_pool, ray_pool, registry
dask_pool.PATIENCE = ray_pool.ANSWER = 1.0
for place in sys.argv[1:]:
    try:
        with registry.open_pool(place, 1, print):
            print("open")
    except UserError as error:
        print(error)
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("places", [["dask://{}", "ray://{}"], ["ray://auto"]], ids=["by address", "auto"])
def test_what_takes_connections_and_never_answers_is_one_message(places: list[str]) -> None:
    """Each within its time, on stdout alone here; what still waits does not keep the process from ending."""
    for package in ("distributed", "ray", "grpc"):
        pytest.importorskip(package, reason="starts engines; make pools runs it")
    with silent_door() as port:
        there = [place.format(f"127.0.0.1:{port}") for place in places]
        done = subprocess.run(
            [sys.executable, "-c", NEVER, *there],
            env=os.environ | {"RAY_ADDRESS": f"127.0.0.1:{port}", "RAY_AUTH_MODE": "disabled"},
            capture_output=True,
            text=True,
            timeout=60,
        )
    said = done.stdout.splitlines()
    assert (done.returncode, done.stderr, len(said)) == (0, "", len(places))
    for place, line in zip(there, said, strict=True):
        assert line.startswith(f"--pool {place}: no ")
        assert "(no answer within 1 s)" in line


def test_processes_of_an_executor_end_with_it() -> None:
    """They do not wait for the processes they have started to become idle."""
    executor = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with open_pool(executor, 1, silent, nothing) as pool:
        assert pool.next_done([pool.submit(divmod, 7, 3)]).unwrap() == (2, 1)
    start = time.monotonic()
    executor.shutdown(wait=True)
    assert time.monotonic() - start < IDLE / 2


def test_any_executor_is_a_pool() -> None:
    """Threads too: each call runs in a process of its own. The executor stays open."""
    with ThreadPoolExecutor(1) as executor:
        with open_pool(executor, 5, silent, nothing) as pool:
            assert pool.width == 1
            assert pool.next_done([pool.submit(divmod, 7, 3)]).unwrap() == (2, 1)
            with pytest.raises(NotSendable):
                pool.submit(next, iter(Path.cwd().glob("*")))
        assert executor.submit(int, "3").result(60) == 3
