"""A PostgreSQL server of its own on loopback, from the system's packages."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from clusters import demanded, free_port, wait_for_port


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs or find_spec("psycopg") is None:
        demanded(
            "PostgreSQL is not installed: apt-get install postgresql; pip install 'sweeper-torch[postgres]'"
        )
    user = "postgres" if os.getuid() == 0 else None  # it refuses to run as root
    folder = Path(tempfile.mkdtemp())
    try:
        if user:
            shutil.chown(folder, user)
        port, data = free_port(), folder / "data"
        initdb = [programs[-1], "-D", data, "-U", "sweeper", "-A", "trust", "--no-sync"]
        subprocess.run(initdb, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=60)
        command = [programs[-1].with_name("postgres"), "-D", data, "-p", str(port), "-k", folder, "-F"]
        server = subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)
            yield f"postgresql://sweeper@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM waits for its clients
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def needed(package: str, extra: str) -> None:
    """Skip where a package is missing, unless all are demanded."""
    if find_spec(package) is None:
        demanded(f"{package} is not installed: pip install 'sweeper-torch[{extra}]'")
