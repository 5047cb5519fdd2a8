"""A run in other tools: read back with the tools themselves, offline, every number of it."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import optuna
import pandas as pd
import pytest
from quick_runs import without_workers
from whole_runs import run as whole_run
from whole_runs import study

from sweeper.cli import main
from sweeper.commands.export.tools import TOOLS, export
from sweeper.commands.export.training import Training, trainings
from sweeper.commands.options import TOOLS as NAMES
from sweeper.commands.options import pool_forms
from sweeper.result import Result
from sweeper.training.pool.registry import forms

pytestmark = pytest.mark.filterwarnings("ignore")  # of the tools
NO_TOOL = "the tool is not installed; make tools installs all of them and runs these tests"


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Three trials, one of which diverges or is far off, and one finalist on two seeds."""
    asked = study(search={"trials": 3, "generation": 3}, confirm={"finalists": 1, "seeds": 2})
    with without_workers():
        return whole_run(tmp_path_factory.mktemp("exported"), asked)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a tool writes without being told where goes to a folder of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")


def written(result: Result, tool: str, where: str) -> list[str]:
    """What an export says; it goes through a second time without harm."""
    said: list[str] = []
    export(tool, result, where, said.append)
    export(tool, result, where, lambda line: None)
    return said


def first_of(result: Result) -> Training:
    """The training that is looked at closely."""
    return next(trainings(result))


def curve(training: Training) -> dict[int, float]:
    """step -> validation loss."""
    named = {step: values.get("validation_loss") for step, values in training.points.items()}
    return {step: value for step, value in named.items() if value is not None}


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of ``sweeper export``."""
    with pytest.raises(SystemExit) as end:
        main(["export", *arguments])
    assert isinstance(end.value.code, int)
    return end.value.code, *capsys.readouterr()


def test_a_training_holds_all_that_was_recorded(result: Result) -> None:
    """Each row of the three tables is in one training, under its name."""
    every = list(trainings(result))
    assert [t.name for t in every][:2] == ["trial-0000", "trial-0001"]
    assert sum(t.phase == "confirm" for t in every) == 2
    assert {t.trial for t in every if t.winner} == {result.answer.trial if result.answer else None}
    points = sum(len(values) for t in every for values in t.points.values())
    assert points == result.curves["value"].notna().sum() + result.layers["value"].notna().sum()
    row = result.layers.iloc[-1]
    name = f"layers/{row['measure']}/{row['layer']:02d} {row['layer_name']}".strip()
    (mine,) = (t for t in every if (t.trial, t.seed) == (row["trial"], row["seed"]))
    assert mine.points[row["step"]][name] == row["value"]


def test_files_of_both_kinds(result: Result, capsys: pytest.CaptureFixture[str]) -> None:
    """``NAME DIR`` and ``--csv`` as ever; ``--to`` says the same; both at once must agree."""
    runs = str(result.folder.parent)
    assert called(capsys, "tiny", "a", "--runs", runs)[0] == 0
    assert called(capsys, "tiny", "b", "--runs", runs, "--csv")[0] == 0
    assert called(capsys, "tiny", "b2", "--runs", runs, "--to", "csv")[0] == 0
    assert len(pd.read_parquet("a/trials.parquet")) == len(pd.read_csv("b/trials.csv")) == len(result.trials)
    assert Path("b/curves.csv").read_bytes() == Path("b2/curves.csv").read_bytes()
    code, out, err = called(capsys, "tiny", "c", "--csv", "--to", "wandb")
    assert (code, out) == (2, "")
    assert err == "error: export: --csv and --to wandb say different things; leave one out\n"


def test_an_unknown_tool_and_one_that_is_not_installed(
    result: Result, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line and exit code 2; the line that installs it."""
    code, out, err = called(capsys, "tiny", "--to", "mlflov")
    assert (code, out) == (2, "")
    assert err.startswith("error: --to 'mlflov': did you mean 'mlflow'?")
    monkeypatch.setattr("sweeper.commands.export.tools.is_installed", lambda name: False)
    code, out, err = called(capsys, "tiny", "--to", "tensorboard")
    assert (code, out) == (2, "")
    assert err == (
        "error: --to tensorboard: tensorboard is not installed; install it with: "
        "python -m pip install 'sweeper-torch[tensorboard]'\n"
    )


