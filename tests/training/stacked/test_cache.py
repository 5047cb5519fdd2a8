"""What a process keeps of a stack for its next cohort, and what the next trials get from it."""

from typing import Any

import pytest
from equivalence import assert_engines_agree, numbered
from equivalence import task_of as longer_task_of

from sweeper.training.setup import Task
from sweeper.training.stacked import cache

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
    assert_engines_agree(task, numbered(some(["sgd", "sgd", "adam"]), seeds=[0]), 3)
    first = kept()
    assert_engines_agree(task, numbered(some(["adam"] * 5, 0.1), seeds=[0]), 5)
    assert_engines_agree(task, numbered(some(["sgd", "rmsprop"], activation="relu"), seeds=[7, 8]), 2)
    assert_engines_agree(task, numbered(some(["adam"] * 3, 0.1), seeds=[9, 8, 7]), 3)
    assert_engines_agree(task, numbered(some(["sgd", "sgd", "adam"]), seeds=[0]), 3)
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
