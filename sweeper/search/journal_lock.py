"""The lock of Optuna's journal file, which no killed process keeps."""

import contextlib
import os
import platform
import time
from pathlib import Path

from sweeper.records.atomic import NEW

STALE = 1.0
"""Seconds after which a lock that names nobody was left by a killed process: writing takes milliseconds."""
PATIENCE = 30.0
"""Seconds after which any lock is taken away, as Optuna does."""


class JournalLock:
    """Holds the journal at `path` alone; for Optuna, or as a context manager.

    It is the file that Optuna's own lock uses, with the name of its holder in it. Optuna's lock cannot tell a
    process that works from one that was killed, and says on a full disk that it "did not possess lock". This
    one is released by its holder's end, and excludes Optuna's all the same.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.with_name(path.name + ".lock")

    def acquire(self) -> bool:
        """Wait for the lock; take it from one who has died.

        Raises:
            OSError: if it cannot be written.
        """
        seen, since = self._held(), time.monotonic()
        while True:
            try:
                descriptor = os.open(self.file, NEW)
            except FileExistsError:
                if (held := self._held()) != seen:  # another holder: one waits for each anew
                    seen, since = held, time.monotonic()
                elif time.monotonic() - since > self._patience():
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(self.file)
                time.sleep(0.01)
                continue
            with contextlib.suppress(OSError):  # a full disk: the lock is held, if by nobody in particular
                os.write(descriptor, f"{os.getpid()}@{platform.node()}".encode())
            os.close(descriptor)
            return True

    def release(self) -> None:
        """Give it back. Where that fails it is stale, which the next to come sees."""
        with contextlib.suppress(OSError):
            os.unlink(self.file)

    def __enter__(self) -> "JournalLock":
        self.acquire()
        return self

    def __exit__(self, *error: object) -> None:
        self.release()

    def _held(self) -> tuple[int, int] | None:
        """What tells one lock from the next; ``None`` where there is none."""
        try:
            found = os.lstat(self.file)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns

    def _patience(self) -> float:
        """Seconds to wait for the present holder."""
        if self.file.is_symlink():  # Optuna's own lock, which links to the journal and names nobody
            return PATIENCE
        try:
            process, _, host = self.file.read_text(encoding="utf-8").partition("@")
        except (OSError, ValueError):
            return STALE
        if not process.isdigit() or int(process) == os.getpid():  # of a container before this one, say
            return STALE
        return PATIENCE if host != platform.node() or _lives(int(process)) else 0.0


def _lives(process: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
