"""What the shipped search loses on surfaces whose truth is known, a small part of benchmarks/regret.py."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RUNS = 4
BOUNDS = {"narrow": 0.35, "wide": 0.1, "interacting": 0.8, "flat": 0.05, "cliff": 0.35, "conditional": 0.4}
"""Highest median regret of sweeps of 40 trials."""


@pytest.fixture(scope="module")
def regret() -> Iterator[ModuleType]:
    """The benchmark as a module."""
    sys.path.insert(0, str(BENCHMARKS))
    import regret as found

    yield found
    sys.path.remove(str(BENCHMARKS))


@pytest.mark.parametrize("family", BOUNDS)
def test_the_search_finds(family: str, regret: ModuleType) -> None:
    """The median regret of a few sweeps stays below the bound."""
    tasks = [regret.problem(family, 100 + k) for k in range(RUNS)]
    lost = [task.regret(regret.swept(task, 40, k).parameters) for k, task in enumerate(tasks)]
    assert np.median(lost) < BOUNDS[family]


def test_truth_and_training_agree(regret: ModuleType) -> None:
    """The mean of a configuration over many seeds is its true loss; the best there is has no regret."""
    task = regret.problem("narrow", 5)
    best = dict(regret.swept(task, 30, 1).parameters)
    finals = [min(task.curve(best, seed).values()) for seed in range(300)]
    expected = task.level * np.exp(task.bests.min()) * (1 + task.regret(best))
    assert np.mean(finals) == pytest.approx(expected, rel=0.05)
    assert task.regret(best) >= -1e-3
