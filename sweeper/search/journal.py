"""Optuna's journal file with grouped writes and a healed tail.

Optuna syncs the file once per operation, nine times a trial. Inside `group` operations gather in
memory and reach the file in one write and one sync.
"""

import json
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend, JournalFileBackend, JournalFileOpenLock


class GroupedJournal(BaseJournalBackend):
    """A journal file whose appends can be gathered. Other processes may append between groups."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = JournalFileOpenLock(str(path))
        self._file = JournalFileBackend(str(path), lock_obj=self._lock)
        self._gathered: list[dict[str, Any]] | None = None
        self._lines, self._bytes = 0, 0  # complete lines seen so far, and where they end

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        """Entries of the file from that number on, then those gathered and not yet written."""
        yield from self._file.read_logs(log_number_from)
        if self._gathered is not None:
            yield from self._gathered[max(log_number_from - self._lines, 0) :]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if self._gathered is None:
            self._file.append_logs(logs)
        else:
            self._gathered.extend(logs)

    @contextmanager
    def group(self) -> Iterator[None]:
        """Everything appended inside is written at the end, in one piece; the file is locked meanwhile."""
        if self._gathered is not None:
            yield
            return
        self._lock.acquire()
        try:
            self._count_lines()
            self._gathered = []
            yield
        finally:
            gathered, self._gathered = self._gathered or [], None
            try:
                if gathered:
                    self._write(gathered)
            finally:
                self._lock.release()

    def _count_lines(self) -> None:
        with self.path.open("rb") as file:
            file.seek(self._bytes)
            fresh = file.read()
        self._lines += fresh.count(b"\n")
        self._bytes += len(fresh)

    def _write(self, logs: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self.path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def heal(path: Path) -> Path | None:
    """Cut what a crash left behind the last sound line; return the file that keeps the cut bytes.

    Optuna reads a journal whose last line is torn, but the next append would make it unreadable.
    A lock left by a killed process is removed: the caller holds the lock of the whole run.
    """
    for lock in (path.with_name(path.name + ".lock"),):
        if os.path.lexists(lock) and time.time() - os.lstat(lock).st_mtime > 1:
            lock.unlink(missing_ok=True)
    if not path.exists():
        return None
    content = path.read_bytes()
    sound = _sound_length(content)
    if sound == len(content):
        return None
    kept = path.with_name(f"{path.name}.cut-{time.strftime('%Y%m%d-%H%M%S')}")
    kept.write_bytes(content[sound:])
    with path.open("rb+") as file:
        file.truncate(sound)
        os.fsync(file.fileno())
    return kept


def _sound_length(content: bytes) -> int:
    """Bytes up to the end of the last line before the first that is torn."""
    length = 0
    for line in content.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            json.loads(line)
        except ValueError:
            break
        length += len(line)
    return length
