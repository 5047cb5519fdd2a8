"""Quasi-random points, random ones and grids."""

from collections import Counter

import numpy as np
import pytest
from made_up import MIXED, study
from scipy.stats import qmc

from sweeper.search import explore

SPACE = study(MIXED).space


@pytest.mark.parametrize("kind", ["sobol", "random"])
def test_the_first_points_do_not_depend_on_how_many_there_are(kind: str) -> None:
    """A larger `search.trials` goes on with the same sequence."""
    few = explore.points(SPACE, ("optimizer", "activation"), 13, 5, kind)
    many = explore.points(SPACE, ("optimizer", "activation"), 200, 5, kind)
    assert many[:13] == few


def test_another_seed_gives_other_points() -> None:
    """The seed of the study decides the sequence."""
    assert explore.points(SPACE, (), 8, 0, "sobol") != explore.points(SPACE, (), 8, 1, "sobol")


def test_scientific_values_are_even_in_every_prefix() -> None:
    """No combination of scientific values is ever more than one ahead of another."""
    points = explore.points(SPACE, ("optimizer", "activation"), 60, 0, "sobol")
    for length in range(6, 61):
        dealt = Counter((p["optimizer"], p["activation"]) for p in points[:length])
        assert len(dealt) == 6
        assert max(dealt.values()) - min(dealt.values()) <= 1


def test_quasi_random_points_fill_a_range_more_evenly_than_random_ones() -> None:
    """The discrepancy of 64 learning rates is several times lower for Sobol points."""
    space = study({"optimizer": "adam", "learning_rate": {"low": 1e-4, "high": 1.0, "log": True}}).space
    spread = {}
    for kind in ("sobol", "random"):
        rates = [p["learning_rate"] for p in explore.points(space, (), 64, 1, kind)]
        spread[kind] = qmc.discrepancy((np.log10(rates)[:, None] + 4) / 4)
    assert spread["sobol"] < spread["random"] / 5


def test_zeros_come_as_often_as_asked() -> None:
    """A quarter of the penalties is exactly 0."""
    penalties = [p["activation_penalty"] for p in explore.points(SPACE, (), 256, 0, "sobol")]
    assert sum(p == 0 for p in penalties) == pytest.approx(64, abs=3)


def test_a_grid_has_all_values_and_the_ends_of_ranges() -> None:
    """Every listed value meets every other; ranges start at low and end at high."""
    space = study(
        {"optimizer": ["sgd", "adam"], "learning_rate": {"low": 1e-3, "high": 1.0, "log": True}}
    ).space
    grid = explore.grid(space, 8)
    assert len(grid) == 8
    rates = sorted({p["learning_rate"] for p in grid})
    assert rates == pytest.approx([1e-3, 1e-2, 1e-1, 1.0])
    assert {(p["optimizer"], p["learning_rate"]) for p in grid} == {
        (o, r) for o in ("sgd", "adam") for r in rates
    }


def test_of_very_many_combinations_every_value_is_dealt() -> None:
    """Single values alone are counted then; none of them is left out."""
    space = study(
        {
            "optimizer": ["sgd", "adam", "rmsprop", "adagrad", "adamax", "lion", "nadam", "radam", "adamw"],
            "activation": ["relu", "tanh", "elu", "gelu", "silu", "mish", "selu", "celu", "sigmoid"],
            "learning_rate": 0.1,
            "model.width": [1, 2, 3, 4, 5, 6],
            "training.batch_size": [1, 2, 3, 4, 5, 6],
        }
    ).space
    names = ("optimizer", "activation", "model.width", "training.batch_size")
    found = explore.points(space, names, 200, 0, "sobol")
    for name in names:
        counts = Counter(point[name] for point in found)
        assert len(counts) == len(space.entries[name].values or ())
        assert max(counts.values()) - min(counts.values()) <= 1
