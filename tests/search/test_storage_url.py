"""Storages by URL: whatever is wrong with one is one message, with what would mend it."""

import sys
import threading

import pytest
from clusters import silent_door

from sweeper.errors import UserError
from sweeper.search import storage_url
from sweeper.search.storage_url import open_url


@pytest.mark.parametrize(
    ("url", "module", "problem"),
    [
        (
            "postgresql://h/d",
            "psycopg",
            "its driver psycopg is missing; install it with: pip install 'sweeper-torch[postgres]'",
        ),
        (
            "grpc://127.0.0.1:1",
            "grpc",
            "its driver grpc is missing; install it with: pip install 'sweeper-torch[grpc]'",
        ),
        ("grpc://127.0.0.1", "", "the address of a proxy is written grpc://host:13000"),
        (
            "nosuch://h/d",
            "",
            "unknown database; known are: sqlite, postgresql, mysql, oracle, mssql, and a proxy by grpc",
        ),
    ],
)
def test_what_is_wrong_is_said(url: str, module: str, problem: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package that is missing and the line that installs it, or how the address is written.

    What is imported for the first time meanwhile stays imported: a second time SQLAlchemy is not itself.
    """
    absent = {name for name in sys.modules if module and name.split(".")[0] == module} | {module}
    absent |= {name for name in sys.modules if "_grpc" in name and module == "grpc"}
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError) as caught:
        open_url(url)
    assert str(caught.value) == (
        f"--storage {url!r}: cannot be opened: {problem}. For example sqlite:///sweeper.db"
    )


@pytest.mark.parametrize("url", ["postgresql://me:secret@127.0.0.1:{}/d", "grpc://127.0.0.1:{}"])
def test_a_server_that_takes_connections_and_never_answers_is_one_message(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within its time, whatever the driver would wait for."""
    pytest.importorskip("psycopg" if url.startswith("p") else "grpc", reason="make pools runs it")
    monkeypatch.setattr(storage_url, "PATIENCE", 1)
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")  # the least that libpq takes
    with silent_door() as port, pytest.raises(UserError) as caught:
        open_url(url.format(port))
    said = str(caught.value)
    assert said.startswith("--storage ")
    assert "timeout" in said or "no proxy answers there within 1 s" in said
    assert "secret" not in said


def test_a_driver_without_a_limit_of_its_own_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the time."""
    over = threading.Event()
    monkeypatch.setattr(storage_url, "LIMIT", 0.05)
    monkeypatch.setattr(storage_url.optuna.storages, "get_storage", lambda url: over.wait(60))
    with pytest.raises(UserError, match=r"cannot be opened: no answer within 0\.05 s"):
        open_url("mysql://h/d")
    over.set()
