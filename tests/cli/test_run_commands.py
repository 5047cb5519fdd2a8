"""The commands around a run: exit codes, what goes to stdout and stderr, what scripts rely on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from quick_runs import without_workers

from sweeper import journey
from sweeper.cli import main
from sweeper.records.run_folder import open_run
from sweeper.result import Result
from sweeper.study.study import Study
from sweeper.training import work
from sweeper.training.setup import Task
from sweeper.trial import TrialResult

STUDY = """
name = "small"
[data]
source = "wine"
[model]
depth = 1
width = 4
[training]
steps = 6
evaluations = 3
device = "cpu"
[search]
trials = 6
generation = 3
[search.space]
optimizer = ["sgd", "adam"]
activation = ["relu", "tanh"]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[confirm]
finalists = 2
seeds = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder with a study; runs need no worker processes and draw no figures."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "small.toml").write_text(STUDY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, without_workers():
        patch.chdir(folder)
        patch.setattr(Result, "report", lambda self, target, **options: Path(target) / "index.html")
        yield folder


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    assert isinstance(end.value.code, int)
    return end.value.code, *capsys.readouterr()


RUN = ("run", "small.toml", "--engine", "reference")


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The finished run's folder; which test finished it does not matter."""
    run = folder / "runs" / "small"
    if not (run / "test.json").exists():  # written last
        assert called(capsys, *RUN, "--quiet")[0] == 0
    return run


def test_a_run_tells_its_progress_on_stderr_and_its_answer_on_stdout(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Plain lines without control characters where there is no terminal; the last line is the report."""
    code, out, err = called(capsys, *RUN, "--fresh")
    assert code == 0
    assert out.splitlines()[-1] == f"report: {Path('reports') / 'small' / 'index.html'}"
    lines = err.splitlines()
    assert ": 6/6 trials, 4/4 confirmations, best 0." in lines[-1]
    assert "\x1b" not in err
    assert all(word in err for word in ("explore: 0/6 trials", "confirm: 6/6 trials"))


def test_quiet_prints_the_path_of_the_report_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line on stdout, for scripts, and nothing on stderr."""
    page = Path("reports") / "small" / "index.html"
    assert called(capsys, *RUN, "--quiet") == (0, f"{page}\n", "")


def test_a_run_goes_on_where_it_was(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says so, and --set search.trials raises the total."""
    code, _, err = called(capsys, *RUN, "--set", "search.trials=8")
    assert code == 0
    assert "resuming after 6 finished trials" in err
    assert "8/8 trials" in err.splitlines()[-1]


def test_another_study_of_that_name_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, what differs, and how to go on; with --fresh it takes its place."""
    code, out, err = called(capsys, *RUN, "--set", "model.width=8")
    assert (code, out) == (2, "")
    assert err == (
        "error: runs/small was written by another study:\n  model.width: 4 there, 8 now\n"
        "Start over with --fresh (deletes that run), or give the study another name.\n"
    )
    assert called(capsys, *RUN, "--set", "model.width=8", "--fresh", "--quiet")[0] == 0
    assert called(capsys, *RUN, "--fresh", "--quiet")[0] == 0


def test_a_run_in_use_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second process on the same run ends at once with exit code 2."""
    asked = Study.load("small.toml")
    with open_run(asked, Path("runs"), fresh=False):
        code, out, err = called(capsys, *RUN)
    assert (code, out) == (2, "")
    assert err == "error: runs/small is in use by another sweeper process; wait for it or stop it\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--storage", "sqlite:///no/such/folder/x.db"),
            "error: --storage 'sqlite:///no/such/folder/x.db': cannot be opened",
        ),
        (("--engine", "fusd"), "error: --engine 'fusd': did you mean 'fused'?"),
        (("--runs", "small.toml"), "error: small.toml/small cannot be written"),
        (("--jobs", "0"), "'--jobs'"),
        (("--jobs", "many"), "'--jobs'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_wrong_options_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    """One clear message, exit code 2, no traceback, nothing on stdout."""
    code, out, err = called(capsys, "run", "small.toml", *options)
    assert (code, out) == (2, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["status", "best", "export", "report", "dashboard"])
def test_a_run_that_is_not_there(run: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Those that are there are named, with a suggestion."""
    code, out, err = called(capsys, command, "smal")
    assert (code, out) == (2, "")
    assert err == "error: no run 'smal' in runs/; did you mean 'small'? allowed: small\n"


def test_status_counts_by_phase_and_outcome(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON and nothing else with --json."""
    code, out, err = called(capsys, "status", "small", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {phase: sum(counts.values()) for phase, counts in found.items()}["confirm"] == 4
    assert sum(sum(found[phase].values()) for phase in ("explore", "exploit")) >= 6
    assert "completed" in called(capsys, "status", "small")[1]


def test_best_as_json_is_the_contract(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trial, parameters, objective, confirmed interval, test score, ties."""
    code, out, err = called(capsys, "best", "small", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert list(found) == [
        *("trial", "parameters", "objective", "confirmed", "test", "tied"),
        *("not_ranked", "standing", "learned", "baseline", "gain", "warnings"),
    ]
    assert set(found["confirmed"]) == {"mean", "low", "high", "seeds", "diverged", "failed"}
    few = found["confirmed"]["seeds"] < 5
    assert (found["standing"] == "provisional") is few
    assert few <= (found["tied"] == [])
    assert found["parameters"]["optimizer"] in ("sgd", "adam")
    assert set(found["test"]) >= {"loss", "accuracy"}


def test_export_writes_three_files(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each is named on a line of its own."""
    code, out, _ = called(capsys, "export", "small", str(tmp_path))
    assert code == 0
    assert out.split() == [str(tmp_path / f"{name}.parquet") for name in ("trials", "curves", "layers")]
    assert len(pd.read_parquet(tmp_path / "trials.parquet")) >= 10
    assert called(capsys, "export", "small", str(tmp_path), "--csv")[0] == 0
    assert len(pd.read_csv(tmp_path / "trials.csv")) >= 10


def test_a_failed_run_has_exit_code_1(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message, no traceback."""

    def raises(task: Task, trials: object, slots: int) -> Iterator[TrialResult]:
        raise ValueError("no luck today")
        yield

    monkeypatch.setitem(work.ENGINES, "reference", raises)
    code, out, err = called(capsys, *RUN, "--set", "name=failing", "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith("error: all 6 trials failed; the reason of each: ValueError: no luck today")
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [RUN, (*RUN, "--fresh")], ids=["plain", "fresh"])
def test_an_interrupted_run_says_how_to_go_on(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """Exit code 130 and the command, without --fresh: that would delete what was kept."""

    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(journey, "run", interrupted)
    monkeypatch.setattr("sys.argv", ["sweeper", *arguments, "--set", "question=What now?"])
    code, out, err = called(capsys, *arguments)
    assert (code, out) == (130, "")
    assert err == (
        "\ninterrupted; finished trials are kept. Continue with: "
        "sweeper run small.toml --engine reference --set 'question=What now?'\n"
    )
