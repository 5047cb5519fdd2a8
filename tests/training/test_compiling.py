"""Whether stacks are compiled: asked for, measured to pay, or left alone with the reason."""

from dataclasses import replace

import pytest

from sweeper.study.study import Study
from sweeper.training.compiling import MIN_SECONDS_LEFT, Compiled, decide, is_wanted
from sweeper.training.planning import Plan, from_dict

PLAN = Plan("fused", 32, 2, speedup=8.0, seconds_a_step=1e-4)


def study_with(choice: bool | str) -> Study:
    """A study whose `training.compile` is `choice`."""
    return Study(name="x", training={"compile": choice})


@pytest.mark.parametrize(
    ("choice", "left", "wanted"),
    [
        ("auto", MIN_SECONDS_LEFT - 1, False),
        ("auto", MIN_SECONDS_LEFT + 1, True),
        (True, 1.0, True),
        (False, 1e6, False),
    ],
)
def test_auto_tries_in_long_runs_alone(choice: bool | str, left: float, wanted: bool) -> None:
    """`auto` needs more than ten minutes of training; true and false need nothing."""
    assert is_wanted(study_with(choice), left) is wanted


def test_what_pays_is_compiled() -> None:
    """1.25 times as fast saves a fifth of 1000 s for 30 s of compiling; the median process counts."""
    found = [Compiled(8e-5, 20.0), Compiled(8e-5, 30.0), Compiled(5e-4, 25.0)]
    plan = decide(PLAN, study_with("auto"), found, left=1000.0)
    assert plan == replace(PLAN, compiled=True, speedup=pytest.approx(10.0), seconds_a_step=8e-5)
    assert plan.line() == "32 trials a stack × 2 processes, compiled, 10.0× one by one"
    assert from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize("step", [9.9e-5, 1.5e-4])
def test_auto_leaves_what_does_not_pay(step: float) -> None:
    """A hundredth of 1000 s, or a loss, for 30 s of compiling: not compiled, and the plan says why."""
    plan = decide(PLAN, study_with("auto"), [Compiled(step, 30.0)], left=1000.0)
    assert not plan.compiled
    assert plan.line().endswith(f"; not compiled: {1e-4 / step:.2f}× as fast, after 30 s of compiling")


def test_who_insists_gets_it() -> None:
    """With `compile = true` slower steps are compiled all the same, and the speed-up told is the true one."""
    plan = decide(PLAN, study_with(True), [Compiled(2e-4, 30.0)], left=1.0)
    assert plan.compiled
    assert plan.speedup == pytest.approx(4.0)


def test_a_process_that_cannot_is_a_reason() -> None:
    """One refusal is enough: no process compiles then."""
    plan = decide(PLAN, study_with(True), [Compiled(5e-5, 30.0), "no C++ compiler"], left=1e4)
    assert not plan.compiled
    assert plan.line().endswith("; not compiled: no C++ compiler")
