"""When an axis is logarithmic."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import LogNorm

from sweeper.drawing.decades import spans_decades
from sweeper.drawing.scales import color_scale, loss_axis


@pytest.mark.parametrize(
    ("values", "apart"),
    [
        ([0.1, 0.9], True),
        ([0.1, 0.7], False),
        ([0.0, 0.9], False),
        ([-1.0, 0.1, 0.9], False),
        ([0.1, math.inf, math.nan, 0.9], True),
        ([], False),
    ],
)
def test_positive_values_a_factor_of_eight_apart(values: list[float], apart: bool) -> None:
    """Finite ones alone count; figures and their axes agree."""
    assert spans_decades(values) is apart
    assert not spans_decades(values, highest=True)
    figure, axes = plt.subplots()
    loss_axis(axes.yaxis, values)
    assert (axes.get_yscale() == "log") is apart
    plt.close(figure)


def test_colors_of_scores_that_are_best_high_are_linear() -> None:
    """A logarithm would give most colors to the worst ones."""
    values = pd.Series([0.1, 0.95])
    assert isinstance(color_scale(values), LogNorm)
    assert not isinstance(color_scale(values, highest=True), LogNorm)
