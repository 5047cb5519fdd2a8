"""Figures of the evidence show what their tables say: intervals, shares, classes, maps."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from run_data import run_data
from synthetic_records import ACTIVATIONS, DEPTH, OPTIMIZERS, SyntheticRecords, synthetic_records

from sweeper.drawing.style import ink
from sweeper.questions import FIGURES, TABLES
from sweeper.questions.basins import ANY
from sweeper.questions.curve_classes import COLORS
from sweeper.questions.units_over_time import LARGEST, SHARES

DRAWN = (
    "comparison",
    "variance",
    "isolation",
    "basins",
    "learning_rate",
    "curve_classes",
    "penalty_effects",
    "units_over_time",
    "gradients_over_time",
    "race",
    "parallel",
)


@pytest.fixture(scope="module")
def drawn() -> dict[str, tuple[pd.DataFrame, Figure]]:
    """name -> (table, figure) of a made-up study with five finalists on ten seeds."""
    made = synthetic_records(60, finalists=5, seeds=10)
    source = run_data(made.trials, made.curves, made.layers)
    frames = {name: TABLES[FIGURES[name].table](source) for name in DRAWN}
    return {name: (frame, FIGURES[name].draw(frame)) for name, frame in frames.items()}


def segments(axes: Axes) -> list[list[float]]:
    """Both x of every two-point line that lies level."""
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    return [list(line.get_xdata()) for line in lines if len(set(line.get_ydata())) == 1]


def points(axes: Axes) -> list[float]:
    """x of every one-point line."""
    return [float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]


def titles(figure: Figure) -> list[str]:
    """Panel titles."""
    return [axes.get_title(loc="left") for axes in figure.axes]


def test_comparison_shows_differences_and_shares(drawn: dict) -> None:
    """Rivals alone, in their order: mean differences with intervals at the left, shares at the right."""
    frame, figure = drawn["comparison"]
    rivals = frame.iloc[1:]
    left, right = figure.axes
    assert segments(left) == rivals[["difference_low", "difference_high"]].to_numpy().tolist()
    assert points(left) == rivals["difference"].tolist()
    assert segments(right) == rivals[["p_low", "p_high"]].to_numpy().tolist()
    assert points(right) == rivals["p_better"].tolist()
    names = [text.get_text() for text in left.get_yticklabels()]
    assert [name.removesuffix(" (simplest)") for name in names] == rivals["label"].tolist()
    assert left.get_ylim()[0] > left.get_ylim()[1]


@pytest.mark.parametrize("width", [0.0031, 0.012, 0.055, 0.11, 0.4, 7.0])
def test_labels_of_differences_stand_apart(drawn: dict, width: float) -> None:
    """Neighbouring tick labels, of both panels, have two letters' room between them, whatever the range."""
    frame, _ = drawn["comparison"]
    scale = width / frame["difference_high"].max()
    columns = ["difference", "difference_low", "difference_high"]
    longer = frame["label"] + " with a longer name"
    figure = FIGURES["comparison"].draw(frame.assign(label=longer, **{c: scale * frame[c] for c in columns}))
    figure.canvas.draw()
    shown = []
    for axes in figure.axes:
        boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
        left, right = axes.bbox.x0 - 1, axes.bbox.x1 + 1
        shown += [(box.x0, box.x1) for box in boxes if left <= (box.x0 + box.x1) / 2 <= right]
    assert len(shown) >= 2 + 3
    assert min(right[0] - left[1] for left, right in pairwise(shown)) > 15


def test_variance_bars_are_the_shares(drawn: dict) -> None:
    """One bar per component, a line for its interval, the share beside it."""
    frame, figure = drawn["variance"]
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == frame["share"].tolist()
    ends = [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()]
    assert ends == frame[["low", "high"]].to_numpy().tolist()
    assert [text.get_text() for text in axes.texts] == [f"{100 * share:.0f} %" for share in frame["share"]]


