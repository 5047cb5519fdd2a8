"""A run folder of an earlier release opens: every command works on it, and the run goes on."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from quick_runs import command, quick

from sweeper.records.store import load

KEPT = Path(__file__).with_name("run-of-0.1.0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the run, and the study it came from."""
    shutil.copytree(KEPT / "kept", tmp_path / "runs" / "kept")
    shutil.copy(KEPT / "study.toml", tmp_path / "study.toml")
    return tmp_path


def test_it_is_small() -> None:
    """It lies in the repository for good."""
    assert sum(path.stat().st_size for path in KEPT.rglob("*") if path.is_file()) < 200_000


def test_commands_read_it(folder: Path) -> None:
    """Without a word about damage; and nothing of it changes."""
    before = {path: path.read_bytes() for path in (folder / "runs").rglob("*") if path.is_file()}
    shutil.copytree(folder / "runs" / "kept", folder / "runs" / "copy")
    with quick():
        code, out, err = command(folder, "status", "kept", "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["confirm"]["completed"] == 4
        code, out, err = command(folder, "best", "kept", "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["test"] is not None
        for arguments in (
            ["best", "kept"],
            ["best", "kept", "--toml"],
            ["report", "kept"],
            ["export", "kept", "out"],
            ["compare", "kept", "copy"],
        ):
            code, _, err = command(folder, *arguments)
            assert (code, err) == (0, ""), arguments
    assert before == {path: path.read_bytes() for path in before}


def test_it_goes_on(folder: Path) -> None:
    """Nothing to do at first, then more trials; what was there stays, number by number."""
    before = load(folder / "runs" / "kept" / "records").trials
    with quick():
        for trials, more in ((6, 0), (8, 2)):
            arguments = ["--jobs", "1", "--engine", "reference", "--set", f"search.trials={trials}"]
            code, _, err = command(folder, "run", "study.toml", *arguments)
            assert code == 0, err
            assert "aside" not in err
            after = load(folder / "runs" / "kept" / "records").trials
            search = after[after["phase"] != "confirm"]
            assert search["trial"].tolist() == list(range(6 + more))
            keys = list(zip(before["trial"], before["seed"], strict=True))
            same = after.set_index(["trial", "seed"]).loc[keys].reset_index()[before.columns]
            pd.testing.assert_frame_equal(same, before, check_dtype=False)
