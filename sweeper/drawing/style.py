"""One style for all figures: legible at 100 %, told apart without colour, no global state of pyplot.

Hues are those of Okabe and Ito (2008, "Color universal design") without the yellow, which is too light
on white. Every group also has its own marker and dashes, so that a grey print still reads.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

LISTED = re.compile(r", (?![^(]*\))")
"""Between the items of a list; commas in brackets are of one item."""
LONGEST = 60
"""Characters of a label."""
WIDTH, DPI = 8.0, 150
"""Inches, and dots per inch: 1200 pixels."""
HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "h")
DASHES: tuple[tuple[float, ...], ...] = ((), (5, 1.5), (1.2, 1.2), (6, 1.5, 1.2, 1.5))
BAND_ALPHA = 0.15
MANY = 7
"""Groups above which quartile bands would hide each other and are left out."""

_P = ParamSpec("_P")
_R = TypeVar("_R")

_THEME: dict[str, Any] = {
    **{
        k: v
        for k, v in matplotlib.rcParamsDefault.items()
        if not k.startswith(("backend", "interactive", "toolbar"))
    },
    **sns.axes_style("whitegrid"),
    "axes.edgecolor": "0.3",
    "axes.labelsize": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,  # what users name may hold a dollar sign
    "text.usetex": False,
    "axes.formatter.use_mathtext": False,
    "axes.formatter.useoffset": False,  # numbers less a large one look like others
    "grid.color": "0.9",
    "legend.fontsize": 9,
    "legend.title_fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.bottom": True,
    "ytick.left": True,
}


def themed(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Run `function` under the theme, whatever the user's matplotlibrc says, and leave no trace of it.

    Frames come to it with `labels` that can be drawn.
    """

    @wraps(function)
    def inside(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        given = [labels(each) if isinstance(each, pd.DataFrame) else each for each in args]
        with matplotlib.rc_context(cast(Any, _THEME)), warnings.catch_warnings():
            for harmless in ("Glyph .* missing from", "constrained_layout not applied"):
                warnings.filterwarnings("ignore", harmless, UserWarning)  # odd or long names
            return function(*given, **kwargs)  # type: ignore[arg-type]

    return inside


def labels(frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with every text in one line of at most `LONGEST` printable characters; unequal ones stay so."""
    columns = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name].dtype)]
    known: dict[str, str] = {}
    changed = {}
    for name in columns:
        texts = {value for value in frame[name].tolist() if isinstance(value, str)}
        labels = {text: _label(text, known) for text in sorted(texts)}
        if all(text == label for text, label in labels.items()):
            continue
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            changed[name] = frame[name].cat.rename_categories(lambda each: labels.get(each, each))  # noqa: B023
        else:
            values = frame[name].tolist()
            changed[name] = [labels.get(v, v) if isinstance(v, str) else v for v in values]
    return frame.assign(**changed) if changed else frame


def _label(text: str, known: dict[str, str]) -> str:
    clean = "".join(
        c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    whole = " ".join(clean.split()) or "(empty)"
    whole = f" {whole}" if whole.startswith("_") else whole  # legends leave out what starts so
    label = whole if len(whole) <= LONGEST else _shortened(whole)
    number = 2
    while known.setdefault(label, text) != text:
        label, number = f"{whole[: LONGEST - 6]}… ({number})", number + 1
    return label


def _shortened(text: str) -> str:
    """A list without those of its items before the last that have no place: what tells labels apart is often
    at their end. Other texts lose their end."""
    *items, last = LISTED.split(text)
    while items and len(", ".join([*items, "…", last])) > LONGEST:
        items.pop()
    return ", ".join([*items, "…", last]) if items else f"{text[: LONGEST - 1]}…"


def canvas(
    rows: int = 1, columns: int = 1, *, height: float = 4.0, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of `WIDTH` with its axes row by row; `options` go to ``Figure.subplots``."""
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(grid.flat)


@dataclass(frozen=True)
class GroupStyle:
    """How one group is drawn wherever it appears in a figure."""

    color: str
    marker: str
    dashes: tuple[float, ...]

    @property
    def linestyle(self) -> Any:
        """For matplotlib; dashes are in multiples of the line width."""
        return (0, self.dashes) if self.dashes else "-"


def label_lowest(figure: Figure, panels: Sequence[Axes], used: int, columns: int, label: str) -> None:
    """Delete panels after the first `used`, and name the x axis below the lowest one left of each column."""
    for axes in panels[used:]:
        figure.delaxes(axes)
    for axes in panels[max(0, used - columns) : used]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(label)


def group_styles(groups: Sequence[str]) -> dict[str, GroupStyle]:
    """A style for each group, all different up to 32; the first eight differ in hue and in marker."""
    styles = {}
    for index, group in enumerate(groups):
        turn, hue = divmod(index, len(HUES))
        marker = MARKERS[(hue + 3 * turn) % len(MARKERS)]
        styles[group] = GroupStyle(HUES[hue], marker, DASHES[(hue + turn) % len(DASHES)])
    return styles


def handle(style: GroupStyle, *, line: bool = True) -> Line2D:
    """A legend entry's picture."""
    return Line2D(
        [],
        [],
        color=style.color,
        marker=style.marker,
        linestyle=style.linestyle if line else "none",
        markeredgecolor="white",
    )


CROWD = 400
"""Points from which on they are drawn smaller and without edges, so that they do not hide each other."""


def dots(points: int, edge: float = 1.0) -> dict[str, Any]:
    """Size and edge width of one of `points` markers, whose edge is `edge` wide where they are few."""
    if points <= CROWD:
        return {"markersize": _THEME["lines.markersize"], "markeredgewidth": edge}
    return {
        "markersize": max(1.5, _THEME["lines.markersize"] * (CROWD / points) ** 0.4),
        "markeredgewidth": 0.3 * edge,
    }


BESIDE = 10
"""Legend entries that fit beside the panels; more go below them, in three columns."""


def legend(target: Figure, entries: Mapping[str, Line2D], title: str) -> None:
    """A legend outside of the panels, where it covers nothing: at the right, or below when long."""
    if len(entries) > BESIDE:
        legend_below(target, entries, title.replace("\n", " "), ncols=3)
        return
    target.legend(
        list(entries.values()), list(entries), title=title, loc="outside right upper", alignment="left"
    )


def legend_height(entries: int) -> float:
    """Inches that `legend` needs below the panels."""
    return 0.4 + 0.2 * -(-entries // 3) if entries > BESIDE else 0.0


def legend_below(target: Figure, entries: Mapping[str, Line2D], title: str = "", ncols: int = 4) -> None:
    """A legend outside at the bottom, in `ncols` columns or in fewer where its words are long."""
    inches = 0.7 + 0.075 * max(len(text) for text in entries)
    target.legend(
        list(entries.values()),
        list(entries),
        title=title or None,
        loc="outside lower left",
        alignment="left",
        ncols=max(1, min(ncols, int(WIDTH / inches))),
    )


def ink(background: Any) -> str:
    """Black or white, whichever has more contrast to the colour behind it (WCAG 2 relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(background)]
    return "black" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 else "white"
