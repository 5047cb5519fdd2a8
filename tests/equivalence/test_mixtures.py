"""Trials that have nothing in common but their shape, in one stack, give what they give alone."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import equivalence
import pytest
from equivalence import Trained, assert_engines_agree, numbered, task_of

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.training.setup import Task
from sweeper.trial import Trial

RATES = {
    "sgd": 0.1,
    "momentum": 0.03,
    "nesterov": 0.03,
    "adagrad": 0.03,
    "adadelta": 1.0,
    "lion": 1e-3,
}
FUSED = sorted(set(ACTIVATIONS) - {"rrelu"})
"""Rrelu draws random slopes in training, and trains one by one."""
KINDS = [name for name in PENALTIES if name != "temporal"]
"""The temporal one takes sequences."""
ENOUGH_TRIALS = max(len(OPTIMIZERS), len(FUSED), len(SCHEDULES), 2 * len(KINDS))
"""So that each of them occurs."""


def options(optimizer: str, rng: random.Random) -> dict[str, Any]:
    """Options that the optimizer takes, at random."""
    every = {
        "momentum": rng.choice([0.5, 0.9]),
        "dampening": rng.choice([0.0, 0.3]),
        "weight_decay": rng.choice([0.0, 0.01]),
        "betas": rng.choice([(0.9, 0.999), (0.8, 0.95)]),
        "eps": rng.choice([1e-8, 1e-3]),
    }
    takes = OPTIMIZERS[optimizer].options
    return {name: value for name, value in every.items() if name in takes and rng.random() < 0.6}


def mixture(count: int, seed: int) -> list[dict[str, Any]]:
    """Configurations in which every optimizer, activation, schedule and kind of penalty occurs, every second
    one with a weight."""
    rng = random.Random(seed)
    optimizers, activations = itertools.cycle(OPTIMIZERS), itertools.cycle(FUSED)
    schedules = itertools.cycle(SCHEDULES)
    configurations = []
    for k in range(count):
        optimizer = next(optimizers)
        configurations.append(
            {
                "optimizer": optimizer,
                "learning_rate": RATES.get(optimizer, 0.003) * rng.choice([0.3, 1.0]),
                "activation": next(activations),
                "schedule": next(schedules),
                "activation_penalty": rng.choice([0.01, 0.3]) if k % 2 else 0.0,
                "penalty_kind": KINDS[k // 2 % len(KINDS)],
                **options(optimizer, rng),
            }
        )
    return configurations


SPACE = {
    "optimizer": list(OPTIMIZERS),
    "activation": FUSED,
    "momentum": [0.5, 0.9],
    "dampening": [0.0, 0.3],
    "weight_decay": [0.0, 0.01],
    "betas": [[0.9, 0.999], [0.8, 0.95]],
    "eps": [1e-8, 1e-3],
}


@pytest.fixture(scope="module")
def task() -> Task:
    """What allows them all."""
    return task_of(space=SPACE, search={"allow_activations": ["softmax"]}, steps=16, evaluations=4)


@pytest.fixture(scope="module", autouse=True)
def _alone_once(task: Task) -> Iterator[None]:
    """A trial is trained by the reference engine once, whatever the number of slots."""
    original, found = equivalence.by_reference, dict[tuple[int, int, float], Trained]()

    def once(given: Task, trial: Trial, disturb: float = 0.0) -> Trained:
        assert given is task
        key = trial.number, trial.seed, disturb
        if key not in found:
            found[key] = original(task, trial, disturb)
        return found[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equivalence, "by_reference", once)
        yield


@pytest.mark.parametrize(("slots", "compiled"), [(ENOUGH_TRIALS, False), (7, True), (ENOUGH_TRIALS, True)])
def test_everything_mixed(task: Task, slots: int, compiled: bool) -> None:
    """All optimizers, activations, schedules and penalties, three seeds, refilled slots: equal to 1e-9, as
    recorded operations and as machine code, which trains all that has a translation."""
    trials = numbered(mixture(ENOUGH_TRIALS, seed=1), seeds=[0, 3, 4])
    assert_engines_agree(task, trials, slots, most_chaotic=3, compiled=compiled)


def test_one_slot_that_is_refilled(task: Task) -> None:
    """Six trials, one after the other: equal to 1e-9."""
    assert_engines_agree(
        task, numbered(mixture(6, seed=1), seeds=[0, 3, 4]), 1, most_chaotic=1, compiled=False
    )
