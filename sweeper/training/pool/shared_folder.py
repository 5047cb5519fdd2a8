"""What driver and workers write into a shared folder, and how each sees that the other lives.

::

    DIR/workers/NAME              one file a worker, written again every `BEAT` seconds
    DIR/sweeps/ID/driver          the same of a driver; a sweep whose folder is gone has ended
                 /shared/NAME     values that calls name
                 /calls/N         calls that wait
                 /claimed/N@NAME  a call that a worker has claimed, by renaming it
                 /results/N       what became of it

Whatever is read is whole: files are written under another name and renamed. No clock is compared with that of
another machine: who looks counts the seconds since a file has last changed.
"""

import contextlib
import itertools
import os
import pickle
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.errors import UserError
from sweeper.training.pool.machine import Machine

BEAT = 1.0
"""Seconds between two signs of life."""
LEASE = 20.0
"""Seconds without one after which a worker is given up and its calls are free again."""
WORKERS, SWEEPS = "workers", "sweeps"
CALLS, CLAIMED, RESULTS, SHARED, DRIVER = "calls", "claimed", "results", "shared", "driver"
AT = "@"
"""Between the number of a call and the worker that has claimed it."""


@dataclass(frozen=True)
class Member:
    """What a worker or a driver says of itself in its file."""

    machine: Machine
    width: int
    """Calls that a worker runs at the same time."""
    beat: int = 0


def checked(folder: Path) -> Path:
    """`folder`, if calls may lie there: they are pickles, which run code when they are read.

    Raises:
        UserError: if it is not there, or if somebody else could write into it.
    """
    try:
        found = folder.stat()
    except OSError as error:
        raise UserError(
            f"pool folder {folder}: {error.strerror}; make it first: mkdir -m 700 {folder}"
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise UserError(f"pool folder {folder}: it is no folder; give one that all machines share")
    if hasattr(os, "getuid"):
        if found.st_uid != os.getuid():
            raise UserError(
                f"pool folder {folder}: it belongs to another user (number {found.st_uid}), whose files "
                "would run as you; give a folder of your own"
            )
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise UserError(
                f"pool folder {folder}: others may write into it (mode {stat.S_IMODE(found.st_mode):o}), and "
                f"what lies there runs as you; make it private: chmod 700 {folder}"
            )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"pool folder {folder}: it cannot be written; give a folder that all machines can write"
        )
    for name in (WORKERS, SWEEPS):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
        if (folder / name).is_symlink():
            raise UserError(f"pool folder {folder}: {name} is a link; delete it")
    return folder.resolve()


_written = itertools.count()


def publish(file: Path, content: bytes) -> None:
    """Write `file` so that others see all of it or nothing."""
    temporary = file.parent / f".{file.name}.{os.getpid()}.{next(_written)}"
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def listed(folder: Path) -> list[str]:
    """Names of the published files in a folder; none if it is gone."""
    try:
        return [name for name in os.listdir(folder) if not name.startswith(".")]
    except OSError:
        return []


def read(file: Path) -> Any:
    """What a published file holds, unpickled; ``None`` if it is gone."""
    try:
        return pickle.loads(file.read_bytes())
    except OSError:
        return None


def publish_value(file: Path, value: Any) -> None:
    """`publish` a pickle."""
    publish(file, pickle.dumps(value, protocol=5))


@contextmanager
def beating(file: Path, member: Callable[[int], Member]) -> Iterator[None]:
    """While open, a thread writes ``member(0)``, ``member(1)`` … to `file`, which is deleted at the end.

    A disk that cannot be written for some time is no reason to end: others will wait, or give up.
    """
    over = threading.Event()
    publish_value(file, member(0))

    def beat() -> None:
        for number in itertools.count(1):
            if over.wait(BEAT):
                return
            with contextlib.suppress(OSError):
                publish_value(file, member(number))

    thread = threading.Thread(target=beat, daemon=True, name="sweeper-beat")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


class Pulse:
    """Follows files that beat, by the clock of this process."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[Member | None, float]] = {}

    def of(self, file: Path) -> tuple[Member | None, float]:
        """What the file says, and for how many seconds it has been the same; ``None`` if it is gone."""
        member, now = read(file), time.monotonic()
        before = self._seen.get(file)
        if before is None or before[0] != member:
            before = self._seen[file] = (member, now)
        return member, now - before[1]
