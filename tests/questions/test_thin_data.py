"""Figures survive whatever a run leaves: little, nothing, one of a kind, or very many."""

import pickle
import re
import warnings
from collections.abc import Iterator
from functools import cache

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from report_inputs import sharp_input
from run_data import run_data
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.drawing.png import png_bytes
from sweeper.drawing.scales import decade_below
from sweeper.drawing.style import LONGEST, labels
from sweeper.questions import FIGURES, TABLES
from sweeper.questions.run_data import RunData
from sweeper.wording import decade, tick

IMPORTANCES = pd.DataFrame(
    {"parameter": ["learning_rate"], "importance": [1.0], "low": [0.9], "high": [1.0], "chance": [0.3]}
)


@pytest.fixture(scope="module", autouse=True)
def _no_global_state() -> Iterator[None]:
    """All that is drawn here opens no figure of pyplot, and leaves matplotlib's settings as they were."""
    before = dict(matplotlib.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def thin(change: str) -> SyntheticRecords:
    """Records with something missing."""
    if change == "one trial":
        made = synthetic_records(40)
        best = int(made.trials.query("outcome == 'completed'")["trial"].iloc[0])
        frames = (made.trials, made.curves, made.layers)
        return SyntheticRecords(*(f[(f["trial"] == best) & (f["seed"] == 0)] for f in frames))
    made = synthetic_records(24, ("tanh",) if "one activation" in change else ("sigmoid", "relu"))
    trials, layers = made.trials, made.layers
    if change == "one confirm seed":
        trials = trials[trials["seed"] <= 1]
    elif change == "all diverged":
        trials = trials.assign(outcome="diverged", objective=np.nan)
    elif change == "finalists diverged":
        confirm = trials["phase"] == "confirm"
        trials = trials.assign(
            outcome=trials["outcome"].mask(confirm, "diverged"), objective=trials["objective"].mask(confirm)
        )
    elif change == "no activation, penalty always 0":
        trials = trials.assign(activation=pd.Series(None, index=trials.index, dtype="str"))
        trials = trials.assign(activation_penalty=0.0)
    elif change == "no penalty column":
        trials = trials.drop(columns="activation_penalty")
    elif change == "no layers":
        layers = layers.head(0)
    elif change == "one layer":
        layers = layers[layers["layer"] == layers["layer"].min()]
    elif change == "dead gradients":
        layers = layers.assign(value=layers["value"].mask(layers["measure"] == "gradient_norm", 0.0))
    elif change == "one activation, negative loss":
        trials = trials.assign(objective=trials["objective"] - 1)
    return SyntheticRecords(trials, made.curves, layers)


CHANGES = [
    "one trial",
    "one confirm seed",
    "one activation, negative loss",
    "all diverged",
    "finalists diverged",
    "no activation, penalty always 0",
    "no penalty column",
    "no layers",
    "one layer",
    "dead gradients",
]
CONFIRMED = {"confirmation", "comparison", "variance", "race"}
FEW = {"penalty_effects"}
"""Left out where two dozen trials are too few for a regression."""
LEFT_OUT = {
    "one trial": {*CONFIRMED, *FEW, "penalty", "isolation", "parallel", "heatmap"},
    "one confirm seed": {*FEW, "variance", "race"},
    "all diverged": {
        *(*CONFIRMED, *FEW, "penalty", "basins", "isolation", "heatmap", "history", "parallel"),
        *("gradients_over_time", "units_over_time"),
    },
    "finalists diverged": {*CONFIRMED, *FEW},
    "no penalty column": {*FEW, "penalty"},
    "no activation, penalty always 0": {*FEW, "penalty", "heatmap"},
    "one activation, negative loss": {*FEW, "heatmap"},
    "no layers": {*FEW, "gradients", "gradients_over_time", "units_over_time"},
}
NEVER = {"learning_rate", "importances", "curve_classes", "convergence", "stability"}
KNOWN = NEVER.union(*LEFT_OUT.values())
"""Where these are left out is said here; a new one may be left out wherever it says why."""


@cache
def check_drawn(name: str, pickled: bytes) -> None:
    """The figure of this table has no empty panel; most changes leave most tables as they are."""
    spec, frame = FIGURES[name], pickle.loads(pickled)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = spec.draw(frame)
        figure.draw_without_rendering()
    said = spec.alt(frame)
    assert said.endswith(".")
    assert re.search(r"\b1 \w+s\b", said) is None, "one of a thing is singular"
    assert re.search(r"(\w+ in layer \d+), \1", said) is None, "one layer is named once"
    assert all(axes.has_data() for axes in figure.axes), name


@pytest.mark.parametrize("change", CHANGES)
def test_thin_data_is_drawn_or_left_out_with_a_reason(change: str) -> None:
    """Every figure is drawn without a warning and without an empty panel, or its table is empty."""
    made = thin(change)
    source = sharp_input(run_data(made.trials, made.curves, made.layers, importances=IMPORTANCES))
    left_out = set()
    for name in FIGURES:
        spec = FIGURES[name]
        frame = TABLES[spec.table](source)
        if frame.empty:
            left_out.add(name)
            continue
        check_drawn(name, pickle.dumps(frame))
    assert left_out & KNOWN == LEFT_OUT.get(change, FEW)
    for name in left_out:
        why = FIGURES[name].why_missing(source)
        assert why.endswith(".")
        assert " or " not in why, "it is said what is the case, not what may be"


@cache
def many(trials: int, activations: tuple[str, ...]) -> RunData:
    """Records of so many trials."""
    made = synthetic_records(trials, activations)
    return sharp_input(run_data(made.trials, made.curves, made.layers, importances=IMPORTANCES))


BESIDE_THE_PANELS = ("gradients", "penalty")
"""Figures whose legend stands there while it is short: drawn with four activations, too."""
NASTY = (
    *("$", "$x", "a $x^2$ b $", "$\\frac{$", "\\", "x_{", "100 %", "%s %(a)s {0}", "_hidden", "__", " ", ""),
    *(
        "<b>&amp;</b>",
        "[bold]x[/]",
        "two\nlines",
        "tab\there",
        "\x1b[31mred",
        "\0",
        "😀",
        "مرحبا",
        "\u202eback",
        "漢字",
    ),
    *("W" * 5000, "W" * 5000 + "!", "nan", "None", "0.1"),
)
"""Names that some program reads as something else."""
NASTIEST = ("$x", "$\\frac{$", "_hidden", "", "<b>&amp;</b>", "two\nlines", "😀漢", "\u202eback")
SIXTEEN = (*NASTIEST, *(f"activation_{k}" for k in range(16 - len(NASTIEST))))
FOUR = tuple(f"activation_{k}" for k in range(4))


@pytest.mark.parametrize(
    ("name", "activations"),
    [*((name, SIXTEEN) for name in FIGURES), *((name, FOUR) for name in BESIDE_THE_PANELS)],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_names_are_drawn_as_they_are_inside_the_picture(name: str, activations: tuple[str, ...]) -> None:
    """Legends stay off the panels and nothing is cut, without a warning; no text is parsed as mathematics, or
    so odd that the figure cannot be drawn."""
    made = many(max(60, 7 * len(activations)), activations)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = FIGURES[name].draw(TABLES[FIGURES[name].table](made))
        assert png_bytes(figure, 40).startswith(b"\x89PNG")
        warnings.filterwarnings("ignore", "Glyph")  # no font of ours has all of them
        everything, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        panels = [axes.get_window_extent() for axes in figure.axes]
        legends = [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]
        covered = [legend for legend in legends if legend.get_window_extent().count_overlaps(panels)]
    assert all(axes.has_data() for axes in figure.axes)
    assert covered == []
    assert everything.x0 >= -0.01
    assert everything.y0 >= -0.01
    assert everything.x1 <= width + 0.01
    assert everything.y1 <= height + 0.01
    texts = [text for text in figure.findobj(Text) if text.get_text()]  # unused ticks have none
    assert texts
    assert not any(text.get_parse_math() or text.get_usetex() for text in texts)
    assert not any("\x1b" in text.get_text() for text in texts)


def test_labels_are_short_lines_that_differ() -> None:
    """As many as there were names; numbers, missing values and other columns stay as they are."""
    frame = pd.DataFrame(
        {"name": [*NASTY, None], "n": range(len(NASTY) + 1), "pair": [(1, 2)] * (len(NASTY) + 1)}
    )
    found = labels(frame)
    assert found["name"].nunique() == len(set(NASTY))
    texts = [text for text in found["name"] if isinstance(text, str)]
    assert len(texts) == len(NASTY)
    assert all(len(text) <= LONGEST and text.isprintable() and not text.startswith("_") for text in texts)
    assert found[["n", "pair"]].equals(frame[["n", "pair"]])
    assert labels(found).equals(found)
    kinds = pd.DataFrame({"kind": pd.Categorical(["b\n", "a"], ["b\n", "a"], ordered=True)})
    assert labels(kinds)["kind"].cat.categories.tolist() == ["b", "a"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (
            "#51 nesterov, tanh, lr 0.38, penalty 0.1, momentum 0.761, constant",
            "#51 nesterov, tanh, lr 0.38, penalty 0.1, …, constant",
        ),
        (
            "#63 momentum, tanh, lr 0.057, penalty 0.08, class weight (1, 1)",
            "#63 momentum, tanh, lr 0.057, …, class weight (1, 1)",
        ),
        ("x" * 70, "x" * 59 + "…"),
    ],
)
def test_a_long_label_keeps_its_last_setting(text: str, label: str) -> None:
    """Schedules and settings of training, which may be what was compared, stand at the end."""
    frame = labels(pd.DataFrame({"label": [text]}))
    assert frame["label"].tolist() == [label]


def test_settings_of_the_user_do_not_reach_the_figures(records: SyntheticRecords) -> None:
    """The same records give the same picture whatever matplotlibrc says."""
    frame = TABLES["history"](run_data(records.trials, records.curves, records.layers))
    plain_bytes = png_bytes(FIGURES["history"].draw(frame))
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.bbox": "tight"}):
        assert png_bytes(FIGURES["history"].draw(frame)) == plain_bytes


def test_png_has_150_dots_per_inch(records: SyntheticRecords) -> None:
    """The same records give the same bytes, and 8 inches make 1200 pixels."""
    frame = TABLES["heatmap"](run_data(records.trials, records.curves, records.layers))
    written = png_bytes(FIGURES["heatmap"].draw(frame))
    assert written == png_bytes(FIGURES["heatmap"].draw(frame))
    assert int.from_bytes(written[16:20], "big") == 1200


def test_every_spec_is_complete(records: SyntheticRecords) -> None:
    """Each figure has its table, the style of all, and sentences for its caption and for its absence."""
    run = run_data(records.trials, records.curves, records.layers)
    for spec in FIGURES.values():
        assert hasattr(spec.draw, "__wrapped__"), "themed: names are cut, and settings of the user stay out"
        assert spec.table in TABLES
        assert spec.title
        assert spec.caption.endswith(".")
        assert spec.why_missing(run).endswith(".")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.001, "0.001"),
        (30, "30"),
        (0.25, "0.25"),
        (1e-4, "10⁻⁴"),
        (2e-5, "2×10⁻⁵"),
    ],
)
def test_plain_numbers(value: float, shown: str) -> None:
    """Ticks are plain where that is short, powers of ten elsewhere."""
    assert tick(value) == shown


def test_decades() -> None:
    """Decade ticks are powers; 0, 1 and 10 are themselves; the decade below an exact power is itself."""
    assert [decade(v) for v in (0, 1, 10, 1e-3, 100)] == ["0", "1", "10", "10⁻³", "10²"]
    assert decade_below(1e-6) == 1e-6
    assert decade_below(3.2e-4) == pytest.approx(1e-4)
