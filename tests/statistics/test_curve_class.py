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
