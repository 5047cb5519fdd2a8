"""The journal's lock: held by one, taken from the dead, and never from the living."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from optuna.storages.journal import JournalFileSymlinkLock

from sweeper.search import journal_lock
from sweeper.search.journal_lock import JournalLock


def test_one_at_a_time(tmp_path: Path) -> None:
    """Threads that hold it in turn never meet, and no file stays."""
    inside: list[int] = []

    def work() -> None:
        for _ in range(5):
            with JournalLock(tmp_path / "journal.log"):
                inside.append(1)
                assert len(inside) == 1
                time.sleep(0.001)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="asks for processes by signal 0")
def test_the_lock_of_a_dead_process_is_taken_at_once(tmp_path: Path) -> None:
    """Nobody waits for who was killed."""
    code = "import os, sys; from pathlib import Path; from sweeper.search.journal_lock import JournalLock; "
    code += "JournalLock(Path(sys.argv[1])).acquire(); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "journal.log")], check=False, timeout=120)
    lock = JournalLock(tmp_path / "journal.log")
    assert lock.file.exists()
    assert lock._patience() == 0
    with lock:
        assert lock.file.read_text(encoding="utf-8").startswith(f"{os.getpid()}@")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="asks for processes by signal 0")
def test_a_living_process_is_waited_for(tmp_path: Path) -> None:
    """As long as Optuna would, also one of another computer; a lock that names nobody, shortly."""
    lock = JournalLock(tmp_path / "journal.log")
    node = journal_lock.platform.node()
    for text, patience in (
        (f"{os.getppid()}@{node}", journal_lock.PATIENCE),
        (f"{2**22 + 1}@another", journal_lock.PATIENCE),
        (f"{os.getpid()}@{node}", journal_lock.STALE),
        ("", journal_lock.STALE),
    ):
        lock.file.write_text(text, encoding="utf-8")
        assert lock._patience() == patience


def test_a_lock_that_cannot_be_released_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written under it is written; the next to come finds it stale."""

    def refuse(path: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(journal_lock, "STALE", 0.2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with JournalLock(tmp_path / "journal.log"):
            pass
    with JournalLock(tmp_path / "journal.log"):
        pass
    assert os.listdir(tmp_path) == []


def test_each_holder_is_waited_for_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks that follow each other, none of them held for long, are nobody's to take: a file that names
    nobody yet may be a moment old."""
    monkeypatch.setattr(journal_lock, "STALE", 0.5)
    lock, others, ended = JournalLock(tmp_path / "journal.log"), list[int](), threading.Event()

    def hold() -> None:
        for _ in range(4):
            lock.file.touch()
            others.append(lock.file.stat().st_ino)
            time.sleep(0.3)
            assert lock.file.exists()
            lock.file.replace(tmp_path / "given back")  # at once, so that nobody gets in between
            lock.file.touch()
        ended.set()
        lock.file.unlink()

    thread = threading.Thread(target=hold)
    thread.start()
    while not others:
        time.sleep(0.001)
    with lock:
        assert ended.is_set()
    thread.join(60)


@pytest.mark.skipif(os.name != "posix", reason="Optuna's own lock is a link there")
def test_optunas_own_lock_is_waited_for_as_long_as_optuna_does(tmp_path: Path) -> None:
    """It links to the journal, whatever that holds, and names nobody."""
    path = tmp_path / "journal.log"
    path.write_text(f"{2**22 + 1}@{journal_lock.platform.node()}", encoding="utf-8")
    take = JournalFileSymlinkLock(str(path)).acquire
    assert take()
    assert JournalLock(path)._patience() == journal_lock.PATIENCE
