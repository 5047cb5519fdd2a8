"""What a curve is called, and the numbers that this rests on."""

import numpy as np
import pytest

from sweeper.statistics.curve_class import shape


@pytest.mark.parametrize(
    ("late", "name"),
    [
        ((0.62, 0.6, 0.58, 0.56, 0.54), "still improving"),
        ((0.62, 0.61, 0.605, 0.603, 0.602), "saturated"),
        ((0.62, 0.6, 0.54, 0.5402, 0.5401), "saturated"),
        ((0.4, 0.62, 0.45, 0.35, 0.2), "unclear end"),
    ],
)
def test_a_few_points_still_improve_only_while_they_fall(late: tuple[float, ...], name: str) -> None:
    """Five of eight points span more than half of the steps: what they fell by counts for a quarter of the
    steps, and not where the lowest is past."""
    steps, curve = np.arange(8) * 10.0, np.array([2.0, 1.2, 0.8, *late])
    found = shape(steps, curve, curve)
    slope = np.polyfit(steps[-5:], curve[-5:], 1)[0]
    assert found.gain == pytest.approx(-slope * np.ptp(steps) / 4)
    assert found.name == name


def test_what_comes_back_from_a_rise_does_not_improve() -> None:
    """A curve whose lowest point is long past falls towards it at its end: that is no new ground."""
    late = (np.linspace(0.25, 0.24, 5), np.linspace(0.239, 0.21, 5))
    course = np.concatenate([np.geomspace(2.3, 0.2, 11), *late])
    found = shape(np.arange(21) * 20, course, course)
    assert found.gain > 3 * found.gain_error > 0
    assert found.gain > 0.03 * found.end
    assert found.name != "still improving"


FALLS = "563 482 477 328 370 350 292 241 159 150 104 119 120 126 116 68 102 160 114 90 52"
ENDS_ABOVE = "2314 1237 862 725 471 630 397 332 289 279 279 254 220 230 197 201 197 167 178 208 271"


@pytest.mark.parametrize("curve", [FALLS, ENDS_ABOVE])
def test_noise_that_may_hide_a_trend_is_no_levelling_off(curve: str) -> None:
    """Curves that fall by a lot at their end, or end far above their lowest, with much noise."""
    losses = np.array(curve.split(), dtype=float) / 1000
    assert shape(np.arange(21), losses, losses).name == "unclear end"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("fall", "name"), [(0.0, "flat"), (0.9, "not generalising")])
def test_batches_of_other_rows_are_nothing_learned(fall: float, name: str, seed: int) -> None:
    """A train loss that jumps by 10 % from batch to batch falls from its first to its last one by luck."""
    steps = np.arange(0, 130, 10)
    jumps = np.random.default_rng(seed).normal(0, 0.1, len(steps))
    train = 1.05 + jumps - fall * steps / steps[-1]
    train[1], train[-1] = train[1] + 0.1, train[-1] - 0.1
    assert shape(steps, np.linspace(1.0, 0.998, len(steps)), train).name == name
