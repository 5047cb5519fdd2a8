"""What `sweeper doctor` says of pools and studies."""

from pathlib import Path

import pytest

from sweeper.commands import pool_check
from sweeper.commands.pool_check import check_pool


def test_a_pool_that_answers_is_well_and_one_that_does_not_is_wrong(tmp_path: Path) -> None:
    """With its width; else with what a run would say, and what to do then."""
    tmp_path.chmod(0o700)
    (here,) = check_pool(f"dir:{tmp_path}", None)
    assert (here.ok, here.found) == (True, f"dir:{tmp_path}: 1 at a time")
    (gone,) = check_pool(f"dir:{tmp_path / 'none'}", None)
    assert not gone.ok
    assert gone.found.startswith(f"pool folder {tmp_path / 'none'}: No such file or directory")
    assert gone.fix == f"then again: sweeper doctor --pool dir:{tmp_path / 'none'}"


def test_a_study_that_is_too_small_for_the_pool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the keys to set."""
    monkeypatch.setattr(pool_check, "workers_here", lambda jobs, device: [""] * 64)
    pool, study = check_pool("local", "digits")
    assert (pool.found, study.ok) == ("local: 64 at a time", True)
    assert study.found == "digits: 120 trials"
    assert study.fix.startswith("pool: this study keeps about ")
