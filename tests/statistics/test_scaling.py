"""Minima of curves and power laws, against closed forms and drawn truth."""

import numpy as np
import pytest

from sweeper.statistics.scaling import Place, PowerLaw, minimum, optimum

GRID = np.geomspace(1e-3, 1.0, 13)


def parabola(place: float, seeds: int = 5, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """(13, seeds) losses around 1 with their minimum at `place`, and the noise of each."""
    x = np.log(GRID)[:, None] - np.log(place)
    return 1 + 0.05 * x**2 + np.random.default_rng(seed).normal(0, noise, (len(GRID), seeds))


@pytest.mark.parametrize("place", [0.01, 0.037, 0.2])
def test_a_minimum_between_two_values_is_found(place: float) -> None:
    """Of a parabola exactly."""
    found = minimum(np.log(GRID), parabola(place))
    assert found is not None
    assert np.exp(found) == pytest.approx(place, rel=1e-6)


def test_what_diverged_does_not_bear_on_it() -> None:
    """A cliff right beside the minimum."""
    losses = parabola(0.05)
    losses[GRID > 0.1] = np.nan
    found = optimum(list(GRID), losses)
    assert found.verdict == "found"
    assert found.value == pytest.approx(0.05, rel=1e-6)


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        (parabola(1e-4), "lower edge"),
        (parabola(10.0), "upper edge"),
        (np.full((13, 5), np.inf), "nothing"),
        (1 + np.random.default_rng(0).normal(0, 0.1, (13, 5)), "flat"),
    ],
)
def test_a_place_that_cannot_be_told_is_said(losses: np.ndarray, verdict: str) -> None:
    """The grid ends before it, all diverged, or nothing stands out of the noise."""
    losses[0] += 1e-3 * (verdict == "flat")
    assert optimum(list(GRID), losses).verdict == verdict


def test_seeds_that_agree_do_not_tell_it_closer_than_the_grid() -> None:
    """The same costs on every seed: the interval is narrow, and has a width that words can show."""
    values = np.geomspace(1e-3, 1, 10)
    costs = np.repeat((np.log(values / 0.03) ** 2)[:, None], 5, axis=1)
    found = optimum(list(values), costs)
    assert found.low < found.value * 0.95 < found.value * 1.05 < found.high < 1.2 * found.value


def test_an_exact_law_is_found() -> None:
    """Exponent and prediction, with the truth near the middle of their intervals."""
    sizes = (16.0, 32.0, 64.0, 128.0)
    law = PowerLaw(sizes, tuple(0.4 * size**-0.5 for size in sizes), (0.02,) * 4)
    value, low, high = law.exponent()
    assert value == pytest.approx(-0.5, abs=1e-6)
    assert -0.6 < low < -0.5 < high < -0.4
    middle, first, last = law.predicted(512.0)
    assert middle == pytest.approx(0.4 * 512**-0.5, rel=1e-6)
    assert first < middle < last


def test_the_further_the_less_is_known() -> None:
    """The interval grows with the distance from what was trained, and with the errors."""
    sizes, values = (16.0, 32.0, 64.0), (0.1, 0.07, 0.05)

    def width(size: float, error: float) -> float:
        _, low, high = PowerLaw(sizes, values, (error,) * 3).predicted(size)
        return float(np.log(high / low))

    assert width(32.0, 0.05) < width(128.0, 0.05) < width(1024.0, 0.05)
    assert width(128.0, 0.05) < width(128.0, 0.2)


def test_intervals_hold_the_truth() -> None:
    """Of 90 % intervals for an optimum at twice to eight times the largest size, 80 to 99 % do."""
    generator, hits, runs = np.random.default_rng(1), 0, 60
    sizes = np.array([16.0, 32.0, 64.0, 128.0])
    for _ in range(runs):
        slope, bend = generator.normal(-0.5, 0.4), generator.normal(0, 0.04)
        ahead = 128.0 * generator.choice([2, 4, 8])

        def truth(size: float, slope: float = slope, bend: float = bend) -> float:
            x = np.log(size / 45)
            return float(slope * x + bend * x**2 + generator.normal(0, 0.1))

        error = 0.08
        values = tuple(float(np.exp(truth(size) + generator.normal(0, error))) for size in sizes)
        _, low, high = PowerLaw(tuple(sizes), values, (error,) * 4).predicted(ahead)
        hits += low <= np.exp(truth(ahead) + generator.normal(0, error)) <= high
    assert 0.8 <= hits / runs <= 0.99


def test_a_valley_that_is_no_parabola_has_its_minimum_beside_its_lowest_value() -> None:
    """Steep beyond one side and flat on the other: a parabola through all near values is lowest outside."""
    means = np.array([1.9, 1.5, 1.2, 1.0, 1.02, 1.05, 1.09, 1.3, 1.5, 1.7, 2.0, 2.1, 2.2])
    x, near = np.log(GRID), means <= 1.1
    bend, slope, _ = np.polyfit(x[near], means[near], 2)
    assert not x[near][0] < -slope / (2 * bend) < x[near][-1]
    found = minimum(x, means[:, None].repeat(3, axis=1))
    assert found is not None
    assert abs(found - x[3]) <= (x[1] - x[0]) / 2
    bend, slope, _ = np.polyfit(x[2:5], means[2:5], 2)
    assert found == pytest.approx(-slope / (2 * bend), rel=1e-6)


def test_one_value_lies_at_an_edge_and_ties_are_flat() -> None:
    """A grid of one value has no step; where all are equal, none of them is best."""
    assert optimum([0.001], np.ones((1, 3))).verdict == Place.LOWER_EDGE
    assert optimum(list(np.geomspace(0.01, 1, 5)), np.ones((5, 3))).verdict == Place.FLAT
