"""Runs that go on from others: totals, budgets, storages, what is lost, what is refused; figures left out."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import optuna
import pandas as pd
import pytest
from misbehaving import data
from quick_runs import train_here, without_workers
from whole_runs import comparable, copied_to_optuna, run, study

from sweeper import journey, sweep
from sweeper.errors import ModelError, RunFailed, RunFolderError, UserError
from sweeper.options import Options
from sweeper.records.run_files import TEST
from sweeper.report.note import plain_answer
from sweeper.report.progress import Progress
from sweeper.result import Result
from sweeper.search import forecast
from sweeper.search.starts import unheld
from sweeper.training.cohort import Cohort
from sweeper.training.preflight import check_configurations
from sweeper.trial import TrialResult
from sweeper.wording import capital


@pytest.fixture
def quick() -> Iterator[None]:
    """No worker processes: what a run does is the same, and takes a tenth of the time."""
    with without_workers():
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The study once more, without worker processes."""
    with without_workers():
        return run(tmp_path_factory.mktemp("finished"), study())


@pytest.fixture
def first(finished: Result, tmp_path: Path) -> Result:
    """A copy of that run, which a test may spoil and go on with."""
    folder = tmp_path / "runs" / "tiny"
    shutil.copytree(finished.folder, folder)
    return replace(finished, folder=folder)


