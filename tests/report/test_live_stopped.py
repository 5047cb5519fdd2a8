"""The page of a run that is interrupted, and that its numbers of trainings are those on record."""

import re
from pathlib import Path

import made_up
import pytest
from rich.console import Console

from sweeper.records.schema import parameter_columns
from sweeper.records.store import Store
from sweeper.report.live import LivePage
from sweeper.report.progress import Progress
from sweeper.search.driver import Search
from sweeper.study.study import Study
from sweeper.trial import TrialResult

SEEDS = (1, 2, 3)


@pytest.fixture
def study() -> Study:
    """One with few trials."""
    return made_up.study(made_up.MIXED, trials=12)


def searched(study: Study) -> list[TrialResult]:
    """Results of its whole search."""
    done = made_up.search_through(Search(study))
    return [made_up.result(trial, made_up.bowl(trial.parameters)) for trial in done]


def confirmed(results: list[TrialResult], *places: int) -> list[TrialResult]:
    """The trials at these places of the search on fresh seeds."""
    chosen = [results[place].trial for place in places]
    again = [made_up.Trial(t.number, "confirm", seed, t.parameters) for t in chosen for seed in SEEDS]
    return [made_up.result(trial, 0.01) for trial in again]


class Stopped:
    """A run of `study` whose records are in `folder`, as the live page sees it."""

    def __init__(self, study: Study, folder: Path) -> None:
        self.records, self.reports = folder / "records", folder / "reports"
        self.store = Store(self.records, parameter_columns(study.space))
        self.progress = Progress(12, 6, True, Console(quiet=True))
        self.live = LivePage(study, self.records, self.reports, self.progress)

    def finish(self, results: list[TrialResult]) -> None:
        """This call trains them, and they come on record."""
        self.progress.add(*results)
        self.store.append(results)

    def interrupt(self) -> str:
        """Ctrl-C; the text of the page, empty without one."""
        with pytest.raises(KeyboardInterrupt), self.live:
            raise KeyboardInterrupt
        page = self.reports / "index.html"
        return re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page.read_text("utf-8"))) if page.is_file() else ""


def test_an_interrupted_run_leaves_a_page_of_all_on_record(study: Study, tmp_path: Path) -> None:
    """However short it was, and although no time had come to write one."""
    run, results = Stopped(study, tmp_path), searched(study)
    assert run.interrupt() == "", "nothing was trained"
    run.progress.phase("explore")
    run.live.begin()
    run.finish(results[:1])
    assert "1 of 12 trials was done." in run.interrupt()
    run.finish(results[1:])
    page = run.interrupt()
    assert re.search(r"Interrupted at \d\d:\d\d: 12 of 12 trials were done\.", page)
    assert "Start it again and it continues from here" in page
    assert "loads itself again" not in page
    assert 'http-equiv="refresh"' not in (run.reports / "index.html").read_text("utf-8")


@pytest.mark.parametrize("phase", ["confirm", "test", "sharpness"])
def test_a_race_that_is_over_is_told_so(study: Study, tmp_path: Path, phase: str) -> None:
    """In whatever phase after the search: its trainings, and those that it did not need, as the terminal."""
    run, results = Stopped(study, tmp_path), searched(study)
    run.finish(results)
    run.progress.phase("confirm")
    run.finish(confirmed(results, 0))
    run.progress.race_over()
    run.progress.phase(phase)
    page = run.interrupt()
    under_way = {
        "test": "; the winner was being scored",
        "sharpness": "; the sharpness of the loss was being",
    }
    said = f"the search was over, and 3 of 3 confirmations were done{under_way.get(phase, '.')}"
    assert said in page
    assert "3 of 3 3 completed; 3 fewer than planned: the race is over" in page
    assert f"Phase {phase} the" in page or f"Phase {phase} how" in page
    assert "3/3 confirmations (3 fewer than planned: the race is over)" in run.progress.line()


def test_what_is_not_on_record_yet_is_no_confirmation_of_an_earlier_call(
    study: Study, tmp_path: Path
) -> None:
    """Headline, count and outcomes are those of the records, however far ahead the display is."""
    run, results = Stopped(study, tmp_path), searched(study)
    run.finish(results)
    run.progress.phase("confirm")
    made = confirmed(results, 0, 1)
    run.store.append(made[:2])
    run.progress.add(*made)
    page = run.interrupt()
    assert "and 2 of 6 confirmations were done." in page
    assert "2 of 6 2 completed" in page
    assert "earlier call" not in page


@pytest.mark.parametrize("phase", ["exploit", "confirm"])
def test_confirmations_of_an_earlier_call_count_once_the_race_goes_on(
    study: Study, tmp_path: Path, phase: str
) -> None:
    """While the search goes on they are told apart; then their finalists race on with the new ones."""
    run, results = Stopped(study, tmp_path), searched(study)
    run.store.append([*results, *confirmed(results, 0, 1)])
    run.progress.resume((), 6)
    run.progress.phase(phase, *((6, 12) if phase == "confirm" else ()))
    told = "6 of 12 6 completed" if phase == "confirm" else "0 of 6 with 6 of finalists of an earlier call: 6"
    assert told in run.interrupt()


def test_a_report_that_is_there_stays(study: Study, tmp_path: Path) -> None:
    """That of an earlier call where this one trained nothing, and that which this call wrote itself."""
    page = tmp_path / "reports" / "index.html"
    page.parent.mkdir()
    page.write_text("of an earlier call", encoding="utf-8")
    run, results = Stopped(study, tmp_path), searched(study)
    run.store.append(results[:5])
    assert run.interrupt() == "of an earlier call"
    run.finish(results[5:])
    assert "12 of 12 trials were done." in run.interrupt()
    page.unlink()
    page.write_text("the report of this call", encoding="utf-8")
    assert run.interrupt() == "the report of this call"


def test_a_second_interrupt_is_not_held_up(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the page is written it ends at once, and the page before stays whole."""
    run, results = Stopped(study, tmp_path), searched(study)
    run.finish(results[:5])
    before = run.interrupt()
    monkeypatch.setattr(run.live, "_write", lambda trials: (_ for _ in ()).throw(KeyboardInterrupt))
    run.finish(results[5:])
    assert run.interrupt() == before
