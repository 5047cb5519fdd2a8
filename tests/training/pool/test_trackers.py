"""What workers leave behind is removed without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing

from sweeper.training.pool.local import local_pool


def prepare():
    pass


def lock():
    multiprocessing.kept = multiprocessing.Lock()
    return multiprocessing.kept._semlock.name


if __name__ == "__main__":
    with local_pool(1, prepare) as pool:
        print(pool.next_done([pool.submit(lock)]).value)
"""


@pytest.mark.skipif(os.name != "posix", reason="locks have no names there")
def test_a_lock_that_a_worker_made_is_removed_silently(tmp_path: Path) -> None:
    """A worker is killed, whatever code of the user or a library has made there."""
    file = tmp_path / "script.py"
    file.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.startswith("/")
    assert done.stderr == ""
    assert not Path(f"/dev/shm/sem.{done.stdout.strip()[1:]}").exists()