def test_what_a_tool_raises_is_told(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer is no traceback; a package that is broken is named with its line."""
    for error, said in (
        (ValueError("no route\nto host"), r"^--to csv: ValueError: no route$"),
        (ImportError("no symbol x"), r"cannot be imported: no symbol x; install it with: python -m pip"),
    ):

        def fail(*given: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setitem(TOOLS, "csv", type(TOOLS["csv"])("", fail))
        with pytest.raises(Exception, match=said):
            export("csv", result, None, print)


def test_the_names_that_help_and_shell_show() -> None:
    """They are those of the registries, in their order."""
    assert tuple(TOOLS) == NAMES
    assert ", ".join(["local", *pool_forms()]) == forms()


@pytest.mark.parametrize("where", ["study.db", "journal.log"])
def test_optuna_loads_the_study(result: Result, where: str) -> None:
    """From a database and from a journal file, once each trial."""
    assert written(result, "optuna", where)[0].startswith("study 'tiny' in ")
    backend = optuna.storages.journal.JournalFileBackend(where)
    storage = f"sqlite:///{where}" if where.endswith("db") else optuna.storages.JournalStorage(backend)
    loaded = optuna.load_study(study_name="tiny", storage=storage)
    assert [t.value for t in loaded.trials] == [t.value for t in result.optuna_study.trials]


def test_tensorboard_reads_the_events(result: Result) -> None:
    """Scalars of curves and layers by step, settings and objective; a second export adds nothing."""
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason=NO_TOOL)
    said = written(result, "tensorboard", "board")
    assert said == [f"5 trainings in {Path('board/tiny')}; look at them with: tensorboard --logdir board"]
    first = first_of(result)
    events = reading.EventAccumulator(f"board/tiny/{first.name}").Reload()
    names = {name for values in first.points.values() for name in values}
    assert names < set(events.Tags()["scalars"])
    loss = {event.step: event.value for event in events.Scalars("validation_loss")}
    expected = curve(first)
    assert loss == pytest.approx(expected, rel=1e-6)
    assert len(events.Scalars("validation_loss")) == len(expected)
    assert "_hparams_/session_start_info" in events.summary_metadata


def test_mlflow_finds_the_runs(result: Result) -> None:
    """The sweep with its trainings nested in it: parameters, states and every point of a curve."""
    mlflow = pytest.importorskip("mlflow", reason=NO_TOOL)
    written(result, "mlflow", "flow")
    client = mlflow.MlflowClient(tracking_uri="sqlite:///flow/mlflow.db")
    experiment = client.get_experiment_by_name("tiny").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert len(client.search_runs([experiment])) == 6
    first = first_of(result)
    mine = runs[first.name]
    assert mine.data.tags["mlflow.parentRunId"] == runs["tiny"].info.run_id
    assert mine.data.params == {name: str(value) for name, value in first.parameters.items()}
    assert json.loads(runs["tiny"].data.tags["answer"])["trial"] == result.answer.trial  # type: ignore[union-attr]
    history = {m.step: m.value for m in client.get_metric_history(mine.info.run_id, "validation_loss")}
    assert history == curve(first)


def logged(content: bytes) -> Iterator[bytes]:
    """The records of wandb's file: LevelDB's log format, in blocks of 32 KiB, after a header of 7 bytes."""
    place, record = 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        size, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        record += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or the last part
            yield record
            record = b""


def test_wandb_keeps_the_runs_offline(result: Result) -> None:
    """One a training, with its settings, its history and its summary, as wandb's own reader finds them."""
    pytest.importorskip("wandb", reason=NO_TOOL)
    from wandb.proto import wandb_internal_pb2

    export("wandb", result, "kept", print)
    first, history = first_of(result), {}
    (file,) = Path("kept/wandb").glob(f"offline-run-*-tiny-{first.name}/*.wandb")
    for data in logged(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        row = {".".join(i.nested_key) or i.key: json.loads(i.value_json) for i in record.history.item}
        if "validation_loss" in row:
            history[row["_step"]] = row["validation_loss"]
        if record.HasField("run"):
            config = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            assert config["learning_rate"] == first.parameters["learning_rate"]
            assert record.run.project == "tiny"
    assert history == curve(first)
    assert len(list(Path("kept/wandb").glob("offline-run-*"))) == 5


def test_trackio_keeps_the_runs(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """One a training, with its settings and its history; those that are there are not written twice."""
    pytest.importorskip("trackio", reason=NO_TOOL)
    for name in [name for name in sys.modules if name.partition(".")[0] == "trackio"]:
        monkeypatch.delitem(sys.modules, name)  # reads its folder when it is imported
    monkeypatch.setenv("TRACKIO_DIR", "")
    said = written(result, "trackio", "kept")
    assert said[0] == "5 trainings in the project 'tiny'"
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    first = first_of(result)
    assert list(Path("kept").glob("tiny*.db"))
    (mine,) = (run for run in trackio.Api().runs("tiny") if run.name == first.name)
    assert mine.config["learning_rate"] == first.parameters["learning_rate"]
    rows = SQLiteStorage.get_logs("tiny", first.name)
    scored = [row for row in rows if "validation_loss" in row]
    assert {row["step"]: row["validation_loss"] for row in scored} == curve(first)
    assert len(scored) == len(curve(first))
