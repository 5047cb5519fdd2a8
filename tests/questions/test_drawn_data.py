"""What is drawn is what the table says: line data, labels, legends."""

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from run_data import run_data
from synthetic_records import ACTIVATIONS, DEPTH, OPTIMIZERS, SyntheticRecords

from sweeper.drawing.style import group_styles
from sweeper.questions import FIGURES, TABLES
from sweeper.questions.convergence import OTHERS

IMPORTANCES = pd.DataFrame(
    {
        "parameter": ["learning_rate", "activation", "optimizer"],
        "importance": [0.6, 0.3, 0.1],
        "low": [0.4, 0.1, 0.0],
        "high": [0.8, 0.5, 0.3],
        "chance": [0.2, 0.15, 0.1],
    }
)


@pytest.fixture(scope="module")
def drawn(records: SyntheticRecords) -> dict[str, tuple[pd.DataFrame, Figure]]:
    """name -> (table, figure) of the made-up study."""
    source = run_data(records.trials, records.curves, records.layers, importances=IMPORTANCES)
    frames = {name: TABLES[spec.table](source) for name, spec in FIGURES.items()}
    return {name: (frame, FIGURES[name].draw(frame)) for name, frame in frames.items() if len(frame)}


def lines_with_data(axes: Axes) -> list[tuple[list[float], list[float]]]:
    """x and y of every line that has points."""
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines if len(line.get_xdata())]


def legend_texts(figure: Figure) -> list[str]:
    """Texts of all legends of a figure."""
    legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def test_convergence_lines_are_the_curves(drawn: dict) -> None:
    """One line per trial and loss; the best come last, so in front, and are named in the legend."""
    every, figure = drawn["convergence"]
    frame = every[every["label"] != OTHERS]
    for axes, metric in zip(figure.axes, ("validation_loss", "train_loss"), strict=True):
        expected = [
            (line["step"].tolist(), line["value"].tolist())
            for _, line in frame[frame["metric"] == metric].groupby("label", sort=False)
        ]
        behind = every[(every["metric"] == metric) & (every["label"] == OTHERS)]["trial"].nunique()
        assert lines_with_data(axes)[behind:] == expected
        assert axes.get_xlabel() == "optimizer step"
        assert axes.get_title(loc="left") == metric.replace("_", " ")
    assert legend_texts(figure) == [*frame["label"].drop_duplicates(), OTHERS]
    assert every[every["label"] == OTHERS]["trial"].nunique() > 20


