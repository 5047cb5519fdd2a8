"""What the activation penalty changes, other settings held alike."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from sweeper.answer.rows import completed_search
from sweeper.components.metric_words import metric_words
from sweeper.drawing.scales import hold
from sweeper.drawing.style import HUES, canvas, legend_below, themed
from sweeper.questions import penalty
from sweeper.questions.penalty_bounds import Ends, cut, ends_of, in_logarithms
from sweeper.questions.penalty_contrasts import (
    ANY,
    ANYWHERE,
    PER_DECADE,
    VS_LOWEST,
    VS_ZERO,
    decades,
    kinds,
    objective_name,
    penalty_data,
    trends,
)
from sweeper.questions.penalty_keras import keras_weights
from sweeper.questions.penalty_words import (
    EXPLORE,
    MOST_PRUNED,
    contrast_of,
    decades_found,
    found_trends,
    held_equal,
    other_contrasts,
    sentences,
    survivors,
    trend_words,
)
from sweeper.questions.question import WHY, FigureSpec, Question, Shown
from sweeper.questions.run_data import RunData
from sweeper.wording import TENFOLD, by_factor, signed_percent, span

COLUMNS = [
    "quantity",
    "contrast",
    "kind",
    "weight_low",
    "weight_high",
    "effect",
    "low",
    "high",
    "unit",
    "trials",
    "not_held",
    "basis",
    "found",
    "finding",
    "cut",
]
QUANTITIES = {
    "validation_loss": "relative",
    "generalisation_gap": "absolute",
    "activation_size": "relative",
    "sparsity": "absolute",
}
"""Quantity -> how its changes are stated: relative (0.1 is 10 % more) or in its own unit."""


def quantities(run: RunData) -> dict[str, str]:
    """The objective first, then `QUANTITIES`, each with how its changes are stated."""
    return {objective_name(run): "absolute" if run.ranked.highest else "relative"} | QUANTITIES


def penalty_effects(run: RunData) -> pd.DataFrame:
    """One row for each quantity and contrast; columns as in `COLUMNS`. Empty where no weight was varied.

    Quantities are those of `penalty_data`. Contrasts, for each kind of penalty where several were tried: each
    decade of the weight, of which weight_low … weight_high were tried, against weight 0 (``vs zero``; against
    the lowest decade of the kind where 0 was not tried); the trend over the weights above 0 (``per decade``);
    and each pair of kinds at the same weight (``l1 vs l2``).

    Effects are coefficients of one regression for each kind of contrast, next to these nuisance terms: for
    each optimizer a curve in log10 of the learning rate, see `penalty_nuisance`, a step for each activation
    and kind of penalty (none of the kind against weight 0), log10 of the weight between kinds, and terms of
    every other searched setting, see `held`; `not_held` names those for which trials were too few. Relative
    effects are of the logarithm. `basis`: ``explore`` where the trials of that phase alone compare a decade
    (``survivors`` where many were pruned), else ``search``. What a sampler likes best has a weight, a rate
    and all else that suit each other, which no regression parts; in the explore phase weights are not chosen
    for their scores, so that the nuisance model need not be right: it removes noise, not bias. Intervals are
    95 % with HC3 errors, simultaneous over the decades of one quantity (Bonferroni), and cut where the trials
    that are compared could lie no further from the mean of the others: `cut` names the ends that were.
    `found` where the interval excludes 0; `finding` is ``raises``, ``lowers`` or ``no effect found``: not the
    same as no effect.
    """
    data = penalty_data(run)
    if data.empty:
        return pd.DataFrame(columns=COLUMNS)
    explored = data[data["phase"] == "explore"].reset_index(drop=True)
    frame, basis = _of(explored, run), EXPLORE
    if len(explored) < len(data) and not frame["contrast"].isin(DECADES).any():
        frame, basis = _of(data, run), "search"
    elif survivors(run) > MOST_PRUNED:
        basis = "survivors"
    frame = frame.assign(basis=basis)
    found = (frame["low"] > 0) | (frame["high"] < 0)
    words = np.where(~found, "no effect found", np.where(frame["effect"] > 0, "raises", "lowers"))
    return frame.assign(found=found, finding=words)[COLUMNS]


def _of(data: pd.DataFrame, run: RunData) -> pd.DataFrame:
    rows = [
        row
        for quantity, unit in quantities(run).items()
        for row in _of_quantity(data, quantity, unit, ends_of(run, quantity))
    ]
    return pd.DataFrame(rows, columns=[*COLUMNS[:-4], "cut"])


FEW_ZEROS = 0.1
"""Share of the trials whose value is exactly 0, as that of a network of dead units, up to which they are left
out: they have no place on a scale of factors."""


def _varies(values: np.ndarray) -> bool:
    """Whether there is anything to explain beyond rounding."""
    return len(values) > 0 and float(np.ptp(values)) > 1e-12 * float(np.abs(values).max())


def _of_quantity(
    data: pd.DataFrame, quantity: str, unit: str = "relative", ends: Ends = ANYWHERE
) -> Iterator[tuple[object, ...]]:
    rows = data[np.isfinite(data[quantity].astype(float))].reset_index(drop=True)
    if not _varies(rows[quantity].to_numpy(float)):
        return
    zero = rows[quantity] == 0
    if unit == "relative" and zero.mean() <= FEW_ZEROS:
        rows = rows[~zero].reset_index(drop=True)
    if unit == "relative" and (rows[quantity] <= 0).any():
        unit = "absolute"
    values = rows[quantity].to_numpy(float)
    rows = rows.assign(y=np.log(values) if unit == "relative" else values)
    ends = in_logarithms(ends) if unit == "relative" else ends
    for *where, numbers, trials, left_out, room in (
        *decades(rows, ends),
        *trends(rows, ends),
        *kinds(rows, ends),
    ):
        kept, moved = cut(numbers, room)
        stated = np.expm1(kept) if unit == "relative" else np.array(kept)
        yield (quantity, *where, *map(float, stated), unit, trials, left_out, moved)


DECADES = (VS_ZERO, VS_LOWEST)
FOUND, NOTHING = HUES[1], HUES[7]


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each quantity of `penalty_effects`, decades of the weight from left to right."""
    rows = by_decade(frame)
    count = rows.groupby(["quantity", "kind"]).ngroups
    figure, panels = canvas(-(-count // 2), min(2, count), height=_height(count))
    rows = rows.assign(decade=[math.floor(math.log10(low) + 1e-9) for low in rows["weight_low"]])
    parts = list(rows.groupby(["quantity", "kind"], sort=False))
    places = {decade: place for place, decade in enumerate(sorted(rows["decade"].unique()))}
    for axes, ((quantity, kind), part) in zip(panels, parts, strict=False):
        _panel(axes, part, places)
        axes.set_title(metric_words(str(quantity)) + ("" if kind == ANY else f", {kind}"))
    for axes in panels[len(parts) :]:
        figure.delaxes(axes)
    entries = {
        f"{contrast_of(frame)} found": Line2D([], [], color=FOUND, marker="o", linewidth=2.2),
        f"no {contrast_of(frame)} found": Line2D([], [], color=NOTHING, marker="o", linewidth=2.2),
    }
    legend_below(figure, entries, ncols=2)
    return figure


def by_decade(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that are drawn; the trends where no decade could be compared."""
    rows = frame[frame["contrast"].isin(DECADES)]
    trends = frame[frame["contrast"] == PER_DECADE]
    return rows if len(rows) else trends if len(trends) else frame


def _height(panels: int) -> float:
    return 1.0 + 2.4 * -(-panels // 2)


def _panel(axes: Axes, rows: pd.DataFrame, places: dict[float, int]) -> None:
    axes.axhline(0, color="0.3", linewidth=1)
    for row in rows.to_dict("records"):
        at, color = places[row["decade"]], FOUND if row["found"] else NOTHING
        axes.plot([at, at], [row["low"], row["high"]], "-", color=color, linewidth=2.2)
        axes.plot([at], [row["effect"]], "o", color=color, markersize=7)
    tried = {row["decade"]: _tried(row) for row in rows.to_dict("records")}
    axes.set_xticks(list(places.values()), [tried.get(decade, "") for decade in places])
    axes.set_xlim(-0.5, len(places) - 0.5)
    relative, reference = rows["unit"].iloc[0] == "relative", rows["contrast"].iloc[0]
    logarithmic = relative and 1 + rows["high"].max() >= TENFOLD
    if logarithmic:
        _factors(axes, float(rows["low"].min()), float(rows["high"].max()))
    else:
        _limit(axes, rows, places)
        if relative and axes.get_ylim()[0] < -1:
            axes.set_ylim(bottom=-1)  # nothing falls by more than all of it
        axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel("weights tried")
    against = {VS_ZERO: "against weight 0", VS_LOWEST: "against the lowest"}.get(reference, reference)
    axes.set_ylabel(f"change {against}" + (" (log)" if logarithmic else ""))
    if relative:
        axes.yaxis.set_major_formatter(FuncFormatter(by_factor if logarithmic else signed_percent))
    axes.grid(False, axis="x")


def _tried(row: Mapping[Any, Any]) -> str:
    """``1.2e-5`` above ``to 9e-5``, in two digits each."""
    return span(row["weight_low"], row["weight_high"], 2).replace(" to ", "\nto ")


def _factors(axes: Axes, low: float, high: float) -> None:
    """A y axis of changes that is logarithmic in 1 + change: tenfold is as far up as a tenth is down."""
    axes.set_yscale("function", functions=(lambda change: np.log1p(np.maximum(change, LEAST)), np.expm1))
    first, last = math.floor(math.log10(1 + max(low, LEAST))), math.ceil(math.log10(1 + high))
    stride = max(1, math.ceil((last - first) / 5))
    ticks = sorted({0, *range(0, last + 1, stride), *range(0, first - 1, -stride)})
    axes.yaxis.set_major_locator(FixedLocator([10.0**k - 1 for k in ticks]))
    axes.set_ylim(max(low, LEAST) * 0.5 + LEAST * 0.5, (1 + high) * 1.3 - 1)


LEAST = 1e-6 - 1
"""The lowest change on a logarithmic axis."""


def _limit(axes: Axes, rows: pd.DataFrame, places: dict[float, int]) -> None:
    """An axis that holds all effects and the intervals of those found; an arrow where another goes beyond."""
    found = rows[rows["found"]]
    if found.empty:
        return
    low, high = hold(axes, [0.0, *rows["effect"], *found["low"], *found["high"]])
    for end, marker, beyond in ((low, "v", rows["low"] < low), (high, "^", rows["high"] > high)):
        at = [places[decade] for decade in rows.loc[beyond, "decade"]]
        axes.scatter(at, [end] * len(at), marker=marker, color=NOTHING, s=45, clip_on=False, zorder=4)


def alt(frame: pd.DataFrame) -> str:
    """What was found and what was not, quantity by quantity."""
    trends = found_trends(frame)
    said = [
        f"{metric_words(str(quantity))}: {_in_words(rows, trends[trends['quantity'] == quantity])}"
        for quantity, rows in by_decade(frame).groupby("quantity", sort=False)
    ]
    texts = f"{held_equal(frame)}. {'; '.join(said)}"
    if not frame["contrast"].isin(DECADES).any():
        texts = "; ".join(
            f"{metric_words(str(quantity))}: {other_contrasts(rows)}"
            for quantity, rows in by_decade(frame).groupby("quantity", sort=False)
        )
        return f"Effect of the activation penalty, {held_equal(frame)}: {texts}."
    return f"Effect of the activation penalty by decade of its weight, {texts}."


def _in_words(rows: pd.DataFrame, trends: pd.DataFrame) -> str:
    """The decades of a quantity that have an effect, and its trends."""
    found = [decades_found(rows)] if rows["found"].any() else []
    if not found:
        what = contrast_of(rows)
        found = [f"no {what} found" if trends.empty else f"no {what} found in a decade alone"]
    return "; ".join([*found, *([] if trends.empty else [trend_words(trends)])])


def missing(run: RunData) -> str:
    """Why no weights are compared."""
    if completed_search(run.trials).empty:
        return "No trial of the search completed, so weights of the activation penalty cannot be compared."
    if penalty.penalty(run).empty:
        return "The weight of the activation penalty was not varied among the completed trials of the search."
    return "Too few trials completed to compare decades of the weight of the activation penalty."


QUESTION = Question(
    key="penalty",
    question="Does penalizing activations help?",
    part=WHY,
    tables={**penalty.TABLES, "penalty_effects": penalty_effects, "keras_weights": keras_weights},
    figure=FigureSpec(
        name="penalty_effects",
        table="penalty_effects",
        title="What comes with the activation penalty",
        caption=(
            "Change against trials without penalty, or with the smallest weights; where no decade can be "
            "compared, with ten times the weight. The other searched settings are held equal by regression "
            "(the text names those that are not); 95 % intervals hold together for all decades of a panel, "
            "and are cut at an arrow. Grey intervals include no change: no difference was found, but there "
            "may be one. The gap is validation minus train loss."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    more=(penalty.FIGURE,),
    shown=(
        Shown("penalty_effects", "One row per quantity and contrast"),
        Shown("keras_weights", "The winner's weight in the convention of Keras"),
        *penalty.TABLES_SHOWN,
    ),
    how=(
        "One regression for each quantity and contrast, next to a curve in log10 of the learning rate for "
        "each optimizer (a parabola, or with 100 trials a spline; where every optimizer has 40 trials with "
        "each activation, one for each pair), a step for each activation and kind of penalty, and of every "
        "other searched setting a step for each value or, for numbers without a list, a parabola and a "
        "step where they are off. Settings that would leave fewer than ten degrees of freedom are not held "
        "equal, and named. 95 % intervals with HC3 errors, those of the decades of a quantity wide enough "
        "to hold together, cut where a score could lie no further from the mean of what it is compared "
        "with. Losses and the activation size change by percent, without the trials in which they are "
        "exactly 0, up to a tenth; where more are 0, or some below, they change by their own unit, as "
        "scores, gap and sparsity do. Decades of fewer than five trials are left out. Trials of the "
        "exploration alone are compared where they suffice.",
        "Where those are too few, all trials are (basis: search): settings that suit a weight come with it "
        "then, so a difference is no effect. No effect found is not the same as no effect: read how far "
        "the intervals reach. A large one is a change by 20 %, or in the quantity's own unit by a fifth of "
        "the way from guessing to the best score (where that is not known, and of what is no score, of the "
        "way from the lowest to the highest trial). Keras has l1 and l2 penalties; its weight is ours "
        "divided by the units of a layer, as it sums over units and divides by the batch size, where we take "
        "the mean.",
        *penalty.HOW,
    ),
)
