"""The watchdog: an orphan ends itself, and so does a trial that never returns."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sweeper.training import watchdog

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
    process = python(f"from sweeper.training.watchdog import deadline\nwith deadline(0.3):\n    {hang}")
    told = process.communicate(timeout=30)
    assert process.returncode == 1
    assert told == ("", "")
    assert time.monotonic() - start > 0.6


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ("The exit codes of the workers are {EXIT(3)}", "exit code 3"),
        ("of {SIGSEGV(-11), EXIT(0)}", "signal SIGSEGV and exit code 0"),
        ("{SIGKILL(-9)}", "signal SIGKILL; the system does that when memory runs out"),
        ("the executor was closed", "exit code unknown"),
    ],
)
def test_how_a_process_ended_is_told_in_words(codes: str, told: str) -> None:
    """Not as loky writes it."""
    assert watchdog.end_of(RuntimeError(codes), "its") == f"its worker process ended: {told}"


def test_whoever_returns_in_time_is_left_alone() -> None:
    """The clock stops at the end of the block, and a new one starts with the next."""
    code = """
import time
from pathlib import Path
from sweeper.training.watchdog import deadline
for _ in range(3):
    with deadline(0.2):
        time.sleep(0.1)
time.sleep(0.5)
with deadline(None):
    time.sleep(0.2)
print("done")
"""
    assert python(code).communicate(timeout=30) == ("done\n", "")


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps the number of a dead parent")
def test_an_orphan_ends_itself() -> None:
    """A worker whose driver was killed is gone within a second or so, though it was busy."""
    child = """
import os
from sweeper.training.watchdog import follow
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


def test_the_folder_of_a_process_that_was_killed_is_deleted_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of processes that live stay, and so does what has another name; the own one goes at the end."""
    monkeypatch.setattr(watchdog, "SHARED", tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = f"""
import tempfile, time
from pathlib import Path
from sweeper.training import watchdog
watchdog.SHARED = Path({str(tmp_path)!r})
tempfile.tempdir = {str(tmp_path)!r}
with watchdog.private_folder() as folder:
    (folder / "large").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(60)
"""
    (tmp_path / "sweeper-other").mkdir()
    killed, living = python(code), python(code)
    assert killed.stdout is not None
    assert living.stdout is not None
    left, kept = Path(killed.stdout.readline().strip()), Path(living.stdout.readline().strip())
    killed.kill()
    killed.communicate(timeout=30)
    for folder in (left, kept):
        os.utime(folder / watchdog.LOCK, (0, 0))
    with watchdog.private_folder() as own:
        assert own.is_dir()
        assert not left.exists()
        assert (kept / "large").is_file()
    living.kill()
    living.communicate(timeout=30)
    assert not own.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"sweeper-other", kept.name}
