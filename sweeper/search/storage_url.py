"""Optuna's storages by URL: databases, and a proxy of one (``grpc://host:13000``)."""

import os
import re
from functools import partial

import optuna
from optuna.storages import BaseStorage

from sweeper.beside import within
from sweeper.errors import UserError, first_line
from sweeper.passwords import masked_url, problem_of
from sweeper.search.quiet import quiet

PACKAGES = {
    "MySQLdb": "mysqlclient",
    "google": "'sweeper-torch[grpc]'",
    "grpc": "'sweeper-torch[grpc]'",
    "psycopg": "'sweeper-torch[postgres]'",
    "psycopg2": "psycopg2-binary",
}
"""Module of a database driver -> what installs it, where the names differ."""
PATIENCE = 10
"""Seconds in which a server must answer."""
LIMIT = 30.0
"""Seconds in which all of a storage must be open, whatever its driver waits for; a file is not bounded."""
PROXY = re.compile(r"grpc://([^\s/:@]+):(\d+)/?")


def open_url(url: str, option: str = "--storage") -> BaseStorage:
    """A storage by URL, which was given as `option`.

    Raises:
        UserError: in one message, whatever is wrong with it.
    """
    os.environ.setdefault("PGCONNECT_TIMEOUT", str(PATIENCE))  # libpq's own is none
    opened = partial(_proxy if url.startswith("grpc:") else optuna.storages.get_storage, url)
    try:
        return opened() if url.startswith("sqlite") else within(LIMIT, opened)
    except Exception as error:  # sqlalchemy, drivers and Optuna raise many kinds here
        raise UserError(
            f"{option} {masked_url(url)!r}: cannot be opened: {problem_of(url, _why(error))}. "
            "For example sqlite:///sweeper.db"
        ) from None


def _proxy(url: str) -> BaseStorage:
    found = PROXY.fullmatch(url)
    if not found:
        raise ValueError("the address of a proxy is written grpc://host:13000")
    with quiet():
        storage = optuna.storages.GrpcStorageProxy(host=found[1], port=int(found[2]))
    try:
        storage.wait_server_ready(timeout=PATIENCE)
    except ConnectionError:
        raise ValueError(f"no proxy answers there within {PATIENCE} s") from None
    return storage


def _why(error: Exception) -> str:
    """One sentence; of a missing driver with the line that installs it."""
    missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__
    if isinstance(missing, ModuleNotFoundError) and missing.name:
        driver = missing.name.partition(".")[0]
        return f"its driver {driver} is missing; install it with: pip install {PACKAGES.get(driver, driver)}"
    if type(error).__name__ == "NoSuchModuleError":  # SQLAlchemy's, which is imported only with a URL
        return "unknown database; known are: sqlite, postgresql, mysql, oracle, mssql, and a proxy by grpc"
    if "RedisStorage" in str(error):
        return "Optuna no longer supports Redis; use a database, or omit --storage for the journal file"
    return first_line(error)