def test_isolation_panels_show_every_value(drawn: dict) -> None:
    """Expected best, its interval and the best of all trials, value by value, the budget in the title."""
    frame, figure = drawn["isolation"]
    for axes, (parameter, rows) in zip(figure.axes, frame.groupby("parameter", sort=False), strict=True):
        expected, best = axes.lines[:2]  # then arrows, where an interval leaves the figure
        assert list(expected.get_xdata()) == rows["expected_best"].tolist()
        assert list(best.get_xdata()) == rows["best"].tolist()
        highs = [segment[1, 0] for segment in axes.collections[0].get_segments()]
        assert highs == rows["high"].tolist()
        assert f"by {parameter}: best of {rows['budget'].iloc[0]} trial" in axes.get_title(loc="left")
        names = [text.get_text() for text in axes.get_yticklabels()]
        assert names == [f"{v} (n = {n})" for v, n in zip(rows["value"], rows["trials"], strict=True)]


def test_basins_are_drawn_where_the_table_has_them(drawn: dict) -> None:
    """For each optimizer a thick line from low to high where two trials make a basin, a dot at the best."""
    frame, figure = drawn["basins"]
    assert titles(figure) == sorted(OPTIMIZERS)
    for axes, optimizer in zip(figure.axes, sorted(OPTIMIZERS), strict=True):
        rows = frame[(frame["optimizer"] == optimizer) & frame["low"].notna()]
        thick = [list(line.get_xdata()) for line in axes.lines if line.get_linewidth() == 5]
        assert thick == rows.loc[rows["within"] > 1, ["low", "high"]].to_numpy().tolist()
        assert points(axes) == rows["best_rate"].tolist()
        assert axes.get_xscale() == "log"
    names = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert names == ["all activations", *sorted(ACTIVATIONS)]


def test_learning_rate_panels_shade_the_basin(drawn: dict) -> None:
    """The shaded span and the dashed line stand at the table's basin and boundary."""
    frame, figure = drawn["learning_rate"]
    for axes in figure.axes:
        first = frame[frame["optimizer"] == axes.get_title(loc="left")].iloc[0]
        spans = [(span.get_x(), span.get_x() + span.get_width()) for span in axes.patches]
        known = [(first["basin_low"], first["basin_high"])] if np.isfinite(first["basin_low"]) else []
        assert spans == [pytest.approx(ends) for ends in known]
        lines = [segment[0, 0] for c in axes.collections for segment in c.get_segments()]
        assert lines == ([first["boundary"]] if np.isfinite(first["boundary"]) else [])


def test_curve_bars_are_shares_of_classes(drawn: dict) -> None:
    """Pieces of each bar are the shares in their colours, and add up to the whole."""
    frame, figure = drawn["curve_classes"]
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(frame["share"].tolist())
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [
        COLORS[name].lower() for name in frame["class"]
    ]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == set(frame["class"])
    assert axes.get_xlim() == (0, 1)


