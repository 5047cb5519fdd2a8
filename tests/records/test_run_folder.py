"""The run folder: one process, one study; what is refused, and what is said."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from made_up import study
from warm_workers import warm_processes

from sweeper.errors import RunFailed, RunFolderError, StateKept
from sweeper.records.run_files import TEST, write_test
from sweeper.records.run_folder import open_run, refuse_others, run_folder, staying, writing
from sweeper.study.study import Study

SPACE: dict[str, Any] = {
    "optimizer": ["sgd", "adam"],
    "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "model.depth": [1, 2],
}


def started(runs: Path, asked: Study, *, fresh: bool = False) -> Path:
    """The folder of a run that was opened and left."""
    with open_run(asked, runs, fresh=fresh) as folder:
        return folder


def test_a_run_folder_can_be_opened_again(tmp_path: Path) -> None:
    """The same study goes on; its file is there as validated."""
    asked = study(SPACE)
    folder = started(tmp_path, asked)
    assert started(tmp_path, asked) == folder
    assert (folder / "study.toml").read_text(encoding="utf-8") == asked.to_toml()


@pytest.mark.parametrize(
    "change",
    [
        {"trials": 500},
        {"trials": 1},
        {"minutes": 3.0},
        {"confirm": {"finalists": 3, "seeds": 9}},
        {"space": {**SPACE, "learning_rate": {"low": 1e-4, "high": 1.0, "log": True}}},
    ],
    ids=lambda change: str(*change),
)
def test_what_may_change_between_two_calls(tmp_path: Path, change: dict[str, Any]) -> None:
    """Totals, budgets, confirmations, and ranges that become wider."""
    started(tmp_path, study(SPACE))
    space = change.pop("space", SPACE)
    started(tmp_path, study(space, **change))


def test_another_study_is_refused_with_all_that_differs(tmp_path: Path) -> None:
    """Every key, what was there and what is now; and how to go on."""
    folder = started(tmp_path, study(SPACE))
    other = study(
        {
            **SPACE,
            "model.depth": [1, 3],
            "learning_rate": {"low": 1e-2, "high": 1e-1, "log": True},
            "activation": "tanh",
        },
        seed=4,
    )
    with pytest.raises(RunFolderError) as caught:
        started(tmp_path, other)
    assert str(caught.value) == (
        f"{folder} was written by another study:\n"
        "  search.seed: 0 there, 4 now\n"
        '  search.space.activation: nothing there, "tanh" now\n'
        '  search.space.learning_rate: {"low": 0.001, "high": 0.1, "log": true} there, '
        '{"low": 0.01, "high": 0.1, "log": true} now\n'
        "  search.space.model.depth: [1, 2] there, [1, 3] now\n"
        "Start over with --fresh (deletes that run), or give the study another name."
    )
    assert caught.value.exit_code == 2
    with pytest.raises(RunFolderError, match="was written by another study"):
        refuse_others(other, tmp_path, fresh=False)


def test_fresh_deletes_what_was_there(tmp_path: Path) -> None:
    """Records, journal and scores of the old study go; the new one is written."""
    folder = started(tmp_path, study(SPACE))
    (folder / "records").mkdir()
    (folder / "records" / "trials-000000.parquet").touch()
    (folder / "journal.log").touch()
    write_test(folder, 3, {1: {"loss": 0.5}})
    started(tmp_path, study(SPACE, seed=4), fresh=True)
    assert {path.name for path in folder.iterdir()} == {"lock", "study.toml"}
    assert TEST.read(folder)[0] is None


def test_an_unreadable_study_file_is_said(tmp_path: Path) -> None:
    """The file is named, and --fresh."""
    folder = started(tmp_path, study(SPACE))
    (folder / "study.toml").write_text("name = ", encoding="utf-8")
    with pytest.raises(
        RunFolderError,
        match=r"study.toml cannot be read: .*; put a sound copy back, .* sweeper run STUDY --fresh",
    ):
        started(tmp_path, study(SPACE))


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, fresh: bool) -> None:
    """Not even --fresh clears what no run has written."""
    (tmp_path / "made-up").mkdir()
    (tmp_path / "made-up" / "thesis.tex").write_text("years of work", encoding="utf-8")
    for refuse in (
        lambda: refuse_others(study(SPACE), tmp_path, fresh=fresh),
        lambda: started(tmp_path, study(SPACE), fresh=fresh),
    ):
        with pytest.raises(RunFolderError, match="exists and holds no run; choose another --runs folder"):
            refuse()
    assert [path.name for path in (tmp_path / "made-up").iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path: Path) -> None:
    """A runs folder that is a file, and a run's folder that is one."""
    (tmp_path / "made-up").touch()
    with pytest.raises(RunFolderError, match="exists and holds no run"):
        started(tmp_path, study(SPACE))
    with pytest.raises(RunFolderError, match=r"cannot be written: .*; choose another --runs folder"):
        started(tmp_path / "made-up", study(SPACE))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said(tmp_path: Path) -> None:
    """Without the right to write there is one clear message."""
    (tmp_path / "runs").mkdir(mode=0o555)
    with pytest.raises(RunFolderError, match=r"cannot be written: .*Permission denied"):
        started(tmp_path / "runs", study(SPACE))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only file system shows when the first file is written."""

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(RunFolderError, match=r"cannot be written: .*Read-only file system"):
        started(tmp_path, study(SPACE))


def hold(runs: Path, asked: Study, ready: Any, done: Any) -> None:
    """Another process with the run open."""
    with open_run(asked, runs, fresh=False):
        ready.set()
        done.wait(60)


def test_two_processes_do_not_share_a_run(tmp_path: Path) -> None:
    """The second is told so at once; when the first has gone, even killed, the run is free."""
    asked, context = study(SPACE), warm_processes()
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, asked, ready, done))
    other.start()
    assert ready.wait(60)
    for refuse in (
        lambda: refuse_others(asked, tmp_path, fresh=False),
        lambda: started(tmp_path, asked, fresh=True),
    ):
        with pytest.raises(RunFolderError) as caught:
            refuse()
        assert str(caught.value) == (
            f"{tmp_path / 'made-up'} is in use by another sweeper process; wait for it or stop it"
        )
    other.kill()
    other.join(60)
    started(tmp_path, asked)


def test_a_stale_lock_file_is_no_obstacle(tmp_path: Path) -> None:
    """The lock is held by processes, not by the file."""
    folder = started(tmp_path, study(SPACE))
    (folder / "lock").write_text("12345", encoding="utf-8")
    started(tmp_path, study(SPACE))


def test_a_missing_run_is_named_with_those_that_exist(tmp_path: Path) -> None:
    """With a suggestion; or with the command that starts one."""
    with pytest.raises(RunFolderError, match="holds no runs yet; give the folder of runs"):
        run_folder(tmp_path, "digits")
    started(tmp_path, study(SPACE))
    with pytest.raises(RunFolderError, match=r"no run 'made-upp' in .*; did you mean 'made-up'\?"):
        run_folder(tmp_path, "made-upp")


def test_test_scores_survive(tmp_path: Path) -> None:
    """By trial and seed; a seed whose training failed has no score."""
    write_test(tmp_path, 5, {1: {"loss": 0.25, "accuracy": 0.5}, 2: {}, 3: {"loss": 0.75, "accuracy": 0.25}})
    assert TEST.read(tmp_path)[0] == {
        "trial": 5,
        "seeds": [1, 2, 3],
        "scores": [{"loss": 0.25, "accuracy": 0.5}, {"loss": 0.75, "accuracy": 0.25}],
    }


def test_a_run_folder_that_goes_is_told_as_that(tmp_path: Path) -> None:
    """Whatever stumbles over it, and at the latest at the end; while it is there, errors are as they were."""
    folder = started(tmp_path, study(SPACE))
    with staying(folder), writing(folder):
        pass
    with pytest.raises(StateKept, match="Input/output error; finished trials are kept"):  # noqa: SIM117
        with staying(folder), writing(folder):
            raise OSError(5, "Input/output error")
    gone = re.escape(f"{folder} was removed while the run used it, so what was finished is lost")
    with pytest.raises(RunFailed, match=gone), staying(folder), writing(folder):
        shutil.rmtree(folder)
    with pytest.raises(RunFailed, match=gone), staying(folder), writing(folder):
        (folder / "journal.log").open("rb")
