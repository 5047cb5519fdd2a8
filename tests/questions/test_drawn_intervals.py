"""Intervals that an axis cannot hold are marked, or the axis is one that holds them."""

import re

import numpy as np
import pytest
from matplotlib.axes import Axes
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions import FIGURES, TABLES
from sweeper.questions.run_data import RunData


@pytest.fixture(scope="module")
def run(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def test_intervals_that_leave_the_panel_have_arrows(run: RunData) -> None:
    """On a logarithmic axis an interval down to 0 is drawn to the left edge, with an arrow; no other is."""
    frame = TABLES["isolation"](run)
    first = frame["parameter"] == frame["parameter"].iloc[0]
    low = (0.9 * frame["best"]).mask(first & ~frame["parameter"].duplicated(), 0.0)
    figure = FIGURES["isolation"].draw(frame.assign(low=low, high=20 * frame["expected_best"]))
    left, right = figure.axes
    assert cut_in(left) == [(0.0, pytest.approx(20 * frame["expected_best"].iloc[0]))]
    assert cut_in(right) == []


@pytest.mark.parametrize("low", [0.0, -0.3])
def test_finalists_whose_interval_reaches_0_keep_it(run: RunData, low: float) -> None:
    """A mean whose interval has no place on a logarithmic axis is drawn with it, to the end of the axis."""
    frame = TABLES["finalists"](run)
    spread = frame.assign(objective=frame["objective"] * np.where(frame["seed"] % 2, 0.05, 5.0))
    reaching = spread.assign(low=spread["low"].where(spread["rank"] != 2, low), dropped=False)
    (axes,) = FIGURES["confirmation"].draw(reaching).axes
    assert [place for place, _ in cut_in(axes)] == [2.0]


def cut_in(axes: Axes) -> list[tuple[float, float]]:
    """Place and high end of each interval that the left end of a logarithmic axis cuts, with its arrow."""
    assert axes.get_xscale() == "log"
    left = axes.get_xlim()[0]
    arrows = [at for marks in axes.collections for at in np.asarray(marks.get_offsets()).tolist()]
    places = [y for x, y in arrows if x == pytest.approx(left)]
    lines = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) == 2]
    ends = [(float(line[0][1]), float(line[1][0])) for line in lines if line[0][0] == pytest.approx(left)]
    assert [place for place, _ in ends] == places
    return ends


@pytest.mark.parametrize(("low", "high"), [(-0.9, 871.7), (-1.0, 12.0), (0.2, 4e9)])
def test_changes_beyond_tenfold_are_drawn_by_their_factor(run: RunData, low: float, high: float) -> None:
    """The axis is logarithmic in the factor, holds every interval, and has a few ticks that can be read."""
    frame = TABLES["penalty_effects"](run)
    loss = frame["quantity"] == "validation_loss"
    wide = frame.assign(low=frame["low"].mask(loss, low), high=frame["high"].mask(loss, high))
    figure = FIGURES["penalty_effects"].draw(wide.assign(effect=wide["effect"].mask(loss, 0.5)))
    axes = figure.axes[0]
    bottom, top = axes.get_ylim()
    assert bottom <= max(low, 1e-6 - 1) < high <= top
    figure.canvas.draw()
    labels = [text.get_text() for text in axes.get_yticklabels()]
    inside = [text for text, at in zip(labels, axes.get_yticks(), strict=True) if bottom <= at <= top]
    assert 2 <= len(inside) <= 9
    assert all(re.fullmatch(r"0|[+−]\d{1,3} %|×[\d,.e⁰¹²³⁴⁵⁶⁷⁸⁹⁻-]+", text) for text in labels)
