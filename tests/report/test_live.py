"""The page of a run under way: when it is written, what it says, and that it harms nothing."""

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import made_up
import pytest
from misbehaving import data
from quick_runs import without_workers
from report_inputs import made_study
from rich.console import Console
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper import journey
from sweeper.journey import Options
from sweeper.questions import TABLES
from sweeper.records.schema import parameter_columns
from sweeper.records.store import Store
from sweeper.report import live, live_page, sections
from sweeper.report.card import card
from sweeper.report.live import LivePage
from sweeper.report.progress import Progress
from sweeper.report.render import render
from sweeper.result import Result
from sweeper.search.driver import Search
from sweeper.study.study import Study
from sweeper.trial import start_metric

ATTACK = "<script>alert(1)</script> & co"
HELPERS = Path(__file__).parents[1] / "helpers"
REFRESH = '<meta http-equiv="refresh"'


class Clock:
    """Seconds that pass when the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """What the live page looks at."""
    return Clock()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``records`` folder of a search with 30 trials that nobody trained."""
    study = made_up.study(made_up.MIXED, trials=30)
    folder = tmp_path_factory.mktemp("run") / "records"
    done = made_up.search_through(Search(study))
    results = [made_up.result(trial, made_up.bowl(trial.parameters)) for trial in done]
    Store(folder, parameter_columns(study.space)).append(results)
    return folder


def page_of(folder: Path, recorded: Path, clock: Clock, **given: Any) -> tuple[LivePage, io.StringIO]:
    """The live page of `recorded`, to be written to `folder`, and what the progress display says."""
    text = io.StringIO()
    progress = Progress(120, 50, False, Console(file=text, width=200))
    progress.phase("explore")
    study = made_up.study(made_up.MIXED, trials=120)
    return LivePage(study, recorded, folder, progress, clock=clock, **given), text


def written(recorded: Path, study: Study, phase: str = "exploit", done: int = 0, **more: Any) -> str:
    """The page's HTML without figures, `done` trainings of the phase."""
    progress = Progress(120, more.get("most", 50), True)
    progress.phase(phase, done)
    resume = more.get("resume", "sweeper run made-up")
    return live_page.live_page(study, live.load_trials(recorded), progress, (), resume, 20)


@pytest.mark.parametrize(("cost", "drawing"), [(0.02, 0.3), (0.02, 30.0), (3.0, 1.0), (60.0, 0.0)])
def test_interval_and_share_of_time_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recorded: Path, clock: Clock, cost: float, drawing: float
) -> None:
    """Over an hour, or 20 minutes of many refreshes, none comes within 20 s of the last one, nor where it
    would cost more than 2 %."""
    spans: list[tuple[float, float]] = []
    """(start, seconds) of every refresh, from the begin of training"""
    drawn: list[bool] = []

    def costly_page(*given: Any) -> str:
        clock.now += cost
        return "page"

    def costly_figures(*given: Any) -> tuple[()]:
        clock.now += drawing
        drawn[-1] = True
        return ()

    frame = live.load_trials(recorded)
    monkeypatch.setattr(live, "load_trials", lambda folder: frame)
    monkeypatch.setattr(live_page, "live_page", costly_page)
    monkeypatch.setattr(sections, "live_figures", costly_figures)
    page, _ = page_of(tmp_path, recorded, clock)
    begin = clock.now
    page.begin()
    seconds = 1200 if drawing < 1 else 3600  # a third of an hour where there are many
    while clock.now < begin + seconds:
        clock.now += 0.7
        before = clock.now
        drawn.append(False)
        page.refresh()
        if clock.now == before:
            drawn.pop()
            continue
        spans.append((before - begin, clock.now - before))
    for index, (start, _) in enumerate(spans):
        last_start, last_took = spans[index - 1] if index else (0.0, 0.0)
        assert start - (last_start + last_took) >= 20
        known = index > 0 and (any(drawn[:index]) or not drawn[index])  # before, costs are guesses
        expected = cost + drawing * drawn[index] if known else 0.0
        assert sum(took for _, took in spans[:index]) + expected <= 0.02 * start + 1e-9
    assert page.spent == pytest.approx(sum(took for _, took in spans))
    assert spans[0][0] < 26
    if cost < 0.1:
        assert len(spans) > (50 if drawing < 1 else 90), "a page that costs little comes often"
        assert sum(drawn) >= (33 if drawing < 1 else 1)
    assert page.spent <= max(0.02 * seconds, spans[0][1]) + 1e-6  # what the first one costs nobody knows


