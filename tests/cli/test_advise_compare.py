"""`sweeper advise` and `sweeper compare` from the command line: output, files, exit codes."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from report_inputs import made_study
from synthetic_records import SyntheticRecords

from sweeper.cli import main


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    printed = capsys.readouterr()
    return int(str(end.value.code)), printed.out, printed.err


def write_run(runs: Path, name: str, records: SyntheticRecords, *, shift: float = 0, **sections: Any) -> None:
    """A run folder as a sweep leaves it."""
    study = made_study(name=name, **sections)
    folder = runs / name / "records"
    folder.mkdir(parents=True)
    (runs / name / "study.toml").write_text(study.to_toml(), encoding="utf-8")
    trials = records.trials.copy()
    trials["objective"] = trials["objective"] + shift * (trials["phase"] == "confirm")
    for kind, frame in (("trials", trials), ("curves", records.curves), ("layers", records.layers)):
        frame.to_parquet(folder / f"{kind}-000001.parquet", index=False)


@pytest.fixture
def runs(records: SyntheticRecords, tmp_path: Path) -> Path:
    """Two runs that differ, one on other data, one without a completed trial."""
    folder = tmp_path / "runs"
    write_run(folder, "one", records)
    write_run(folder, "two", records, shift=0.5, model={"depth": 9})
    write_run(folder, "wine", records, data={"source": "wine"})
    failed = records.trials[records.trials["outcome"] != "completed"]
    write_run(folder, "none", SyntheticRecords(failed, records.curves.head(0), records.layers.head(0)))
    return folder


def test_advise_prints_json_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` is JSON, overrides of the call are in every command, and other studies can be read of it."""
    code, out, _ = call(
        capsys, "advise", "digits", "--set", "model.depth=1", "--set", "model.width=4", "--json"
    )
    assert code == 0
    told = json.loads(out)
    assert {one["topic"] for one in told["advice"]} >= {"loss", "output activation", "learning rate"}
    assert all("--set model.depth=1" in one["command"] for one in told["advice"])


def test_advise_hands_the_folders_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Each command that it prints finds the runs that it was asked beside, and one that compares them."""
    folders = ("--runs", "my runs", "--reports", "out")
    _, out, _ = call(capsys, "advise", "digits", *folders, "--json")
    told = json.loads(out)
    commands = [told["together"], *(one["command"] for one in told["advice"] if one["change"])]
    assert len(commands) > 1
    assert all(shlex.split(command)[-4:] == list(folders) for command in commands)
    _, out, _ = call(capsys, "advise", "digits", *folders)
    text = " ".join(out.replace("\\\n", " ").split())
    assert text.count("--runs 'my runs' --reports out") == text.count("sweeper run") + 1
    assert "Afterwards: sweeper compare digits NAME --runs 'my runs' --reports out, where" in text


@pytest.mark.parametrize("study", ["digitz", "missing.toml"])
def test_advise_refuses_unknown_studies(capsys: pytest.CaptureFixture[str], study: str) -> None:
    """One message, exit code 2."""
    code, out, err = call(capsys, "advise", study)
    assert (code, out) == (2, "")
    assert study in err


def test_compare_writes_a_page(capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    """The text says who is better; page, figures and tables lie in A-vs-B."""
    reports = tmp_path / "reports"
    code, out, _ = call(capsys, "compare", "one", "two", "--runs", str(runs), "--reports", str(reports))
    assert code == 0
    assert out.startswith("one is better than two.")
    assert "model.depth" in out
    page = (reports / "one-vs-two" / "index.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 2
    assert "one is better than two." in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    found = {path.name for path in (reports / "one-vs-two").rglob("*.*")}
    assert {"scores.png", "curves.png", "settings.csv", "spent.csv", "best_by_value.csv"} <= found


def test_compare_as_json(capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path) -> None:
    """The numbers of the comparison, and of both answers."""
    options = ("--runs", str(runs), "--reports", str(tmp_path / "reports"), "--json")
    code, out, _ = call(capsys, "compare", "one", "two", *options)
    told = json.loads(out)
    assert (code, told["comparison"]["verdict"], told["comparison"]["paired"]) == (0, "a", True)
    assert told["comparison"]["difference"] == pytest.approx(0.5)
    assert told["differences"] == {"model.depth": [None, 9]}
    assert told["a"]["name"] == "one"


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("one", "tow", ["no run 'tow'", "two"]),
        ("one", "none", ["'none' has no completed trial"]),
        ("one", "one", ["given twice"]),
        ("one", "wine", ["not comparable", "digits", "wine"]),
    ],
)
def test_compare_refuses(
    capsys: pytest.CaptureFixture[str], runs: Path, tmp_path: Path, a: str, b: str, words: list[str]
) -> None:
    """Unknown, empty, equal and unlike runs: one message, exit code 2, nothing written."""
    options = ("--runs", str(runs), "--reports", str(tmp_path / "reports"))
    code, out, err = call(capsys, "compare", a, b, *options)
    assert (code, out) == (2, "")
    assert all(word in err for word in words)
    assert not (tmp_path / "reports").exists()
