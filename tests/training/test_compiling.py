"""Whether stacks are compiled: asked for, measured to pay, or left alone with the reason."""

from dataclasses import replace

import pytest

from sweeper.study.study import Study
from sweeper.training.compiling import MIN_SECONDS_LEFT, Timing, decide, is_wanted, recorded_operations
from sweeper.training.plan import Plan
from sweeper.wording import number

PLAN = Plan("fused", 32, 2, speedup=8.0, seconds_a_step=1e-4)


def study_with(choice: bool | str) -> Study:
    """A study whose `training.compile` is `choice`."""
    return Study(name="x", training={"compile": choice})


def timings(*ratios: float) -> list[Timing]:
    """What processes saw where steps take so much of the recorded ones' time."""
    return [Timing(ratio * PLAN.seconds_a_step, 64) for ratio in ratios]


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
    """`auto` needs some seconds of training; true and false need nothing."""
    assert is_wanted(study_with(choice), left) is wanted


def test_what_pays_is_compiled() -> None:
    """The median process counts: 0.8 of the seconds are 1.25 times the speed."""
    plan = decide(PLAN, study_with("auto"), timings(0.8, 0.8, 5.0))
    assert plan == replace(PLAN, compiled=True, slots=64, speedup=pytest.approx(10.0), seconds_a_step=8e-5)
    assert (
        plan.line() == "64 trials a stack × 2 processes, compiled, a bare step 10 times as fast as one by one"
    )
    assert Plan.from_dict(plan.to_dict()) == plan


def test_what_has_no_translation_is_named() -> None:
    """Optimizers that update whole matrices, and activations that are no function of single numbers."""
    space = {"optimizer": ["adam", "muon"], "activation": ["relu", "prelu", "softmax"]}
    search = {"space": space, "allow_activations": ["softmax"]}
    study = Study(name="x", search=search)
    plan = decide(PLAN, study, [replace(timings(0.5)[0], recorded=recorded_operations(study))])
    assert plan.line().startswith("64 trials a stack × 2 processes, compiled but for muon and softmax, ")
    assert Plan.from_dict(plan.to_dict()).line() == plan.line()


@pytest.mark.parametrize("ratio", [0.99, 1.5])
def test_auto_leaves_what_does_not_pay(ratio: float) -> None:
    """A hundredth, or a loss: not compiled, and the plan says why."""
    plan = decide(PLAN, study_with("auto"), timings(ratio))
    assert not plan.compiled
    assert plan.line().endswith(f"; not compiled: {number(1 / ratio, 3)}× as fast")


def test_who_insists_gets_it() -> None:
    """With `compile = true` slower steps are compiled all the same, and the speed-up told is the true one."""
    plan = decide(PLAN, study_with(True), timings(2.0))
    assert plan.compiled
    assert plan.speedup == pytest.approx(4.0)


def test_a_process_that_cannot_is_a_reason() -> None:
    """One refusal is enough: no process compiles then."""
    plan = decide(PLAN, study_with(True), [*timings(0.5), "no translation of the operation conv"])
    assert not plan.compiled
    assert plan.line().endswith("; not compiled: no translation of the operation conv")
