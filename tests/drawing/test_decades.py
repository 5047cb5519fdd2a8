"""When an axis is logarithmic."""

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from sweeper.drawing.decades import spans_decades
from sweeper.drawing.scales import color_scale, loss_axis


@pytest.mark.parametrize("values", [[5.7632865e12, 5.7632885e12], [-2.0, -2.0], [3.0]])
def test_values_that_are_alike_do_not_fill_an_axis(values: list[float]) -> None:
    """Their last digits would look like a result."""
    axes = Figure().subplots()
    axes.plot(range(len(values)), values)
    loss_axis(axes.yaxis, values)
    low, high = axes.get_ylim()
    assert high - low > 0.19 * abs(values[0])
    assert low < min(values) <= max(values) < high


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
