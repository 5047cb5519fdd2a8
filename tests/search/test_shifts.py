"""Shifts of the rate, by hand and found again."""

import numpy as np
import pytest
from made_up import study

from sweeper.search.coordinates import Coordinates
from sweeper.search.kernel import Kernel, parts_of
from sweeper.search.shifts import shifts_of
from sweeper.search.surrogate import fit

OPTIMIZERS, ACTIVATIONS = ("sgd", "adam", "rmsprop"), ("tanh", "relu")
SCIENTIFIC = ("optimizer", "activation")
RANGE = {"low": 1e-4, "high": 1.0, "log": True}
SPACE = study({"optimizer": list(OPTIMIZERS), "activation": list(ACTIVATIONS), "learning_rate": RANGE}).space
COORDINATES = Coordinates(SPACE)
SHIFTS = shifts_of(COORDINATES, SCIENTIFIC)


def configuration(optimizer: str, activation: str, place: float) -> dict[str, object]:
    """The rate at `place` of its range."""
    return {"optimizer": optimizer, "activation": activation, "learning_rate": 1e-4 * 10 ** (4 * place)}


def test_a_row_is_moved_by_its_categories_and_by_their_pair() -> None:
    """x + s(optimizer) + s(activation) + s(pair), with the shift of each value in its own place."""
    points = COORDINATES.encode([configuration(o, a, 0.5) for o in OPTIMIZERS for a in ACTIVATIONS])
    shifts = np.arange(1.0, 1 + 3 + 2 + 6)
    own, other, pair = shifts[:3], shifts[3:5], shifts[5:].reshape(3, 2)
    expected = [0.5 + own[i] + other[j] + pair[i, j] for i in range(3) for j in range(2)]
    assert SHIFTS.moved(points, shifts).positions[:, 0] == pytest.approx(expected)


def test_basins_at_other_places_are_aligned() -> None:
    """Where each optimizer's best rate lies elsewhere, the fit brings them to one place."""
    best = {"sgd": 0.65, "adam": 0.35, "rmsprop": 0.5}
    rng = np.random.default_rng(0)
    trials = [
        configuration(o, ACTIVATIONS[k % 2], place)
        for o in OPTIMIZERS
        for k, place in enumerate(rng.uniform(0, 1, 12))
    ]
    points = COORDINATES.encode(trials)
    centers = np.array([best[str(each["optimizer"])] for each in trials])
    y = np.minimum(40 * (points.positions[:, 0] - centers) ** 2, 2.0)
    kernel = Kernel(parts_of(COORDINATES, SCIENTIFIC), 1, SHIFTS)
    theta = fit(kernel, points, (y - y.mean()) / y.std(), np.zeros(len(trials)))
    rows = COORDINATES.encode([configuration(o, "tanh", best[o]) for o in OPTIMIZERS])
    aligned = kernel.moved(theta, rows).positions[:, 0]
    assert np.ptp(aligned) < 0.1 < 0.3 == pytest.approx(np.ptp(list(best.values())))


def test_no_shift_without_a_rate_to_search() -> None:
    """A fixed rate is not shifted."""
    coordinates = Coordinates(study({"optimizer": ["sgd", "adam"], "learning_rate": 0.1}).space)
    points = coordinates.encode([{"optimizer": "sgd", "learning_rate": 0.1}])
    shifts = shifts_of(coordinates, SCIENTIFIC)
    assert shifts.number is None
    assert shifts.moved(points, np.zeros(0)) is points
