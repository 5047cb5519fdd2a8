"""What ends a worker process that nobody waits for any more, and what the process says of its end.

Imports nothing heavy: a worker that has nothing to do stays small.
"""

import faulthandler
import os
import re
import shutil
import signal
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from filelock import FileLock, Timeout

PERIOD = 0.5
"""Seconds between two looks at the parent process."""
GRACE = 5.0
"""Most seconds past its limit after which a trial that does not look at the clock is ended by force."""

LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
SHARED = Path("/dev/shm")
ROOM = 2 << 30
"""Bytes that must be free in shared memory; else large arrays go to the folder of temporary files."""

PREFIX, LOCK = "sweeper-workers-", "lock"
"""Of a `private_folder`, and of the file in it that its process holds locked."""

_words: TextIO | None = None
"""Where faulthandler writes in this process; ``None``: nowhere."""


def start_worker(parent: int, folder: str) -> None:
    """The first thing a worker process does: follow its `parent`, and leave its last words in `folder`.

    Ctrl-C reaches worker processes too, but the driver decides what follows.
    """
    global _words
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # what is printed there must not get between the lines of a command's answer
    _words = (Path(folder) / f"{os.getpid()}.txt").open("w", encoding="utf-8")
    faulthandler.enable(_words)
    follow(parent)


@contextmanager
def private_folder() -> Iterator[Path]:
    """A folder of this process for what is shared with its workers, deleted at the end.

    Folders of processes that were killed are deleted first: the system takes their locks away. It lies in
    shared memory where there is some.
    """
    for folder in {Path(tempfile.gettempdir()), SHARED}:
        for other in folder.glob(f"{PREFIX}*"):
            _delete_if_left(other)
    base = SHARED if os.access(SHARED, os.W_OK) and shutil.disk_usage(SHARED).free > ROOM else None
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, dir=base, ignore_cleanup_errors=True) as made,
        FileLock(Path(made) / LOCK),
    ):
        yield Path(made)


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


def follow(parent: int) -> None:
    """From now on, end this process when process `parent` is no longer its parent.

    An orphan is handed to another parent; on Windows the number stays, and loky's own pipe ends it.
    """
    threading.Thread(target=_look, args=(parent,), daemon=True, name="sweeper-watchdog").start()


def _look(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(0)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """While open, the process ends with exit code 1 when `seconds` and a grace as long, or `GRACE`, pass.

    The clock is faulthandler's: it needs no bytecode to run, so it also ends an endless loop in C.
    """
    if seconds is None:
        yield
        return
    with open(os.devnull, "w") as nowhere:
        wait = seconds + min(seconds, GRACE)
        faulthandler.dump_traceback_later(wait, exit=True, file=_words or nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


@dataclass(frozen=True)
class LastWords:
    """What a process left behind that ended in the middle of its work."""

    timeout: bool = False
    """Whether its `deadline` passed."""
    place: str = ""
    """``file.py:12`` of the innermost Python frame, outside of libraries if there is one; else empty."""

    @property
    def where(self) -> str:
        """The place in brackets, behind a space."""
        return f" ({self.place})" if self.place else ""


def last_words(folder: Path) -> LastWords:
    """Those of the one process that had something to say since the last call."""
    found = LastWords()
    for file in sorted(folder.glob("*.txt")):
        text = file.read_text(encoding="utf-8", errors="replace")
        if text:  # the empty ones are of those who live, or were ended by the driver
            file.unlink()
            frames = re.findall(r'File "([^"]*)", line (\d+)', text.split("most recent call first")[-1])
            own = [frame for frame in frames if not frame[0].startswith(LIBRARIES)] or frames
            place = f"{os.path.basename(own[0][0])}:{own[0][1]}" if own else ""
            found = LastWords(text.startswith("Timeout"), place)
    return found


def end_of(error: BaseException, whose: str) -> str:
    """What loky says of the end of `whose` worker process: exit codes, or what it could not read."""
    if error.__cause__ is not None:
        return f"{whose} worker process could not read its task{last_line(error)}"
    codes = re.findall(r"(EXIT|SIG\w+)\((-?\d+)\)", str(error))
    ends = [f"exit code {code}" if name == "EXIT" else f"signal {name}" for name, code in codes]
    hint = "; the system does that when memory runs out" * ("signal SIGKILL" in ends)
    return f"{whose} worker process ended: {' and '.join(ends) or 'exit code unknown'}{hint}"


def last_line(error: BaseException) -> str:
    """``: Type: text`` of the traceback that loky brings along from another process or thread, if it does."""
    lines = str(error.__cause__ or "").strip(' \n"').splitlines()
    return f": {lines[-1].strip()[:300]}" if lines else ""