def test_learning_rate_panels_hold_every_trial(drawn: dict) -> None:
    """Points of all kinds together are the trials; the line joins the best of each half decade."""
    frame, figure = drawn["learning_rate"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == sorted(OPTIMIZERS)
    for axes in figure.axes:
        rows = frame[frame["optimizer"] == axes.get_title(loc="left")]
        (best,) = (line for line in axes.lines if line.get_label() == "best")
        assert list(best.get_ydata()) == rows.loc[rows["best_in_bin"] & ~rows["capped"], "loss"].tolist()
        points = [p for line in axes.lines if line is not best for p in zip(*line.get_data(), strict=True)]
        assert sorted(points) == sorted(zip(rows["learning_rate"], rows["loss"], strict=True))
        assert axes.get_xscale() == "log"
        assert axes.get_xlabel() == "learning rate (log)"
    assert figure.axes[0].get_ylabel() == "best validation loss"


def test_heatmap_cells_say_best_and_counts(drawn: dict) -> None:
    """Cell texts and colours come from the table; a pair without result says so."""
    frame, figure = drawn["heatmap"]
    axes = figure.axes[0]
    best = frame.pivot(index="activation", columns="optimizer", values="best")
    np.testing.assert_array_equal(np.ma.filled(axes.collections[0].get_array(), np.nan), best.to_numpy())
    assert [t.get_text() for t in axes.get_yticklabels()] == list(best.index)
    assert [t.get_text() for t in axes.get_xticklabels()] == list(best.columns)
    texts = [t.get_text() for t in axes.texts]
    cells = frame.sort_values(["activation", "optimizer"]).to_dict("records")
    assert len(texts) == len(cells)
    for text, cell in zip(texts, cells, strict=True):
        assert (
            text.startswith("none of") if math.isnan(cell["best"]) else text.startswith(f"{cell['best']:.3g}")
        )
        assert text.endswith(f"of {cell['trials']}")


def test_gradient_lines_are_the_medians_on_a_log_axis(drawn: dict) -> None:
    """The vanishing-gradient picture: norm over layer, 0 at the input, ratios of the ends in the legend."""
    frame, figure = drawn["gradients"]
    for axes, moment in zip(figure.axes, ("initialisation", "end of training"), strict=True):
        rows = frame[frame["moment"] == moment]
        expected = [(g["layer"].tolist(), g["median"].tolist()) for _, g in rows.groupby("activation")]
        assert lines_with_data(axes) == expected
        assert axes.get_yscale() == "log"
        assert axes.get_xlabel() == "layer (0 = first in the forward pass)"
        assert axes.get_title(loc="left") == moment
    entries = dict(text.split("  ") for text in legend_texts(figure))
    assert set(entries) == set(ACTIVATIONS)
    start = float(entries["sigmoid"].split(" → ")[0])
    ratio = frame.query("activation == 'sigmoid' and moment == 'initialisation'")["ratio"].iloc[0]
    assert start == pytest.approx(ratio, rel=0.05)


def test_bands_and_medians_of_gradients_of_0_reach_the_edge(drawn: dict) -> None:
    """A log axis has no 0: what is drawn there would leave out the band, or cut its corner off."""
    table, _ = drawn["gradients"]
    frame, name = table.copy(), table["activation"].iloc[0]
    gone = (frame["activation"] == name) & (frame["layer"] < frame["layer"].max())
    frame.loc[gone, ["low", "median"]] = 0.0
    figure = FIGURES["gradients"].draw(frame)
    axes = figure.axes[0]
    edge = axes.get_ylim()[0]
    assert 0 < edge < frame.loc[frame["low"] > 0, "low"].min()
    assert "0 at the edge" in axes.get_ylabel()
    band = axes.collections[list(dict.fromkeys(sorted(frame["activation"]))).index(name)]
    heights = np.concatenate([path.vertices[:, 1] for path in band.get_paths()])
    highest = frame.loc[gone & (frame["moment"] == frame["moment"].iloc[0]), "high"]
    assert set(highest) <= set(heights)
    assert heights.min() == pytest.approx(edge / 0.7)
    assert min(min(y) for _, y in lines_with_data(axes)) == pytest.approx(edge / 0.7)


def test_penalty_points_and_medians(drawn: dict) -> None:
    """Every completed trial is a point in both panels, every bin a bar at its median."""
    frame, figure = drawn["penalty"]
    for axes, value, middle in zip(
        figure.axes, ("objective", "activation_size"), ("bin_objective", "bin_size"), strict=True
    ):
        points = [p for line in axes.lines for p in zip(*line.get_data(), strict=True)]
        assert sorted(points) == sorted(zip(frame["activation_penalty"], frame[value], strict=True))
        bins = frame.drop_duplicates("bin_low")
        bars = [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()]
        assert bars == [[height, height] for height in bins[middle]]
        assert axes.get_xscale() == "symlog"
    assert {"median per decade", *ACTIVATIONS} == set(legend_texts(figure))


def test_importance_bars_are_the_shares(drawn: dict) -> None:
    """One bar per parameter, as long as its share; grey where its interval reaches the level of chance."""
    frame, figure = drawn["importances"]
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == frame["importance"].tolist()
    assert [t.get_text() for t in axes.get_yticklabels()] == frame["parameter"].tolist()
    assert list(axes.lines[0].get_xdata()) == frame["chance"].tolist()
    grey = [bar.get_facecolor()[0] == bar.get_facecolor()[2] for bar in axes.patches]
    assert grey == [not low > 0.2 for low in frame["low"]]


def test_history_shows_every_trial_once(drawn: dict) -> None:
    """Scores at their place, trials without one as marks at the top, the best so far as steps."""
    frame, figure = drawn["history"]
    axes = figure.axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_array_equal(lines["best so far"].get_ydata(), frame["best_so_far"])
    marks = {name: list(line.get_xdata()) for name, line in lines.items() if name != "best so far"}
    assert sorted(x for xs in marks.values() for x in xs) == frame["trial"].tolist()
    assert marks["failed (no score)"] == [23]
    explored = frame[(frame["phase"] == "explore") & (frame["outcome"] == "completed")]
    assert list(lines["explore, completed"].get_ydata()) == explored["objective"].tolist()
    assert set(lines) == set(legend_texts(figure))


def test_confirmation_draws_means_intervals_and_seeds(drawn: dict) -> None:
    """Per finalist: all sound seeds, the search score, the interval, the mean; failures are named."""
    frame, figure = drawn["confirmation"]
    axes = figure.axes[0]
    for rank, rows in frame.groupby("rank"):
        seeds, search, interval, mean = [line.get_xdata() for line in axes.lines[4 * (rank - 1) : 4 * rank]]
        first = rows.iloc[0]
        assert list(seeds) == rows["objective"].dropna().tolist()
        assert list(search) == [first["search_objective"]]
        assert list(interval) == [first["low"], first["high"]]
        assert list(mean) == [first["mean"]]
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert all(label in name for label, name in zip(frame["label"].drop_duplicates(), names, strict=True))
    assert "1 of 5 seeds diverged or failed" in names[2]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]


def test_alt_texts_carry_the_numbers(drawn: dict) -> None:
    """Who does not see the figure gets its main numbers in words."""
    said = {name: FIGURES[name].alt(frame) for name, (frame, _) in drawn.items()}
    winner = drawn["confirmation"][0].iloc[0]
    assert f"{winner['label']}: {winner['mean']:.3g}" in said["confirmation"]
    assert f"lowest {drawn['heatmap'][0]['best'].min():.3g}" in said["heatmap"]
    assert f"{DEPTH} layers" in said["gradients"]
    assert "first over last, median of the networks: " in said["gradients"]
    assert "learning_rate 60 % (20 %), activation 30 % (15 %)" in said["importances"]
    assert "60 search trials" in said["history"]
    assert all(text.endswith(".") and "nan" not in text for text in said.values())


def test_looks_are_all_different() -> None:
    """Thirty-two groups are told apart, the first eight by hue and by marker each."""
    styles = list(group_styles([str(k) for k in range(32)]).values())
    assert len(set(styles)) == 32
    assert len({style.color for style in styles[:8]}) == len({style.marker for style in styles[:8]}) == 8
    assert len({(style.color, style.dashes) for style in styles}) == 32
    assert all(to_hex(style.color) == style.color.lower() for style in styles)