@pytest.mark.usefixtures("quick")
class TestAgain:
    """Runs that go on from others; without worker processes."""

    def test_what_the_terminal_says_of_defaults_stands_on_the_page(self, tmp_path: Path) -> None:
        """A default outside of the space is told when the run begins, on its page and beside the gain."""
        space = {"optimizer": ["sgd", "adam"], "learning_rate": {"low": 0.03, "high": 0.1, "log": True}}
        space["weight_decay"] = [0.01, 0.1]
        few = study(search={"space": space, "trials": 2, "sampler": "random"})
        with mock.patch.object(Progress, "note", autospec=True) as noted:
            done = run(tmp_path, few)
        told = [call.args[1] for call in noted.call_args_list if "published default" in call.args[1]]
        assert told == unheld(few.space)
        assert told[1].endswith("learning_rate = 0.001, weight_decay = 0.0 lie outside of the space")
        notes, (sgd, adam) = done._run_data().notes, told
        assert {f"{capital(line)}." for line in told} <= set(notes)
        undoubted = replace(done.answer, baseline=None, learning=None)
        text = " ".join(plain_answer(few, undoubted, done.records).split())
        assert f"no published default was confirmed, so the gain is unknown; {sgd}; {adam}" in text

    def test_a_finished_run_trains_nothing_more(
        self, first: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same command a second time reads what is there."""

        def refuse(
            pool: Any, task: Any, cohorts: list[Cohort], stop: Any = None, more: Any = tuple
        ) -> Iterator[list[TrialResult]]:
            assert cohorts == []
            assert not more(True)
            return iter(())

        monkeypatch.setattr(sweep, "train_all", refuse)
        second = run(tmp_path, study())
        pd.testing.assert_frame_equal(second.trials, first.trials)
        assert second.answer == first.answer

    def test_an_interrupted_run_ends_like_one_that_was_not(
        self, finished: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Interrupted in the search, in the confirmations and in the test, it ends with the same records."""
        for most in (3, 4, 7, 2):
            left = [most]

            def stopping(*given: Any, left: list[int] = left) -> Any:
                for results in train_here(*given):
                    if left[0] == 0:
                        raise KeyboardInterrupt
                    left[0] -= 1
                    yield results

            monkeypatch.setattr(sweep, "train_all", stopping)
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path, study())
        monkeypatch.setattr(sweep, "train_all", train_here)
        pd.testing.assert_frame_equal(comparable(run(tmp_path, study())), comparable(finished))
        assert TEST.read(tmp_path / "runs" / "tiny")[0] == TEST.read(finished.folder)[0]

    def test_trials_is_a_total(self, finished: Result, tmp_path: Path) -> None:
        """Raised, the run goes on; lowered, nothing is lost and nothing added."""
        run(tmp_path, study(search={"trials": 5}))
        more = run(tmp_path, study())
        search = more.trials.query("phase != 'confirm'")
        assert search["trial"].tolist() == list(range(12))
        assert not search.duplicated(["optimizer", "learning_rate", "activation", "activation_penalty"]).any()
        less = run(tmp_path, study(search={"trials": 4}))
        pd.testing.assert_frame_equal(less.trials, more.trials)

    @pytest.mark.parametrize(("minutes", "trials"), [(0.001, 1), (1.0, 3), (8.0, 10)])
    def test_the_clock_ends_the_search(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes: float, trials: int
    ) -> None:
        """None starts after it, or leaves no time for confirmations; these follow; a later call goes on."""
        now = [0.0]
        original = sweep.train_all

        def slow(*given: Any) -> Iterator[list[TrialResult]]:
            for results in original(*given):
                now[0] += 30.0
                yield results

        monkeypatch.setattr(sweep, "train_all", slow)
        for module in (
            journey,
            sweep,
            forecast,
        ):  # were it all, threads that wait would stop
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
        limited = run(tmp_path, study(search={"minutes": minutes}))
        search = limited.trials[limited.trials["phase"] != "confirm"]
        assert search["trial"].tolist() == list(range(trials))
        assert (limited.trials["phase"] == "confirm").sum() == 3 * min(trials, 2)
        now[0] = 0.0
        again = run(tmp_path, study(search={"trials": trials + 2}))
        assert len(again.trials.query("phase != 'confirm'")) == trials + 2

    def test_fresh_starts_over(self, first: Result, tmp_path: Path) -> None:
        """Another study takes the place of the old one, records, journal and scores included."""
        with pytest.raises(RunFolderError, match="was written by another study"):
            run(tmp_path, study(search={"seed": 8}))
        fresh = run(tmp_path, study(search={"seed": 8}), fresh=True)
        assert fresh.trials.query("phase != 'confirm'")["seed"].tolist() == [8] * 12

    def test_a_run_that_starts_over_and_is_stopped_leaves_no_old_report(
        self, first: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its answer is that of deleted trials; what somebody else put there stays."""
        report = tmp_path / "reports" / "tiny"
        for name in ("index.html", "best.py", "best.toml", "figures/race.png", "tables/race.csv"):
            (report / name).parent.mkdir(parents=True, exist_ok=True)
            (report / name).write_text("of 12 trials")
        others = {"notes.txt", "transfer.json", "transfer.png", "figures/mine.svg"}
        for name in others:
            (report / name).write_text("mine")

        def stopped(self: sweep.Sweep, started: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(sweep.Sweep, "search_all", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, study(search={"trials": 14}))
        assert (report / "index.html").read_text() == "of 12 trials"
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, study(), fresh=True)
        left = {each.relative_to(report).as_posix() for each in report.rglob("*") if each.is_file()}
        assert left == others

    def test_test_rows_touch_nothing_but_the_test(self, tmp_path: Path) -> None:
        """With other test rows all records are the same; only the test score differs."""
        x, y = data()

        def parts(flip: int) -> Callable[[], dict[str, tuple[np.ndarray, np.ndarray]]]:
            rest = {"train": (x[:30], y[:30]), "validation": (x[30:45], y[30:45])}
            return lambda: {**rest, "test": (x[45:] + 5 * flip, (y[45:] + flip) % 2)}

        few = {"trials": 5}
        results = [run(tmp_path / str(flip), study(data=parts(flip), search=few)) for flip in (0, 1)]
        pd.testing.assert_frame_equal(*map(comparable, results))
        pd.testing.assert_frame_equal(*(result.layers for result in results))
        scores = [TEST.read(result.folder)[0] for result in results]
        assert scores[0] != scores[1]

    def test_without_test_rows_nothing_is_tested(self, tmp_path: Path) -> None:
        """The answer has no test score then."""
        unsplit = {"source": data, "split": [0.7, 0.3, 0.0]}
        result = run(tmp_path, study(data=unsplit, search={"trials": 5}))
        assert TEST.read(result.folder)[0] is None
        assert result.answer is not None
        assert result.answer.test is None

    def test_without_confirmations_the_best_of_the_search_is_tested(self, tmp_path: Path) -> None:
        """On the seed of the search: there is no other."""
        result = run(tmp_path, study(confirm={"finalists": 0, "seeds": 0}, search={"trials": 5}))
        tested = TEST.read(result.folder)[0]
        assert tested is not None
        assert tested["seeds"] == [3]
        assert tested["trial"] == result.trials["objective"].idxmin()

    def test_more_seeds_are_added_to_those_that_are_there(self, first: Result, tmp_path: Path) -> None:
        """Raising confirm.seeds trains the new ones alone, and tests on all."""
        second = run(tmp_path, study(confirm={"finalists": 2, "seeds": 5}))
        before, after = (r.trials[r.trials["phase"] == "confirm"] for r in (first, second))
        assert len(after) == 10
        kept = after[after["seed"] <= 6].reset_index(drop=True)
        pd.testing.assert_frame_equal(kept, before.reset_index(drop=True))
        assert (TEST.read(second.folder)[0] or {})["seeds"] == [4, 5, 6, 7, 8]

    def test_records_that_are_lost_are_trained_again(
        self, finished: Result, first: Result, tmp_path: Path
    ) -> None:
        """All of them or some files: the same trials come back, and the journal fits them."""
        records = first.folder / "records"
        for file in sorted(records.glob("*-000002.parquet")):
            file.unlink()
        pd.testing.assert_frame_equal(comparable(run(tmp_path, study())), comparable(finished))
        for file in records.iterdir():
            file.unlink()
        pd.testing.assert_frame_equal(comparable(run(tmp_path, study())), comparable(finished))
        copied_to_optuna(replace(finished, folder=first.folder))

    def test_a_journal_that_is_lost_is_written_anew(
        self, finished: Result, first: Result, tmp_path: Path
    ) -> None:
        """From the records; nothing is trained again."""
        (first.folder / "journal.log").unlink()
        pd.testing.assert_frame_equal(run(tmp_path, study()).trials, first.trials)
        copied_to_optuna(replace(finished, folder=first.folder))

    def test_the_wall_time_is_that_of_the_whole_run(self, first: Result, tmp_path: Path) -> None:
        """A call that goes on does not know it, and one that trains nothing least of all: none is told."""
        told = []
        for folder in (tmp_path, tmp_path / "anew"):
            given = Options(engine="reference", quiet=True, runs=folder / "runs", reports=folder / "reports")
            with mock.patch.object(Result, "report", lambda *_, seconds, **__: told.append(seconds)):
                journey.run(study(), given)
        assert told[0] is None
        assert told[1] > 0

    def test_any_storage_of_optuna_will_do(
        self, finished: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A database by URL, its path relative to the present folder; resumed, and started over."""
        monkeypatch.chdir(tmp_path)
        run(tmp_path, study(search={"trials": 5}), storage="sqlite:///trials.db")
        more = study(search={"trials": 6})
        run(tmp_path, more, storage="sqlite:///trials.db")
        url = f"sqlite:///{tmp_path / 'trials.db'}"
        assert len(optuna.load_study(study_name="tiny", storage=url).trials) == 6
        assert not (tmp_path / "runs" / "tiny" / "journal.log").exists()
        with pytest.raises(RunFolderError, match="with 6 trials, and not all of them are those of this run"):
            run(tmp_path / "elsewhere", more, storage="sqlite:///trials.db")
        run(tmp_path, study(search={"trials": 2}), storage="sqlite:///trials.db", fresh=True)
        assert len(optuna.load_study(study_name="tiny", storage=url).trials) == 2

    def test_a_wrong_storage_is_said_before_anything_is_written_or_deleted(
        self, first: Result, tmp_path: Path
    ) -> None:
        """Even with --fresh."""
        for fresh in (False, True):
            with pytest.raises(UserError, match="--storage 'nonsense': cannot be opened"):
                run(tmp_path, study(), storage="nonsense", fresh=fresh)
        with pytest.raises(UserError, match="--storage 'nonsense': cannot be opened"):
            run(tmp_path / "new", study(), storage="nonsense")
        assert not (tmp_path / "new").exists()
        pd.testing.assert_frame_equal(run(tmp_path, study()).trials, first.trials)

    def test_a_run_of_failures_fails(self, tmp_path: Path) -> None:
        """When every trial raises, the run ends with the reason; nothing is hidden in the records."""
        asked = study(model={"source": "misbehaving:model", "way": "raise"}, search={"trials": 4})
        with pytest.raises(RunFailed) as caught:
            run(tmp_path, asked)
        assert str(caught.value).startswith(
            "all 4 trials failed; the reason of each: ValueError: this activation will"
        )
        assert caught.value.exit_code == 1

    def test_a_full_disk_ends_the_run_and_harms_nothing(
        self, finished: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One message; with space again the same command ends as if nothing had happened."""
        import sweeper.records.store as store

        calls, original = [], store.os.fsync

        def full(descriptor: int) -> None:
            calls.append(descriptor)
            if len(calls) > 8:
                raise OSError(28, "No space left on device")
            original(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(store.os, "fsync", full)
            with pytest.raises(RunFailed, match="No space left on device"):
                run(tmp_path, study())
        pd.testing.assert_frame_equal(comparable(run(tmp_path, study())), comparable(finished))


def test_a_study_that_cannot_be_trained_leaves_nothing(
    first: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    """Refused before a folder is made; and --fresh empties none for it."""
    asked = study(model=lambda in_features, out_features: "no module")
    with monkeypatch.context() as patch:  # it ends before `quick` does
        patch.setattr(journey, "preflight_in_workers", lambda pool, task: check_configurations(task.value))
        for folder in (tmp_path, tmp_path / "new"):
            with pytest.raises(ModelError):
                run(folder, asked, fresh=True)
    assert not (tmp_path / "new").exists()
    pd.testing.assert_frame_equal(run(tmp_path, study()).trials, first.trials)
