"""Every trial as one line across its settings."""

import math
from numbers import Real

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import FIRST, search_trials
from sweeper.components.metric_words import axis_words
from sweeper.drawing.decades import spans_decades
from sweeper.drawing.scales import color_scale
from sweeper.drawing.style import canvas, themed
from sweeper.questions.question import FigureSpec
from sweeper.questions.run_data import RunData
from sweeper.records.schema import decode
from sweeper.wording import count, decade, number, shown, spoken, tick, whole

MOST = 1000
"""Trials drawn; of more, the best and the others evenly over their ranks."""
FEW = 3
"""Steps between words from which lines through one are spread by a share of the step, and not of more."""
COLORS = "viridis"
"""The lowest score is the darkest; reversed where the highest is best."""


def parallel(run: RunData) -> pd.DataFrame:
    """One row per scored trial of the search, pruned ones first, then from the worst to the best, which is
    drawn on top: trial, the searched settings that vary among the trials that have them (null for the
    others), objective, metric, scored and completed (how many trials have a score, and did not end early). At
    most `MOST` trials, and the ten best."""
    search = search_trials(run.trials)
    search = search[np.isfinite(search["objective"].astype(float))]
    search = search.assign(done=search["outcome"] == "completed")
    search = search.sort_values(["done", "objective", "trial"], ascending=[True, False, False])
    searched = dict.fromkeys([*FIRST, *run.study.space.parameters])
    known = {name: search[name].dropna().astype(str).nunique() for name in searched if name in search}
    names = [name for name, values in known.items() if values > 1]
    if len(search) < 2 or not names:
        return pd.DataFrame(columns=["trial", "objective", *BESIDE])
    every = search.iloc[:: -(-len(search) // MOST)]
    kept = pd.concat([every, search.tail(10)]).drop_duplicates("trial", keep="last")
    words = {
        name: kept[name].astype(str).where(kept[name].notna()) for name in names if not _is_number(kept[name])
    }
    frame = kept.assign(
        metric=run.objective, scored=len(search), completed=int(search["done"].sum()), **words
    )
    frame = frame[["trial", *names, "objective", *BESIDE]]
    return run.ranked.read(frame.reset_index(drop=True), "objective")


BESIDE = ("metric", "scored", "completed")
"""Columns that are no axis, as the trial is none."""


def axes_of(frame: pd.DataFrame) -> list[str]:
    """The settings of `parallel`, and the score."""
    return [name for name in frame if name not in ("trial", *BESIDE)]


def _is_number(values: "pd.Series") -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


Ticks = list[tuple[float, str]]
"""Places in [0, 1] and what stands there."""
NONE, RAISED = "–", 0.14
"""Of trials that lack a setting: what stands at the foot of its axis, and where its values begin then."""


def positions(values: "pd.Series") -> tuple[np.ndarray, Ticks]:
    """Places in [0, 1] of the values of one axis, and its ticks: words evenly, numbers by their logarithm
    where those above 0 `spans_decades`; 0 then lies below all, and trials without a value below that."""
    known = values.notna().to_numpy()
    if known.all() or not known.any():
        return _places(values)
    found, ticks = _places(values[known])
    places = np.zeros(len(values))
    places[known] = RAISED + (1 - RAISED) * found
    return places, [(0.0, NONE), *((RAISED + (1 - RAISED) * place, text) for place, text in ticks)]


def _places(values: "pd.Series") -> tuple[np.ndarray, Ticks]:
    if not pd.api.types.is_numeric_dtype(values):
        words = sorted(values.fillna("").astype("str").unique())
        step = max(len(words) - 1, 1)
        places = {word: k / step for k, word in enumerate(words)}
        return values.fillna("").astype("str").map(places).to_numpy(float), [
            (y, w) for w, y in places.items()
        ]
    numbers = values.to_numpy(float)
    some = numbers[numbers > 0]
    if numbers.min() >= 0 and spans_decades(some):
        ends = np.floor(np.log10(some.min())), np.ceil(np.log10(some.max()))
        floor = ends[0] - (0.12 * (ends[1] - ends[0]) if numbers.min() == 0 else 0)
        logs = np.log10(np.where(numbers > 0, numbers, 10**floor))
        decades = np.arange(ends[0], ends[1] + 1, max(1, -(-int(ends[1] - ends[0]) // 4)))
        ticks = [((k - floor) / (ends[1] - floor), decade(10**k)) for k in decades]
        return (logs - floor) / (ends[1] - floor), ticks if floor == ends[0] else [(0.0, "0"), *ticks]
    low, high = float(np.nanmin(numbers)), float(np.nanmax(numbers))
    if not high > low:
        return np.zeros(len(numbers)), [(0.0, tick(low))]
    span, digits = high - low, 3 - math.floor(math.log10(high - low))
    return (numbers - low) / span, [(k, tick(round(low + k * span, digits))) for k in (0.0, 0.5, 1.0)]


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A line for each trial of `parallel` across its settings to its score, the best in front."""
    ranked = Ranked(frame["metric"].iloc[0])
    names = axes_of(frame)
    figure, (axes,) = canvas(height=3.9)
    axes.grid(False)
    axes.set_axis_off()
    scores = frame["objective"].to_numpy(float)
    norm = color_scale(scores, highest=ranked.highest)
    colors = colormaps[COLORS + "_r" * ranked.highest](norm(scores))
    columns = []
    for at, name in enumerate(names):
        places, ticks = positions(frame[name])
        words = not pd.api.types.is_numeric_dtype(frame[name])
        columns.append(places + (_spread(len(frame)) / max(len(ticks) - 1, FEW) if words else 0))
        _axis(
            axes,
            at,
            spoken(name) if name != "objective" else "score",
            ticks,
        )
    for line, color in zip(np.column_stack(columns), colors, strict=True):
        axes.plot(range(len(names)), line, color=color, linewidth=0.9, alpha=0.75)
    axes.set(xlim=(-0.15, len(names) - 0.6), ylim=(-0.08, 1.2))
    bar = figure.colorbar(ScalarMappable(norm, COLORS + "_r" * ranked.highest), ax=axes, shrink=0.9)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(tick))
    bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.set_label(f"best {axis_words(ranked.objective)}")
    return figure


def _spread(lines: int) -> np.ndarray:
    """Small shifts, the same in every figure, so that lines through one word do not hide each other."""
    return 0.35 * (np.modf(np.arange(lines) * 0.618034)[0] - 0.5)


def _axis(axes: Axes, at: int, title: str, ticks: list[tuple[float, str]]) -> None:
    axes.plot([at, at], [0, 1], color="0.3", linewidth=1.2, zorder=3)
    axes.text(at, 1.08, title.replace(" ", "\n", 1), ha="center", fontsize=9)
    for place, text in ticks:
        axes.plot([at - 0.012, at], [place, place], color="0.3", linewidth=1.2, zorder=3)
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
        axes.text(at - 0.02, place, text, ha="right", va="center", fontsize=8, zorder=4, bbox=box)


def alt(frame: pd.DataFrame) -> str:
    """How many lines there are, and the settings of the best."""
    best = frame.iloc[-1]
    names = [name for name in axes_of(frame) if name != "objective"]
    said = [
        f"{spoken(name)} {number(float(value)) if isinstance(value, Real) else shown(decode(value))}"
        for name in names
        if pd.notna(value := best[name])
    ]
    across = ", ".join(spoken(name) for name in names)
    if not frame["completed"].iloc[0]:
        return f"{_drawn(frame)} as lines across {across} to the score. None of them completed."
    return (
        f"{_drawn(frame)} as lines across {across} to the score. The best, #{best['trial']}: "
        f"{', '.join(said)}, {number(best['objective'])}."
    )


def _drawn(frame: pd.DataFrame) -> str:
    scored = int(frame["scored"].iloc[0])
    drawn = count(len(frame), "trial")
    return drawn if scored == len(frame) else f"{whole(len(frame))} of {count(scored, 'trial')}"


TABLES = {"parallel": parallel}
FIGURE = FigureSpec(
    name="parallel",
    table="parallel",
    title="All settings of every trial",
    caption=(
        "One line per scored trial of the search, from the searched settings to its score; of more than "
        f"{whole(MOST)}, a part, the ten best among it. – stands for trials that lack the "
        "setting. The colour is the score, the best in front, pruned trials behind. Where good lines cross "
        "an axis at one place, that setting decides; where they are spread, it does not matter much. One "
        "seed each."
    ),
    missing="Fewer than two trials of the search have a score.",
    draw=draw,
    alt=alt,
)
