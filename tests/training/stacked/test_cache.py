"""What a process keeps of a stack for its next cohort, and what the next trials get from it."""

from typing import Any

import pytest
from equivalence import assert_engines_agree, numbered
from equivalence import task_of as longer_task_of

from sweeper.training import compiling, planning
from sweeper.training.setup import Task
from sweeper.training.stacked import cache
from sweeper.training.stacked.engine import train_stack

SPACE = {"optimizer": ["sgd", "adam", "rmsprop"], "activation": ["tanh", "relu", "prelu"]}


def some(optimizers: list[str], penalty: float = 0.0, activation: str = "tanh") -> list[dict[str, Any]]:
    """Configurations with these optimizers."""
    return [
        {"optimizer": each, "learning_rate": 0.01, "activation": activation, "activation_penalty": penalty}
        for each in optimizers
    ]


def task_of(**given: Any) -> Task:
    """Two epochs."""
    return longer_task_of(steps=14, evaluations=2, **given)


def kept() -> cache.StackCache:
    (only,) = cache._kept.values()
    return only


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_cohorts_of_any_size_share_a_kit(norm: str) -> None:
    """Sizes, seeds, optimizers and penalties change from cohort to cohort: one cache, results as alone."""
    task = task_of(space=SPACE, model={"norm": norm, "dropout": 0.1})
    assert_engines_agree(task, numbered(some(["sgd", "sgd", "adam"]), seeds=[0]), 3, compiled=False)
    first = kept()
    assert_engines_agree(task, numbered(some(["adam"] * 5, 0.1), seeds=[0]), 5, compiled=False)
    assert_engines_agree(
        task, numbered(some(["sgd", "rmsprop"], activation="relu"), seeds=[7, 8]), 2, compiled=False
    )
    assert_engines_agree(task, numbered(some(["adam"] * 3, 0.1), seeds=[9, 8, 7]), 3, compiled=False)
    assert_engines_agree(task, numbered(some(["sgd", "sgd", "adam"]), seeds=[0]), 3, compiled=False)
    assert kept() is first
    assert {(False, "tanh"), (True, "tanh"), (False, "relu")} <= first.compared


def test_a_stack_serves_again() -> None:
    """The same size and the same needs: not even the step is recorded anew, also for other seeds."""
    task = task_of(space=SPACE)
    assert_engines_agree(task, numbered(some(["sgd", "adam"]), seeds=[0]), 2)
    stack = kept().stack
    assert_engines_agree(task, numbered(some(["adam", "sgd"], activation="relu"), seeds=[3, 4]), 2)
    assert_engines_agree(task, numbered(some(["adam", "sgd"]), seeds=[5]), 2)
    assert kept().stack is stack


def test_learned_slopes_need_a_kit_of_their_own() -> None:
    """PReLU has a parameter that the others lack."""
    task = task_of(space=SPACE)
    assert_engines_agree(task, numbered(some(["sgd", "adam"]), seeds=[0]), 2)
    first = kept()
    assert_engines_agree(task, numbered(some(["sgd", "adam"], activation="prelu"), seeds=[0]), 2)
    assert kept() is not first


@pytest.mark.usefixtures("one_thread")
def test_what_is_made_for_timing_serves_the_trainings() -> None:
    """Whatever the plan times, recorded or as machine code, and whatever the sizes of the stacks."""
    task = longer_task_of(steps=20, evaluations=2, space=SPACE)
    trials = numbered(some(["sgd", "adam", "rmsprop", "adam"]), seeds=[0])
    planning.measure(task, trials, 1)
    first = kept()
    compiling.measure(task, trials, 1)
    code = kept().compiled
    assert len(list(train_stack(task, trials[:2], 2, compiled=True))) == 2
    assert kept() is first
    assert kept().compiled is code is not None


def test_trials_without_a_penalty_run_the_code_of_those_with_one() -> None:
    """Where the study has both; they train as in a study that has none, to the last bit."""
    trials, penalized = (numbered(some(["sgd", "adam"], penalty), seeds=[0]) for penalty in (0.0, 0.1))
    alone = list(train_stack(task_of(space=SPACE), trials, 2, compiled=True))
    task = task_of(space={**SPACE, "activation_penalty": [0.0, 0.1]})
    beside = list(train_stack(task, trials, 2, compiled=True))
    code = kept().compiled
    assert [each.curves for each in beside] == [each.curves for each in alone]
    list(train_stack(task, penalized, 2, compiled=True))
    assert kept().compiled is code is not None
