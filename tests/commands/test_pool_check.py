"""What `sweeper doctor` says of pools and studies."""

import json
import re
from pathlib import Path

import pytest
from clusters import QUICK, end, silent, worker_process

import sweeper.doctor
from sweeper.cli import main
from sweeper.commands import pool_check
from sweeper.commands.pool_check import PoolCheck
from sweeper.doctor.finding import Finding


def test_a_pool_answers_by_a_call(tmp_path: Path) -> None:
    """A worker has run it; the finding names its machine and how many run at a time."""
    tmp_path.chmod(0o700)
    worker = worker_process(tmp_path, "--idle", "60", code=QUICK)
    told: list[str] = []
    try:
        (found,), code = PoolCheck.of(f"dir:{tmp_path}", None).findings(told.append)
    finally:
        end(worker)
    assert (found.ok, code) == (True, 0)
    assert found.found.startswith(f"dir:{tmp_path}: 1 at a time; ")
    assert " answers" in found.found
    assert told[0] == f"asking dir:{tmp_path}: at most 20 s for a worker to join, 40 s for it to answer"


def test_a_pool_without_workers_is_wrong_within_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing of the question is left in it."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(pool_check, "ANSWER", 0.1)
    (found,), code = PoolCheck.of(f"dir:{tmp_path}", None).findings(silent)
    assert (found.ok, code) == (False, 1)
    assert found.found == f"dir:{tmp_path}: no worker has answered within 0.1 s"
    assert list((tmp_path / "sweeps").glob("[!.]*")) == []


def test_a_study_that_is_too_small_for_the_pool_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the keys to set."""
    monkeypatch.setattr(pool_check, "workers_here", lambda jobs, device: [""] * 64)
    (pool, study), code = PoolCheck.of("local", "digits").findings(silent)
    assert (pool.found, study.ok, code) == ("local: 64 at a time", True, 0)
    words = r"digits: 120 trials, which keep about (\d+) % of 64 workers busy if they train one by one"
    busy = re.fullmatch(words, study.found)
    assert busy
    assert 5 < int(busy[1]) < 60
    assert study.fix.startswith("pool: this study keeps about ")


@pytest.fixture
def _well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing to find."""
    well = Finding("python", True, "fine")
    monkeypatch.setattr(sweeper.doctor, "diagnose", lambda tell: tell("checking torch") or [well])


def doctor(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[object, str, str]:
    """Exit code, stdout and stderr of ``sweeper doctor``."""
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *options])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


@pytest.mark.usefixtures("_well")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pool", "dsk://host:8786"), "error: --pool 'dsk://host:8786': did you mean 'dask'? allowed: "),
        (("--study", "digts"), "error: "),
    ],
)
def test_what_is_written_wrongly_is_one_message(
    options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, before anything is checked."""
    code, out, err = doctor(capsys, *options)
    assert (code, out) == (2, "")
    assert err.startswith(message)
    assert "checking" not in err


@pytest.mark.usefixtures("_well")
def test_a_pool_that_is_not_there_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for a run, beside what is found of the machine; what was written wrongly is not proposed again."""
    code, out, err = doctor(capsys, "--json", "--pool", f"dir:{tmp_path / 'none'}")
    found = json.loads(out)
    assert (code, found["ok"]) == (2, False)
    pool = found["findings"][-1]
    assert pool["found"].startswith(f"pool folder {tmp_path / 'none'}: No such file or directory")
    assert pool["fix"].startswith("--pool can be: local, dir:/shared/path, ")
    assert err.splitlines()[0] == "checking torch"
    assert err.splitlines()[1].startswith(f"asking dir:{tmp_path / 'none'}: at most ")