def test_a_short_run_writes_nothing_and_an_old_report_stays(
    tmp_path: Path, recorded: Path, clock: Clock
) -> None:
    """Before 20 s of training, or when nothing is trained at all, the page of an earlier run is as it was."""
    old = tmp_path / "index.html"
    old.write_text("finished", encoding="utf-8")
    page, _ = page_of(tmp_path, recorded, clock)
    clock.now += 500
    page.refresh()
    page.begin()
    for _ in range(19):
        clock.now += 1
        page.begin()  # a new generation
        page.refresh()
    assert old.read_text("utf-8") == "finished"
    assert page.spent == 0
    clock.now += 6
    page.refresh()
    assert REFRESH in old.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_what_draws_is_not_imported_before_it_is_needed() -> None:
    """A run that ends before its first refresh loads neither seaborn nor matplotlib nor jinja2 for it."""
    heavy = "{'matplotlib', 'seaborn', 'jinja2', 'torch'}"
    code = f"import sys, sweeper.report.live; print({heavy} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "set()"


def test_the_page_says_how_far_the_run_is(recorded: Path) -> None:
    """Counts, outcomes, best so far as unconfirmed, ten rows, and the command that goes on."""
    page = written(recorded, made_up.study(made_up.MIXED, trials=120))
    trials = live.load_trials(recorded)
    done = trials[trials["outcome"] == "completed"].sort_values("objective")
    best = done.iloc[0]
    counts = trials["outcome"].value_counts()
    assert "30 of 120 trials were done." in page
    assert f"{counts['completed']} completed, {counts['diverged']} diverged" in page
    assert "Not finished" in page
    assert f"Best so far, not confirmed: trial #{best['trial']} with a validation loss of" in page
    assert "so it may be luck" in page
    assert f"<td>{best['optimizer']}</td>" in page
    assert page.count("<tr>") - page.count('<tr><th scope="row">') == 10 + 1
    assert "sweeper run made-up" in re.sub("<[^>]*>", "", page)
    assert f'{REFRESH} content="20">' in page
    assert "0 of 50" in page
    assert "settings near those that scored well" in page
    for file in ("tables/", "figures/", "best.toml"):
        assert file not in page, "it names no file that is not there yet"


def test_the_page_of_the_confirmations(tmp_path: Path, recorded: Path) -> None:
    """They are counted apart, and the first on fresh seeds is named, which is not confirmed yet."""
    study = made_up.study(made_up.MIXED, trials=30)
    (tmp_path / "records").mkdir()
    for file in recorded.iterdir():
        (tmp_path / "records" / file.name).write_bytes(file.read_bytes())
    store = Store(tmp_path / "records", parameter_columns(study.space))
    first = Search(study).next_generation()[0]
    confirm = [made_up.Trial(first.number, "confirm", seed, first.parameters) for seed in (1, 2, 3)]
    store.append([made_up.result(t, float("inf") if t.seed == 3 else 0.01) for t in confirm])
    page = written(tmp_path / "records", study, "confirm", done=3)
    assert "the search was over, and 3 of 50 confirmations were done." in page
    assert "2 completed, 1 diverged" in page
    assert "of an earlier call" not in page
    page = written(tmp_path / "records", study, "confirm", 3, most=2)  # an earlier call made more
    assert "the search was over, and 3 of 3 confirmations were done." in page
    assert f"First on fresh seeds so far: trial #{first.number} with a mean validation loss of 0.01" in page
    assert "over 2 fresh seeds. The report says how sure that is" in page
    assert "Best so far, not confirmed" not in page
    assert "Confirmed on fresh seeds" not in page


def test_names_are_escaped(records: SyntheticRecords) -> None:
    """Question, values and command come from users; none of it becomes markup."""
    trials = records.trials.assign(activation=ATTACK)
    progress = Progress(60, 0, True)
    progress.phase("exploit")
    study = made_study(question=ATTACK)
    page = live_page.live_page(study, trials, progress, (), f"sweeper run '{ATTACK}'", 20)
    assert ATTACK not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; &amp; co") > 10
    assert page.count("<script>") == 1


def test_a_page_without_any_completed_trial(records: SyntheticRecords) -> None:
    """It says so, and ranks nothing."""
    progress = Progress(60, 0, True)
    trials = records.trials.head(5).assign(outcome="diverged", objective=float("nan"))
    for some in (trials, trials.head(0)):
        page = live_page.live_page(made_study(), some, progress, (), "sweeper run made", 20)
        assert "No trial has completed yet" in page
        assert f"{len(some)} of 60 trials were done." in page
        assert "<table" not in page


def test_a_finished_page_does_not_load_itself_again(records: SyntheticRecords) -> None:
    """The report has no refresh; the live page alone has."""
    assert REFRESH not in render(made_study(), card(made_study(), None, records.trials), [])


