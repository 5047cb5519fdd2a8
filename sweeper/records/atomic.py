"""Files that are whole or as they were, whatever happens while they are written; and files put aside.

A temporary file has a random name that nobody can have prepared, is created anew (``O_EXCL``: never through
a link), and is locked as long as its writer lives. So one that nobody locks was left by a process that was
killed, and the next write to its folder removes it.
"""

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from sweeper.errors import RunFolderError

try:
    import fcntl
except ImportError:  # Windows, where nobody can remove a file that another process holds open
    fcntl = None  # type: ignore[assignment]

_TEMPORARY = re.compile(r".+\.[0-9a-f]{16}\.tmp")
NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
"""How a file is opened that must not be there yet, nor be a link to another."""


def write_atomically(file: Path, content: str | bytes) -> None:
    """Write to a temporary file beside `file`, sync, rename. Text is UTF-8 with plain newlines.

    Raises:
        OSError: with `file` as its ``filename``; `file` is as it was then, and no temporary file is left.
    """
    try:
        remove_leftovers(file.parent)
        temporary, descriptor = _create(file)
        try:
            try:
                write_all(descriptor, content.encode("utf-8") if isinstance(content, str) else content)
                os.fsync(descriptor)
                if fcntl is not None:
                    os.replace(temporary, file)  # while it is locked: nobody may take it for a leftover
            finally:
                os.close(descriptor)
            if fcntl is None:
                os.replace(temporary, file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(file)) from error


@contextlib.contextmanager
def writing(what: str, folder: Path) -> Iterator[None]:
    """Raises `RunFolderError` where `what` cannot be written to `folder`; it names the file."""
    try:
        yield
    except OSError as error:
        place = error.filename if error.filename and Path(error.filename).parent.is_dir() else folder
        reason = f"{what} cannot be written to {place}: {error.strerror or error}"
        raise RunFolderError(f"{reason}; choose another --reports folder") from None


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`, in as many pieces as the system takes it."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def is_temporary(name: str) -> bool:
    """Whether a file of this name was made by `write_atomically` on its way."""
    return _TEMPORARY.fullmatch(name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of processes that have ended."""
    with os.scandir(folder) as entries:
        leftovers = [entry.path for entry in entries if is_temporary(entry.name)]
    for path in leftovers:
        with contextlib.suppress(OSError):  # it has just got its name, or is locked, or is no file
            if fcntl is None:
                os.unlink(path)
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)
            finally:
                os.close(descriptor)


def _create(file: Path) -> tuple[str, int]:
    """A new temporary file for `file`, and its descriptor, which holds a lock on it."""
    while True:
        path = f"{file}.{secrets.token_hex(8)}.tmp"
        descriptor = os.open(path, NEW, 0o666)
        if fcntl is None:
            return path, descriptor
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # somebody took it for a leftover before it was locked


def beside(path: Path, what: str) -> Path:
    """A name next to `path` that is not in use."""
    stamp = f"{path.name}.{what}-{time.strftime('%Y%m%d-%H%M%S')}"
    names = [stamp, *(f"{stamp}-{k}" for k in range(2, 1000))]
    return next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))


def set_aside(path: Path) -> Path:
    """Give what lies at `path` another name, which is returned; its content stays."""
    kept = beside(path, "aside")
    os.rename(path, kept)
    return kept


def refuse_no_folder(report: Path) -> None:
    """Refuse the folder of a report where a file stands in its way, before anything is written.

    Raises:
        RunFolderError: naming that file.
    """
    there = next((each for each in (report, *report.parents) if os.path.lexists(each)), None)
    if there is not None and not there.is_dir():
        raise RunFolderError(
            f"{there} is no folder, so no report can be written to {report}; choose another --reports folder"
        )


def refuse_links(*folders: Path) -> None:
    """Refuse folders and files that are links: what is replaced and deleted would be somebody else's.

    Raises:
        RunFolderError: naming the first.
    """
    for folder in folders:
        if folder.is_symlink():
            raise RunFolderError(
                f"{folder} is a symbolic link, and files are replaced and deleted there: nothing is written "
                "through a link; remove it, or choose another folder"
            )
