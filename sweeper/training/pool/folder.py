"""A folder for what a process shares with its workers; it deletes those of processes that were killed."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

SHARED_MEMORY = Path("/dev/shm")
FREE_BYTES = 2 << 30
"""Bytes that must be free in shared memory; else the folder lies among the temporary files."""

PREFIX, LOCK = "sweeper-workers-", "lock"
"""Of a `private_folder`, and of the file in it that its process holds locked."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder, deleted at the end. It lies in shared memory where there is some.

    Folders of processes that were killed are deleted first: the system takes their locks away.
    """
    for folder in {Path(tempfile.gettempdir()), SHARED_MEMORY}:
        for other in folder.glob(f"{PREFIX}*"):
            _delete_if_left(other)
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=_base(), ignore_cleanup_errors=True) as made,
        FileLock(Path(made) / LOCK),
    ):
        yield Path(made)


def _base() -> Path | None:
    if not os.access(SHARED_MEMORY, os.W_OK):
        return None
    return SHARED_MEMORY if shutil.disk_usage(SHARED_MEMORY).free > FREE_BYTES else None


def _delete_if_left(folder: Path) -> None:
    """Delete a `private_folder` of a process that has ended; those of other users stay."""
    lock = folder / LOCK
    try:
        fresh = time.time() - lock.stat().st_mtime < 60  # its owner may be about to lock it
        if fresh or folder.is_symlink() or lock.is_symlink():
            return
        with FileLock(lock, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, Timeout):  # in use, gone meanwhile, or not ours
        return
