"""A page that is begun while sharpness is measured is the page that is made afterwards."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from report_inputs import made_input, sharp_input
from synthetic_records import SyntheticRecords

from sweeper import sweep
from sweeper.journey import PageInWorker
from sweeper.loading import load_ahead
from sweeper.questions import FIGURES, TABLES, stability
from sweeper.questions.run_data import SHARPNESS_METRICS, BeingMeasured, RunData
from sweeper.report import page, sections
from sweeper.report.page import begin, write
from sweeper.report.sections import known_tables, tables_of
from sweeper.search.trial_summary import summarize
from sweeper.sweep import Sweep
from sweeper.training import dispatch
from sweeper.training.plan import Plan
from sweeper.training.pool.interface import Pool
from sweeper.trial import Outcome, SharpnessResult, Trial, TrialResult

NONE_AHEAD = SimpleNamespace(take=lambda trial: None)
"""No training was begun before it was needed."""


@pytest.fixture(scope="module")
def measured(records: SyntheticRecords) -> RunData:
    """The made-up run with the sharpness of a trial."""
    return sharp_input(made_input(records))


def measuring(run: RunData) -> RunData:
    """The run before its sharpness was on record."""
    known = ~run.records.curves["metric"].isin(SHARPNESS_METRICS)
    return replace(run, records=replace(run.records, curves=run.records.curves[known]), measuring=True)


def test_tables_that_are_made_before_are_those_of_the_whole_run(measured: RunData) -> None:
    """Whatever needs the sharpness is left for later, and nothing else is."""
    known, every = known_tables(measuring(measured)), tables_of(measured)
    unmeasured = replace(measuring(measured), measuring=False)
    left = set(TABLES) - set(known)
    assert left >= set(stability.QUESTION.tables)
    for name in left:
        assert not TABLES[name](unmeasured).equals(every[name]), f"{name} does not depend on the sharpness"
    assert len(every["stability"]) == 3
    for name, frame in known.items():
        pd.testing.assert_frame_equal(frame, every[name])


def test_sharpness_is_not_read_before_it_is_known(measured: RunData) -> None:
    """It is refused, and the other curves do not hold it."""
    with pytest.raises(BeingMeasured):
        _ = measuring(measured).sharpness
    assert set(measured.sharpness["metric"]) == set(SHARPNESS_METRICS)
    assert not set(measured.curves["metric"]) & set(SHARPNESS_METRICS)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two figures alone, of which one needs the sharpness, and no sections; the names of what is drawn."""
    drawn: list[str] = []
    draw = page._draw

    def noted(needed: tuple[str, pd.DataFrame]) -> Any:
        drawn.append(needed[0])
        return draw(needed)

    for module in (page, sections):
        monkeypatch.setattr(module, "FIGURES", {name: FIGURES[name] for name in ("importances", "stability")})
        monkeypatch.setattr(
            module, "TABLES", {n: TABLES[n] for n in ("importances", "stability", "leaderboard")}
        )
    monkeypatch.setattr(sections, "QUESTIONS", ())
    monkeypatch.setattr(page, "_draw", noted)
    return drawn


def test_a_page_that_was_begun_is_the_page(measured: RunData, few: list[str], tmp_path: Path) -> None:
    """All files are the same, and each figure is drawn once; those after a stop are drawn at the end."""
    at_once = files(write(measured, tmp_path).parent)
    assert few == ["importances", "stability"]
    for stopped in (False, True):
        few.clear()
        begun = begin(measuring(measured), lambda stopped=stopped: stopped)
        assert few == ([] if stopped else ["importances"])
        assert files(write(measured, tmp_path, begun=begun).parent) == at_once
        assert few == ["importances", "stability"]


