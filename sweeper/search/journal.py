"""Optuna's journal file: many trials in one write, and a healed tail.

Optuna's own backend syncs the file once per operation and keeps every trial in memory to replay the
file. Here the operations of a group are gathered in memory by a storage that lives no longer than
the group, and reach the file in one write and one sync.
"""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend, JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeper.records.atomic import beside, write_all, write_atomically
from sweeper.search.journal_lock import JournalLock
from sweeper.search.quiet import quiet

Log = dict[str, Any]
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def open_journal(path: Path) -> JournalStorage:
    """The storage of a journal file, read whole; other processes may write to the file meanwhile."""
    with quiet():
        return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalLock(path)))  # type: ignore[arg-type]


class JournalWriter:
    """Appends finished trials to the study `name` in the journal file at `path`, which it creates."""

    def __init__(self, path: Path, name: str, direction: StudyDirection) -> None:
        self.path, self.name = path, name
        self._studies: list[Log] = []
        if path.exists():
            with path.open("rb") as file:
                self._studies = [log for line in file if _is_of_studies(log := json.loads(line))]
        if name not in optuna.get_all_study_names(_storage(_Scratch(self._studies))):
            scratch = _Scratch(self._studies)
            optuna.create_study(study_name=name, storage=_storage(scratch), direction=direction)
            self._write(scratch.fresh)
            self._studies += scratch.fresh

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Append `trials`, in one piece; when this returns they are on the disk."""
        scratch = _Scratch(self._studies)
        optuna.load_study(study_name=self.name, storage=_storage(scratch)).add_trials(trials)
        self._write(scratch.fresh)

    def _write(self, logs: Iterable[Log]) -> None:
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with JournalLock(self.path):
            descriptor = os.open(self.path, _APPEND, 0o666)
            try:
                before = os.fstat(descriptor).st_size
                try:
                    write_all(descriptor, text.encode())
                    os.fsync(descriptor)
                except OSError:
                    os.ftruncate(descriptor, before)  # half a group would not be read again
                    raise
            finally:
                os.close(descriptor)


def _is_of_studies(log: Log) -> bool:
    """Whether it makes a study or deletes one, which names nothing but that study."""
    return "study_name" in log or log.keys() == {"op_code", "worker_id", "study_id"}


class _Scratch(BaseJournalBackend):
    """A journal in memory: what was there before, and what is appended."""

    def __init__(self, before: Sequence[Log]) -> None:
        self._logs, self._known = list(before), len(before)

    @property
    def fresh(self) -> list[Log]:
        return self._logs[self._known :]

    def read_logs(self, log_number_from: int) -> Iterator[Log]:
        yield from self._logs[log_number_from:]

    def append_logs(self, logs: list[Log]) -> None:
        self._logs.extend(logs)


def _storage(backend: BaseJournalBackend) -> JournalStorage:
    with quiet():
        return JournalStorage(backend)


def cut_torn_tail(path: Path) -> Path | None:
    """Cut what a crash left behind the last sound line; return the file that keeps the cut bytes.

    Optuna reads a journal whose last line is torn, but the next append would make it unreadable.
    """
    if not path.exists():
        return None
    with JournalLock(path):
        sound = _sound_length(path)
        if sound == path.stat().st_size:
            return None
        kept = beside(path, "cut")
        with path.open("rb+") as file:
            file.seek(sound)
            write_atomically(kept, file.read())
            file.truncate(sound)
            os.fsync(file.fileno())
        return kept


def _sound_length(path: Path) -> int:
    """Bytes up to the end of the last line before the first that is torn."""
    length = 0
    with path.open("rb") as file:
        for line in file:
            try:
                whole = line.endswith(b"\n") and isinstance(json.loads(line), dict)
            except ValueError:
                whole = False
            if not whole:
                break
            length += len(line)
    return length
