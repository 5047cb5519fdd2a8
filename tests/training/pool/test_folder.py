"""The folder that a driver shares with its workers goes when it ends, or when the next one starts."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sweeper.training.pool import folder as module


def python(code: str) -> "subprocess.Popen[str]":
    """A process that runs `code`."""
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_the_folder_of_a_process_that_was_killed_is_deleted_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of processes that live stay, and so does what has another name; the own one goes at the end."""
    monkeypatch.setattr(module, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = f"""
import tempfile, time
from pathlib import Path
from sweeper.training.pool import folder as module
module.SHARED_MEMORY = Path({str(tmp_path)!r})
tempfile.tempdir = {str(tmp_path)!r}
with module.private_folder() as folder:
    (folder / "large").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(60)
"""
    (tmp_path / "sweeper-other").mkdir()
    killed, living = python(code), python(code)
    try:
        assert killed.stdout is not None
        assert living.stdout is not None
        left, kept = Path(killed.stdout.readline().strip()), Path(living.stdout.readline().strip())
        killed.kill()
        killed.wait(timeout=30)
        for folder in (left, kept):
            os.utime(folder / module.LOCK, (0, 0))
        with module.private_folder() as own:
            assert own.is_dir()
            assert not left.exists()
            assert (kept / "large").is_file()
    finally:
        for process in (killed, living):
            process.kill()
            process.communicate(timeout=30)
    assert not own.exists()
    assert {path.name for path in tmp_path.iterdir()} == {"sweeper-other", kept.name}