def files(folder: Path) -> dict[str, bytes]:
    """Name -> content."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


SHARP, PLAIN = (Trial(number, "exploit", 0, {}) for number in (1, 2))
SHARPNESS = SharpnessResult(SHARP, 0.1, ((0, "sharpness", 1.0),))
TRAINED = TrialResult(PLAIN, Outcome.COMPLETED, 0.5, 4, 0.1, "reference", "", (), (), {}, ())
KNOWN = SimpleNamespace(known={PLAIN.number: summarize(TRAINED, "validation_loss")})
GUESSED = {"guess": "the mean"}


@pytest.mark.parametrize(
    ("winner", "seeds", "results", "expected"),
    [
        (
            PLAIN,
            [1],
            [{"guess": 1}, SHARPNESS, TRAINED, SHARPNESS],
            ["guessed", "replaced", "begun", "kept 2"],
        ),
        (PLAIN, [], [TRAINED, SHARPNESS], ["replaced", "begun", "kept 1"]),
        (None, [1], [None, SHARPNESS], ["begun", "kept 1"]),
        (None, [], [SHARPNESS], ["begun", "kept 1"]),
    ],
)
def test_the_page_is_begun_when_all_but_the_sharpness_is_on_record(
    monkeypatch: pytest.MonkeyPatch,
    winner: Trial | None,
    seeds: list[int],
    results: list[Any],
    expected: list[str],
) -> None:
    """Once, after the winner's own training and the guesses, before the sharpness is kept."""
    events: list[str] = []
    one = object.__new__(Sweep)
    study = SimpleNamespace(objective="validation_loss")
    store = SimpleNamespace(
        replace=lambda result: events.append("replaced"),
        append_curves=lambda rows: events.append(f"kept {len(rows)}"),
    )
    vars(one).update(
        task=SimpleNamespace(study=study),
        store=store,
        search=KNOWN,
        pool=None,
        shared=None,
        _ahead=NONE_AHEAD,
        progress=SimpleNamespace(phase=lambda name: None),
        _trials=lambda: None,
        _unguessed=lambda: seeds,
        _to_retrain=lambda *given: winner,
        plan=Plan("reference", 1, 1),
        home=object(),
        _to_measure=lambda *given: [(SHARP, 4)],
        _keep_baselines=lambda *given: events.append("guessed"),
    )
    monkeypatch.setattr(sweep, "answer", lambda *given, **named: None)
    monkeypatch.setattr(sweep, "retrain_and_measure", lambda *given: iter(results))
    assert one.retrain_and_measure(lambda: events.append("begun") or "page") == "page"
    assert events == expected


@pytest.mark.parametrize(
    ("done", "width", "here", "seconds", "spared"),
    [
        (False, 2, True, 1e-3, 1),
        (True, 2, True, 1e-3, 0),  # the page is made
        (False, 1, True, 1e-3, 0),  # another core is free
        (False, 2, False, 1e-3, 0),  # workers elsewhere
        (False, 2, True, 1.0, 0),  # long measurements
        (False, 2, True, 0.0, 0),  # nobody knows
    ],
)
def test_short_measurements_leave_the_page_a_core(
    monkeypatch: pytest.MonkeyPatch, done: bool, width: int, here: bool, seconds: float, spared: int
) -> None:
    """Where workers take all of them, and only until the page is made as far as it can be."""
    one, asked = object.__new__(Sweep), list[int]()
    pool, elsewhere = SimpleNamespace(width=width), object()
    vars(one).update(
        task=SimpleNamespace(study=SimpleNamespace(objective="validation_loss")),
        store=SimpleNamespace(append_curves=lambda rows: None),
        plan=Plan("fused", 8, 2, speedup=8.0, seconds_a_step=seconds / 8),
        pool=pool,
        home=pool if here else elsewhere,
        shared=None,
        _ahead=NONE_AHEAD,
        progress=SimpleNamespace(phase=lambda name: None),
        _trials=lambda: None,
        _unguessed=list,
        _to_retrain=lambda *given: None,
        _to_measure=lambda *given: [(SHARP, 4)],
    )

    def measured(*given: Any) -> Any:
        asked.append(given[-2]())
        yield SHARPNESS

    monkeypatch.setattr(dispatch, "core_count", lambda: 2)
    monkeypatch.setattr(sweep, "answer", lambda *given, **named: None)
    monkeypatch.setattr(sweep, "retrain_and_measure", measured)
    one.retrain_and_measure(lambda: SimpleNamespace(done=lambda: done))
    assert asked == [spared]


