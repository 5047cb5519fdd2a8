"""Stacks that fail while they train: the reason is told, kept with the plan, and on the page."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from quick_runs import without_workers
from whole_runs import run, study

from sweeper.records.run_files import PLAN
from sweeper.result import Result
from sweeper.training import work
from sweeper.training.setup import Task
from sweeper.training.stacked import stacked_training
from sweeper.training.stacked.cache import StackCache
from sweeper.training.stacked.engine import train_stack
from sweeper.training.stacked.refusal import NotStackable
from sweeper.trial import Trial, TrialResult

WHY = "RuntimeError: no such formula"


def failing(times: float) -> Callable[[Task, Sequence[Trial], int], Iterator[TrialResult]]:
    """The engine of stacks, which fails so many `times` before it works."""
    left = [times]

    def train(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("no such formula")
        yield from train_stack(task, trials, slots)

    return train


def told_of(result: Result) -> tuple[str, tuple[str, ...]]:
    """What the page says of the plan, and the warnings of the answer."""
    assert result.answer is not None
    return result._notes(PLAN.read(result.folder)[0])[0], result.answer.warnings


def ran(monkeypatch: pytest.MonkeyPatch, folder: Path, times: float, trials: int = 12) -> Result:
    """A run whose stacks fail so many times."""
    monkeypatch.setitem(work.ENGINES, "fused", failing(times))
    with without_workers():
        return run(folder, study(search={"trials": trials}), engine="fused", jobs=1)


def test_a_page_claims_no_stacks_where_all_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says how many trainings ran one by one instead, and why; so do terminal, once, and plan."""
    result = ran(monkeypatch, tmp_path, float("inf"), 5)
    count = len(result.trials)
    assert set(result.trials["engine"]) == {"reference"}
    because = f"{count} trainings ran one by one, as their stack failed: {WHY}"
    page, warnings = told_of(result)
    assert page.startswith("Planned, while every training ran one by one: ")
    assert because in page
    assert f"{because} (" in warnings[-1]
    kept, _ = PLAN.read(result.folder)
    assert kept is not None
    assert kept["broken"] == count
    assert because in kept["line"]
    errors = capsys.readouterr().err
    assert errors.count(WHY) == 1
    assert f"a stack failed, its trials are trained one by one: {WHY}" in errors


def test_what_failed_is_counted_over_all_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stack of an earlier call, one of a later one; the page still claims those that ran."""
    before = ran(monkeypatch, tmp_path, 1, 5)
    first = int((PLAN.read(before.folder)[0] or {})["broken"])
    page, warnings = told_of(before)
    assert page.startswith("Planned: up to ")
    assert f"{first} trainings ran one by one" in page
    assert f"{first} trainings ran one by one" in warnings[-1]
    result = ran(monkeypatch, tmp_path, 1)
    both = int((PLAN.read(result.folder)[0] or {})["broken"])
    assert both > first > 0
    assert f"{both} trainings ran one by one" in told_of(result)[0]


def test_machine_code_that_fails_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its stacks go on as recorded operations; terminal, plan and page say so, and why."""

    def refusing_code(task: Task, stacks: StackCache, *given: Any) -> None:
        if stacks.native is not None:
            raise NotStackable("in a stack, the loss is another one")

    monkeypatch.setattr(stacked_training, "check_trained", refusing_code)
    with without_workers():
        asked = study(search={"trials": 12}, training={"compile": True})
        result = run(tmp_path, asked, engine="fused", jobs=1)
    assert set(result.trials["engine"]) <= {"fused", "reference"}
    kept, _ = PLAN.read(result.folder)
    assert kept is not None
    assert (kept["compiled"], kept["broken"]) == (True, 0)
    because = f"{kept['fell_back']} trainings ran as recorded operations, as machine code failed: in a stack"
    page, warnings = told_of(result)
    assert kept["fell_back"] > 1
    assert because in page
    assert f"{because}, the loss is another one." in warnings[-1]
    assert capsys.readouterr().err.count("machine code failed, its stack goes on without it: in a") == 1
