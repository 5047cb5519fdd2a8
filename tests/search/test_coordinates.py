"""Configurations as arrays and back."""

import numpy as np
from made_up import MIXED, study

from sweeper.search import explore
from sweeper.search.coordinates import Coordinates
from sweeper.search.driver import key
from sweeper.study.space import holds

SPACE = study(MIXED).space


def test_there_and_back() -> None:
    """Decoding what was encoded gives the configuration again, to nine digits."""
    coordinates = Coordinates(SPACE)
    configurations = explore.points(SPACE, (), 200, 0, "random")
    points = coordinates.encode(configurations)
    assert [key(coordinates.decode(points, row)) for row in range(200)] == [key(c) for c in configurations]


def test_what_is_drawn_lies_in_the_space() -> None:
    """Random rows and neighbours decode to whole configurations with every value in its range."""
    coordinates, generator = Coordinates(SPACE), np.random.default_rng(0)
    rows = coordinates.draw(300, generator)
    for points in (rows, coordinates.neighbours(rows, generator, 0.5)):
        for row in range(len(points)):
            found = coordinates.decode(points, row)
            active = SPACE.active(found["optimizer"])
            assert set(found) == {"optimizer", *active}
            assert all(holds(values, found[name]) for name, (_, values) in active.items())


def test_rates_are_relative_to_the_range_of_their_optimizer() -> None:
    """The middle of each range lies at one half."""
    coordinates = Coordinates(SPACE)
    base = explore.points(SPACE, (), 1, 0, "random")[0]
    base.pop("betas", None)
    points = coordinates.encode(
        [
            {**base, "optimizer": "sgd", "learning_rate": 0.1},
            {**base, "optimizer": "adam", "learning_rate": 0.01, "betas": (0.9, 0.999)},
        ]
    )
    assert np.allclose(points.positions[:, coordinates.numbers.index("learning_rate")], 0.5)
    assert points.codes[:, coordinates.categories.index("betas")].tolist() == [-1, 0]


def test_listed_numbers_are_ordered_and_pairs_of_values_are_not() -> None:
    """Three numbers are an axis, two values are a category; zero of a range is off."""
    coordinates = Coordinates(SPACE)
    assert set(coordinates.numbers) == {"learning_rate", "activation_penalty", "model.depth", "model.width"}
    zero = explore.points(SPACE, (), 1, 0, "random")[0] | {"activation_penalty": 0.0}
    assert not coordinates.encode([zero]).on[0, coordinates.numbers.index("activation_penalty")]


def test_rows_that_have_a_value_are_known_also_where_others_lack_the_setting() -> None:
    """An optimizer without momentum has no momentum of 0.8; and 0 of a range is a value of its own."""
    space = study(
        {
            "optimizer": ["momentum", "adam"],
            "activation": "relu",
            "learning_rate": 0.1,
            "momentum": [0.8, 0.9, 0.95],
            "activation_penalty": {"low": 0.1, "high": 0.3, "step": 0.1, "zero": 0.25},
        }
    ).space
    coordinates, plain = Coordinates(space), {"activation": "relu", "learning_rate": 0.1}
    configurations = [
        {**plain, "optimizer": "momentum", "momentum": 0.8, "activation_penalty": 0.1},
        {**plain, "optimizer": "momentum", "momentum": 0.9, "activation_penalty": 0.0},
        {**plain, "optimizer": "adam", "activation_penalty": 0.0},
    ]
    points = coordinates.encode(configurations)
    assert coordinates.have(points, {"momentum": 0.8}).tolist() == [True, False, False]
    assert coordinates.have(points, {"activation_penalty": 0.1}).tolist() == [True, False, False]
    assert coordinates.have(points, {"activation_penalty": 0.0}).tolist() == [False, True, True]
