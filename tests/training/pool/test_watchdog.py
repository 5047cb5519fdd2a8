"""The watchdog: an orphan ends itself, and so does a trial that never returns."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper.training.pool import watchdog
from sweeper.training.pool.interface import Lost

HANGS = {
    "in Python": "while True: pass",
    "asleep": "import time; time.sleep(60)",
    "in C": "import re; re.match(r'(a+)+$', 'a' * 40 + 'b')",
}


def python(code: str) -> "subprocess.Popen[str]":
    """A process that runs `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("hang", HANGS.values(), ids=HANGS)
def test_a_hang_ends_when_its_time_is_over(hang: str) -> None:
    """The process ends with code 1, silently, after its time and a grace as long."""
    start = time.monotonic()
    process = python(f"from sweeper.training.pool.watchdog import deadline\nwith deadline(0.3):\n    {hang}")
    told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert told == ("", "")
    assert time.monotonic() - start > 0.6


@pytest.mark.parametrize(
    ("exit_code", "words"),
    [
        (3, "exit code 3"),
        (-signal.SIGSEGV, "signal SIGSEGV"),
        (-9, "signal SIGKILL; the system does that when memory runs out"),
        (-200, "signal 200"),
        (None, "exit code unknown"),
    ],
)
def test_how_a_process_ended_is_told_in_words(exit_code: int | None, words: str) -> None:
    """With the name of a signal."""
    assert watchdog.end_of(exit_code) == words


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        ("", Lost("its worker process ended: exit code 1")),
        ("123\n", Lost("its worker process ended: exit code 1")),
        (
            f"123\nTimeout (0:00:02)!\nThread 1 (most recent call first):\n"
            f'  File "{watchdog.LIBRARIES[0]}/re.py", line 9 in match\n'
            '  File "/here/model.py", line 7 in forward\n',
            Lost("its worker process ended: exit code 1 (model.py:7)", True, " (model.py:7)"),
        ),
        (
            "123\nFatal Python error: Aborted\n\nThread 2 (most recent call first):\n"
            f'  File "/other/thread.py", line 1 in wait\n\nCurrent thread 1 (most recent call first):\n'
            f'  File "{watchdog.LIBRARIES[0]}/re.py", line 9 in match\n',
            Lost("its worker process ended: exit code 1 (re.py:9)", False, " (re.py:9)"),
        ),
    ],
    ids=["no words", "no thread", "the user's line above a library", "a library alone"],
)
def test_last_words_name_the_innermost_line_of_the_user(tmp_path: Path, words: str, lost: Lost) -> None:
    """Of the last thread that is written; that of a library where there is no other."""
    file = tmp_path / "words"
    file.write_text(words)
    assert watchdog.lost(file, 1) == lost
    file.unlink()
    assert watchdog.lost(file, 1) == Lost("its worker process ended: exit code 1")


def test_whoever_returns_in_time_is_left_alone() -> None:
    """The clock stops at the end of the block, and a new one starts with the next."""
    code = """
import time
from pathlib import Path
from sweeper.training.pool.watchdog import deadline
for _ in range(3):
    with deadline(0.2):
        time.sleep(0.1)
time.sleep(0.5)
with deadline(None):
    time.sleep(0.2)
print("done")
"""
    assert python(code).communicate(timeout=30) == ("done\n", "")


def test_trials_that_train_together_have_the_time_of_all() -> None:
    """As long as they get on; the process of one that hangs ends."""
    code = """
import time
from sweeper.training.pool.watchdog import deadline, renew
renew(1)
with deadline(0.2, each=0.2):
    for _ in range(4):
        renew(5)
        time.sleep(0.5)
    print("trained", flush=True)
    renew(1)
    time.sleep(9)
"""
    process = python(code)
    assert process.communicate(timeout=30) == ("trained\n", "")
    assert process.returncode == 1


def test_trials_that_get_on_quickly_start_few_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack renews its deadline hundreds of times a second; none is shorter than the time of its trials."""
    started, now, ends = list[tuple[float, float]](), 0.0, list[float]()

    def note(wait: float, **options: object) -> None:
        started.append((now, wait))

    monkeypatch.setattr(watchdog.faulthandler, "dump_traceback_later", note)
    monkeypatch.setattr(watchdog.faulthandler, "cancel_dump_traceback_later", lambda: None)
    monkeypatch.setattr(watchdog, "time", SimpleNamespace(monotonic=lambda: now))
    with watchdog.deadline(100.0, each=4.0):
        for step in range(5000):
            now = 0.01 * step
            watchdog.renew(5)
            ends.append(started[-1][0] + started[-1][1] - now)
    assert len(started) < 30
    assert 20.0 <= min(ends) <= max(ends) < 25.001


def test_other_trials_have_their_own_time_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single one after many may no longer have the time of all, however lately the clock was set."""
    waits = list[float]()

    def note(wait: float, **options: object) -> None:
        waits.append(wait)

    monkeypatch.setattr(watchdog.faulthandler, "dump_traceback_later", note)
    monkeypatch.setattr(watchdog.faulthandler, "cancel_dump_traceback_later", lambda: None)
    with watchdog.deadline(1.0, each=1.0):
        for trials in (8, 1, 1, 8):
            watchdog.renew(trials)
    assert waits == [2.0, 13.0, 2.0, 13.0]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the number of a dead parent")
def test_an_orphan_ends_itself() -> None:
    """A worker whose driver was killed is gone within a second or so, though it was busy."""
    child = """
import os
from sweeper.training.pool.watchdog import follow
follow(os.getppid())
print(os.getpid(), flush=True)
while True: pass
"""
    parent = python(f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}])")
    assert parent.stdout is not None
    number = int(parent.stdout.readline())
    time.sleep(0.7)
    os.kill(number, 0)  # it lives as long as its parent does
    parent.send_signal(signal.SIGKILL)
    parent.communicate(timeout=30)  # returns when the orphan has closed the pipe too
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail("the orphan is still there")