def test_no_page_is_begun_where_no_sharpness_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to wait for then."""
    one = object.__new__(Sweep)
    store = SimpleNamespace(replace=lambda result: None, append_curves=lambda rows: None)
    named: dict[str, Any] = {"task": SimpleNamespace(study=SimpleNamespace(objective="validation_loss"))}
    named |= {
        "plan": Plan("reference", 1, 1),
        "home": object(),
        "store": store,
        "search": KNOWN,
        "pool": None,
        "shared": None,
        "_ahead": NONE_AHEAD,
        "_trials": lambda: None,
        "_unguessed": list,
    }
    named |= {"_to_retrain": lambda *given: PLAIN, "_to_measure": lambda *given: []}
    vars(one).update(named)
    monkeypatch.setattr(sweep, "answer", lambda *given, **named: None)
    monkeypatch.setattr(sweep, "retrain_and_measure", lambda *given: iter([TRAINED]))
    assert one.retrain_and_measure(lambda: pytest.fail("begun")) is None


@pytest.mark.parametrize(
    ("winner", "seeds", "others", "width", "called"),
    [
        (PLAIN, [], [], 2, True),
        (PLAIN, [1], [], 3, True),
        (PLAIN, [], [], 1, False),  # the only worker trains the winner
        (PLAIN, [1], [], 2, False),  # and the other one guesses
        (PLAIN, [], [(SHARP, 4)], 2, False),  # or measures
        (None, [], [], 2, False),  # nobody is waited for
    ],
)
def test_a_worker_without_work_is_told_while_the_winner_is_trained(
    monkeypatch: pytest.MonkeyPatch,
    winner: Trial | None,
    seeds: list[int],
    others: list[Any],
    width: int,
    called: bool,
) -> None:
    """Before the training begins, and only where one is left."""
    one, events = object.__new__(Sweep), list[str]()
    vars(one).update(
        task=SimpleNamespace(study=SimpleNamespace(objective="validation_loss")),
        store=SimpleNamespace(replace=lambda result: None, append_curves=lambda rows: None),
        plan=Plan("reference", 1, 1),
        pool=SimpleNamespace(width=width),
        home=object(),
        shared=None,
        _ahead=NONE_AHEAD,
        search=KNOWN,
        progress=SimpleNamespace(phase=lambda name: None),
        _trials=lambda: None,
        _unguessed=lambda: seeds,
        _keep_baselines=lambda *given: None,
        _to_retrain=lambda *given: winner,
        _to_measure=lambda *given: others,
    )

    def trained(*given: Any) -> Any:
        events.append("training")
        yield from [TRAINED][: winner is not None]

    monkeypatch.setattr(sweep, "answer", lambda *given, **named: None)
    monkeypatch.setattr(sweep, "retrain_and_measure", trained)
    one.retrain_and_measure(lambda: SimpleNamespace(done=bool), lambda: events.append("idle"))
    assert events == ["idle"] * called + ["training"]


def test_what_draws_is_imported_by_one_worker_once() -> None:
    """However often it is asked for; a page is drawn after that call."""
    calls: list[tuple[Any, ...]] = []

    def submit(*call: Any) -> int:
        calls.append(call)
        return len(calls)

    page_in_worker = PageInWorker(cast(Pool, SimpleNamespace(submit=submit)))
    assert page_in_worker.loaded is None
    page_in_worker.load()
    page_in_worker.load()
    assert (calls, page_in_worker.loaded) == ([(load_ahead, "sweeper.report.page")], 1)
