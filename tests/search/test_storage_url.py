"""Storages by URL: whatever is wrong with one is one message, with what would mend it."""

import sys
from unittest import mock

import pytest

from sweeper.errors import UserError
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
def test_what_is_wrong_is_said(url: str, module: str, problem: str) -> None:
    """The package that is missing and the line that installs it, or how the address is written."""
    absent = {name: None for name in sys.modules if module and name.split(".")[0] == module} | {module: None}
    absent |= {name: None for name in sys.modules if "_grpc" in name and module == "grpc"}
    with mock.patch.dict(sys.modules, absent), pytest.raises(UserError) as caught:
        open_url(url)
    assert str(caught.value) == (
        f"--storage {url!r}: cannot be opened: {problem}. For example sqlite:///sweeper.db"
    )