def test_penalty_panels_show_each_decade(drawn: dict) -> None:
    """Effect and interval of each decade, coloured where 0 is left out."""
    frame, figure = drawn["penalty_effects"]
    rows = frame[frame["contrast"] == "vs zero"]
    quantities = list(dict.fromkeys(rows["quantity"]))
    assert titles(figure) == [name.replace("_", " ") for name in quantities]
    for axes, quantity in zip(figure.axes, quantities, strict=True):
        part = rows[rows["quantity"] == quantity]
        effects = [float(line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 1]
        assert effects == part["effect"].tolist()
        upright = [line for line in axes.lines if line.get_linewidth() == 2.2]
        assert [list(line.get_ydata()) for line in upright] == part[["low", "high"]].to_numpy().tolist()
        assert len({line.get_color() for line in upright}) == part["found"].nunique()


def test_an_interval_that_says_little_does_not_squeeze_the_others(drawn: dict) -> None:
    """Where an effect was found, the axis holds effects and found intervals; arrows mark what goes beyond."""
    frame, _ = drawn["penalty_effects"]
    rows = frame[frame["contrast"] == "vs zero"].copy()
    first = rows["quantity"] == rows["quantity"].iloc[0]
    found = first & (rows["weight_low"] == rows["weight_low"].min())
    rows.loc[first, ["effect", "low", "high"]] = [-0.1, -1.0, 6.0]
    rows.loc[found, ["effect", "low", "high"]] = [-0.15, -0.2, -0.1]
    axes = FIGURES["penalty_effects"].draw(rows.assign(found=found)).axes[0]
    low, high = axes.get_ylim()
    assert -0.5 < low < -0.2
    assert 0 < high < 0.5
    arrows = [at for marks in axes.collections for at in marks.get_offsets().tolist()]
    assert len(arrows) == 2 * int((first & ~found).sum())
    assert {round(y, 6) for _, y in arrows} == {round(low, 6), round(high, 6)}


@pytest.mark.parametrize("layers", [1, 2])
def test_figures_of_few_layers_can_be_read(records: SyntheticRecords, layers: int) -> None:
    """Layers are whole numbers; nothing is called nan, and no mathematical text is left as it was written."""
    run = run_data(records.trials, records.curves, records.layers)
    for name in ("gradients", "gradients_over_time", "units_over_time"):
        frame = TABLES[FIGURES[name].table](run)
        part = frame[frame["layer"] < layers]
        if layers == 1 and "ratio" in part:
            part = part.assign(ratio=np.nan)
        if name == "gradients_over_time":  # within one decade
            part = part.assign(median=0.03 + 0.04 * part["median"].rank(pct=True))
        figure = FIGURES[name].draw(part)
        figure.canvas.draw()
        said = [text.get_text() for text in figure.findobj(Text)]
        assert [text for text in said if "nan" in text or "$" in text] == []
        axes = figure.axes[0]
        ticks = axes.get_xticks() if name == "gradients" else axes.get_yticks()
        assert all(float(tick).is_integer() for tick in ticks)


def test_a_race_far_apart_has_a_logarithmic_axis(drawn: dict) -> None:
    """So that the finalists that are close are not one line; where all are close it stays linear."""
    frame, figure = drawn["race"]
    assert figure.axes[0].get_yscale() == "linear"
    first = frame["rank"] == 1
    far = frame.assign(
        mean_so_far=frame["mean_so_far"].where(first, 20 * frame["mean_so_far"]), dropped=False
    )
    axes = FIGURES["race"].draw(far).axes[0]
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "log"
    assert low < far["mean_so_far"].min()
    assert high > far["mean_so_far"].max()


def test_maps_hold_the_medians(drawn: dict) -> None:
    """A map for each activation, layers upwards, looks to the right, one scale for all; dead units are dots
    whose area is their share, and an activation with nothing to show has no panel."""
    for figure_name in ("units_over_time", "gradients_over_time"):
        frame, figure = drawn[figure_name]
        maps = [axes for axes in figure.axes if axes.get_title(loc="left")]
        for axes, name in zip(maps, sorted(ACTIVATIONS), strict=True):
            rows = frame[frame["activation"] == name]
            mapped = rows if "measure" not in rows else rows[rows["measure"] == "saturated"]
            table = mapped.pivot(index="layer", columns="step", values="median").to_numpy()
            np.testing.assert_array_equal(axes.collections[0].get_array().reshape(DEPTH, -1), table)
            assert axes.collections[0].norm.vmin == maps[0].collections[0].norm.vmin
            assert axes.get_title(loc="left") == name
            if mapped is not rows:
                dead = rows[(rows["measure"] == "dead") & (rows["median"] >= SHARES["dead"].worth_saying)]
                areas = axes.collections[1].get_sizes()
                assert sorted(areas) == pytest.approx(sorted(LARGEST * dead["median"]))
    frame = drawn["units_over_time"][0]
    quiet = frame.assign(median=frame["median"].where(frame["activation"] == "relu", 0.0))
    figure = FIGURES["units_over_time"].draw(quiet)
    assert [axes.get_title(loc="left") for axes in figure.axes][:-1] == ["relu"]
    assert "gelu, sigmoid, tanh" in figure.legends[0].get_title().get_text()


def test_the_race_shows_means_so_far(drawn: dict) -> None:
    """Each line is the running mean over the seeds of one finalist, as a plain loop has it."""
    frame, figure = drawn["race"]
    for label, rows in frame.groupby("label", sort=False):
        assert rows["seeds"].tolist() == list(range(1, len(rows) + 1)), label
    scores = synthetic_records(60, finalists=5, seeds=10).trials.query("phase == 'confirm'")
    for trial, rows in frame.groupby("trial"):
        own = scores[(scores["trial"] == trial) & scores["objective"].notna()].sort_values("seed")
        means = [own["objective"].iloc[: k + 1].mean() for k in range(len(own))]
        assert rows["mean_so_far"].tolist() == pytest.approx(means)
    drawn_lines = [list(line.get_ydata()) for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    assert len(drawn_lines) == frame["label"].nunique()


def _levels(figure: Figure) -> set[tuple[float, ...]]:
    """Rows of points on one level, as long as those of each line."""
    return {(0.0,) * len(line.get_ydata()) for axes in figure.axes for line in axes.lines}


def test_where_nothing_was_learned_no_best_rate_is_drawn_or_named() -> None:
    """No lowest loss, which would be that before training, and no entry for a line that is not there."""
    made = synthetic_records(40)
    frame = TABLES["learning_rate"](run_data(made.trials, made.curves, made.layers)).assign(capped=True)
    said = FIGURES["learning_rate"].alt(frame)
    assert "lowest" not in said.partition(".")[2]
    assert said.count("diverged or were never better than before training") == frame["optimizer"].nunique()
    figure = FIGURES["learning_rate"].draw(frame)
    assert "best of each half decade" not in [text.get_text() for text in figure.legends[0].get_texts()]
    assert {tuple(line.get_ydata()) for axes in figure.axes for line in axes.lines} <= {(), *_levels(figure)}
    assert all(len(axes.get_yticks()) == 0 and not axes.get_ylabel() for axes in figure.axes)


def test_alt_texts_carry_the_evidence(drawn: dict) -> None:
    """Who does not see the figures gets verdicts, shares, basins and findings in words."""
    said = {name: FIGURES[name].alt(frame) for name, (frame, _) in drawn.items()}
    assert drawn["comparison"][0]["label"].iloc[0] in said["comparison"]
    assert f"settings {100 * drawn['variance'][0]['share'].iloc[0]:.0f} %" in said["variance"]
    assert "by optimizer, best of" in said["isolation"]
    sure = drawn["basins"][0].assign(lost_share=0.5, lost_low=0.4, lost_high=0.6)
    for frame, told in ((sure, True), (sure.assign(lost_high=1.1), False)):
        words = "blind trials lost on average 50 % (40 %" in FIGURES["basins"].alt(frame)
        assert words is told, "an interval that says nothing is not told, nor is what it is of"
    assert "best: 5" in said["curve_classes"]
    assert re.search("activation size: weights of .* go with lower values: −", said["penalty_effects"])
    assert "largest saturated share: relu, layer 7" in said["units_over_time"]
    assert all(text.endswith(".") and "nan" not in text for text in said.values())


def test_one_activation_has_one_line_of_basins() -> None:
    """Where there is nothing to compare, the line of all activations is the only one."""
    made = synthetic_records(40, ("tanh",))
    frame = TABLES["basins"](run_data(made.trials, made.curves, made.layers))
    figure = FIGURES["basins"].draw(frame)
    assert set(frame["activation"]) == {ANY, "tanh"}
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["all activations"]


@pytest.mark.parametrize(
    ("color", "expected"), [("white", "black"), ("#0072B2", "white"), ("#E69F00", "black")]
)
def test_ink_is_read_on_its_background(color: str, expected: str) -> None:
    """Black or white, whichever has more contrast."""
    assert ink(color) == expected