def test_figures_are_drawn_when_affordable_and_kept(tmp_path: Path, recorded: Path, clock: Clock) -> None:
    """After a few minutes two described figures are there; a page without time for new ones shows the old."""
    page, text = page_of(tmp_path, recorded, clock)
    page.begin()
    clock.now += 26
    page.refresh()
    assert "<img" not in (tmp_path / "index.html").read_text("utf-8")
    clock.now += 200
    page.refresh()
    drawn = (tmp_path / "index.html").read_text("utf-8")
    assert drawn.count('<img src="data:image/png;base64,') == 2
    assert drawn.count('alt="') == 2
    assert drawn.count("Drawn after 30 trials.") == 2
    assert "figures/" not in drawn
    page._figures_cost = 1e9
    clock.now += 21
    page.refresh()
    assert (tmp_path / "index.html").read_text("utf-8").count("<img") == 2
    assert "live page" not in text.getvalue()


@pytest.mark.parametrize("objective", ["validation_loss", "validation_error", "train_loss"])
def test_figures_know_the_loss_before_training(records: SyntheticRecords, objective: str) -> None:
    """The one metric that is read from the curves is the one that caps the losses, whatever ranks trials."""
    curves = records.curves[records.curves["metric"] == start_metric(objective)]
    full, part = (
        TABLES["learning_rate"](
            run_data(records.trials, rows, records.layers.head(0), search={"objective": objective})
        )
        for rows in (records.curves, curves)
    )
    assert full.equals(part)
    assert full["initial"].notna().any()


def test_a_page_that_cannot_be_written_is_a_note(tmp_path: Path, recorded: Path, clock: Clock) -> None:
    """It is said once, the run goes on, and the page comes when it can be written again."""
    folder = tmp_path / "reports" / "made-up"
    folder.parent.write_text("a file where the folder should be", encoding="utf-8")
    page, text = page_of(folder, recorded, clock)
    page._figures_cost = 1e9  # none are drawn
    page.begin()
    for _ in range(3):
        clock.now += 40
        page.refresh()
    assert text.getvalue().count("the live page cannot be written") == 1
    folder.parent.unlink()
    clock.now += 40
    page.refresh()
    assert (folder / "index.html").is_file()


def test_a_mistake_in_the_page_ends_the_page_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, recorded: Path, clock: Clock
) -> None:
    """Whatever is raised is said once, and nothing is tried again."""
    calls = []

    def wrong(*given: Any) -> str:
        calls.append(1)
        raise ValueError("no such thing")

    monkeypatch.setattr(live_page, "live_page", wrong)
    page, text = page_of(tmp_path, recorded, clock)
    page.begin()
    for _ in range(3):
        clock.now += 40
        page.refresh()
    assert text.getvalue().count("the live page stops here: ValueError: no such thing") == 1
    assert len(calls) == 1


def test_the_command_goes_on_in_the_same_folders(tmp_path: Path) -> None:
    """Options other than the defaults are repeated; a storage's password and ``--fresh`` are not."""
    study = Study.load("digits")
    assert live_page.resume_command(study, Options()) == "sweeper run digits"
    options = Options(jobs=3, storage="postgresql://me:secret@host/db", fresh=True, engine="fused")
    study.lies_in(Path("my runs"), Path("out"))  # as a run does with its study
    assert live_page.resume_command(study, options) == (
        "sweeper run digits --runs 'my runs' --reports out --jobs 3 --storage URL --engine fused"
    )
    made = made_up.study(made_up.MIXED, trials=120)  # in Python, so there is no file to name
    Store(tmp_path / "records", parameter_columns(made.space))
    page = written(tmp_path / "records", made, resume=live_page.resume_command(made, Options()))
    assert "(STUDY stands for your study file)" in page


def test_a_run_writes_it_and_the_report_replaces_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With an interval of nothing every result refreshes it; at the end the report is asked for that file."""
    found: list[str] = []

    def report(self: Result, folder: Path, **options: Any) -> Path:
        found.append((folder / "index.html").read_text("utf-8"))
        return folder / "index.html"

    monkeypatch.setattr(Result, "report", report)
    monkeypatch.setattr(live, "PERIOD", 0.0)
    monkeypatch.setattr(live, "SHARE", 1e12)
    monkeypatch.setattr(live, "FIRST_FIGURES", 1e99)
    study = Study(
        name="tiny",
        folder=HELPERS,
        data=data,
        model={"source": "mlp", "depth": 1, "width": 4},
        training={"steps": 4, "batch_size": 8, "evaluations": 2, "device": "cpu"},
        search={"trials": 4, "space": {"optimizer": "sgd", "learning_rate": [0.01, 0.02, 0.04, 0.08]}},
        confirm={"finalists": 1, "seeds": 2},
    )
    with without_workers():
        journey.run(study, Options(tmp_path / "runs", tmp_path / "reports", engine="reference", quiet=True))
    assert len(found) == 1
    assert "Not finished" in found[0]
    assert re.search(r"of 2 confirmations (was|were) done\.", found[0])
    assert f"--runs {tmp_path / 'runs'} --reports {tmp_path / 'reports'} --engine reference" in re.sub(
        "<[^>]*>", "", found[0]
    )
