"""Which trials are too few for a stack, where nearly every trial has a model of its own."""

from dataclasses import replace
from typing import Any

import pytest
from equivalence import numbered, task_of
from pools import Here, SerialPool

from sweeper.training import compiling, set_up, work
from sweeper.training.compiling import Timing
from sweeper.training.in_workers import plan_in_workers
from sweeper.training.plan import Plan
from sweeper.training.planning import Measured, cohorts_of
from sweeper.training.setup import Task
from sweeper.training.stacked.refusal import NotCompiled, NotStackable

pytestmark = pytest.mark.usefixtures("one_thread")
DROPOUT = {"model.dropout": {"low": 0.0, "high": 0.5}}
PLAN = Plan("fused", 16, 2, speedup=10.0, seconds_a_step=1e-4, compiled=True)


@pytest.mark.parametrize(
    ("space", "names"),
    [
        ({}, ()),
        (DROPOUT, ("model.dropout",)),
        ({"model.dropout.sgd": DROPOUT["model.dropout"]}, ("model.dropout",)),
        ({"model.dropout": [0.0, 0.1, 0.2]}, ()),
        ({"model.width": {"low": 4, "high": 200}}, ("model.width",)),
        ({"model.depth": {"low": 1, "high": 8}}, ()),
        ({"model.depth": {"low": 1, "high": 9}}, ("model.depth",)),
        ({"training.batch_size": {"low": 4, "high": 64}}, ("training.batch_size",)),
        ({"training.steps": {"low": 10, "high": 100}}, ()),
        ({"weight_decay": {"low": 0.0, "high": 0.1}}, ()),
        ({"training.label_smoothing": {"low": 0.0, "high": 0.3}, **DROPOUT}, None),
    ],
)
def test_settings_of_many_shapes(space: dict[str, Any], names: tuple[str, ...] | None) -> None:
    """Ranges of more than eight values that a stack cannot hold side by side; no other."""
    expected = {"training.label_smoothing", "model.dropout"} if names is None else set(names)
    assert set(set_up.varied(task_of(space=space).study)) == expected


def test_what_is_set_up_is_new_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack of one, as compiled as asked for, of another value each time, up to its first step."""
    made: list[tuple[float, bool, int]] = []

    def warm(task: Task, trials: Any, compiled: bool) -> Any:
        (trial,) = trials
        return lambda steps: made.append((trial.parameters["model.dropout"], compiled, steps))

    monkeypatch.setattr(set_up.engine, "warm_stack", warm)
    task, (trial,) = task_of(space=DROPOUT), numbered([{"model.dropout": 0.0, "activation": "tanh"}])
    for compiled in (False, True):
        assert set_up.seconds(task, trial, compiled) >= 0
    (first, _, _), (second, _, _) = made
    assert 0 < first != second > 0
    assert [each[1:] for each in made] == [(False, 1), (True, 1)]


def test_setting_up_takes_a_while() -> None:
    """A real stack of a real model: longer than some of its steps."""
    (trial,) = numbered([{"model.dropout": 0.0, "activation": "tanh"}])
    assert set_up.seconds(task_of(space=DROPOUT), trial, False) > 1e-3


@pytest.mark.parametrize(
    ("seconds", "compiled", "fewest"),
    [(0.35, True, 10), (0.036, True, 1), (0.037, True, 2), (0.35, False, 10), (0.001, False, 4)],
)
def test_a_stack_is_worth_its_setting_up(seconds: float, compiled: bool, fewest: int) -> None:
    """40 steps gain 36 ms a trial; stacks of recorded operations want four trials in any case."""
    plan, (trial,) = replace(PLAN, compiled=compiled), numbered([{}])
    found = set_up.with_fewest(plan, task_of(space=DROPOUT, steps=40), trial, [seconds, 0.0, 9.0])
    assert found == replace(plan, fewest=fewest, varied="model.dropout" if fewest > 1 else "")


def test_few_trials_of_a_shape_train_one_by_one() -> None:
    """Seven of one, four of another and three single ones, where five are the fewest; no part has fewer."""
    values = [0.1] * 7 + [0.2] * 4 + [0.3, 0.4, 0.5]
    trials = numbered([{"model.dropout": value} for value in values])
    cohorts = cohorts_of(replace(PLAN, fewest=5), task_of(space=DROPOUT), trials)
    sizes = [(len(each.trials), each.engine) for each in cohorts]
    assert sizes == [(7, "compiled"), *[(1, "reference")] * 7]
    assert [len(each.trials) for each in cohorts_of(PLAN, task_of(space=DROPOUT), trials[:7])] == [4, 3]


def planned(monkeypatch: pytest.MonkeyPatch, space: dict[str, Any], engine: str = "auto") -> Plan:
    """The plan where machine code takes a tenth of the time of a trial alone, 1 ms a step."""
    monkeypatch.setattr(work, "refusals", lambda task, turn, turns: {})
    monkeypatch.setattr(work, "measure", lambda *given: Measured(1e-3, {8: 3e-4}))
    monkeypatch.setattr(work, "measure_compiled", lambda *given: Timing(1e-4, 12))
    monkeypatch.setattr(compiling, "is_there", lambda: True)
    monkeypatch.setattr(compiling, "MIN_SECONDS_LEFT", 0.0)
    task = task_of(space={"activation": ["relu", "tanh"], **space}, steps=100, search={"trials": 60})
    return plan_in_workers(SerialPool(), Here(task), jobs=1, engine=engine, share=12)


def test_the_plan_says_what_trains_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what another shape takes; nothing of it for lists, nor where stacks are asked for."""
    monkeypatch.setattr(set_up, "seconds", lambda task, trial, compiled: 0.4 + compiled)
    plan = planned(monkeypatch, DROPOUT)
    assert (plan.fewest, plan.varied) == (16, "model.dropout")
    said = "; fewer than 16 trials with the same model.dropout one by one (list a few values"
    assert f"{said} to have them stacked)" in plan.line()
    assert Plan.from_dict(plan.to_dict()) == plan
    for space, engine in (({"model.dropout": [0.0, 0.1]}, "auto"), (DROPOUT, "fused")):
        plan = planned(monkeypatch, space, engine)
        assert (plan.fewest, plan.varied) == (1, "")
        assert "one by one (list" not in plan.line()


@pytest.mark.parametrize("error", [NotStackable("a"), NotCompiled("b")])
def test_a_shape_that_cannot_be_set_up_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Its trials will tell why."""

    def seconds(*given: object) -> float:
        raise error

    monkeypatch.setattr(set_up, "seconds", seconds)
    assert planned(monkeypatch, DROPOUT).fewest == 1
