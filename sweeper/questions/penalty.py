"""Does penalizing activations help?"""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import completed_search, with_names
from sweeper.components.metric_words import metric_words
from sweeper.components.penalties import DEFAULT_KIND
from sweeper.drawing.scales import decade_below, loss_axis, weight_axis
from sweeper.drawing.style import HUES, canvas, dots, group_styles, handle, legend, legend_height, themed
from sweeper.questions.losses import of_search
from sweeper.questions.question import FigureSpec, Shown
from sweeper.questions.run_data import RunData, once
from sweeper.statistics.decades import part_of
from sweeper.wording import number, span

COLUMNS = [
    "trial",
    "optimizer",
    "activation",
    "activation_penalty",
    "kind",
    "objective",
    "activation_size",
    "bin_low",
    "bin_high",
    "bin_trials",
    "bin_objective",
    "bin_size",
    "metric",
]


BIN = ["kind", "bin_low"]
NO_KIND = "none"
"""Kind of the penalty where the weight is 0."""


def kinds_of(trials: pd.DataFrame) -> "pd.Series[str]":
    """The kind of the penalty of every trial: a name in `sweeper.components.penalties`."""
    kinds = trials.get("penalty_kind", pd.Series(DEFAULT_KIND, index=trials.index))
    return kinds.fillna(DEFAULT_KIND).astype("str")


@once
def penalty(run: RunData) -> pd.DataFrame:
    """One row per completed search trial, by penalty weight; empty if all have the same weight.

    kind: of the penalty, see `kinds_of`; `NO_KIND` where the weight is 0. activation_size = √(mean over
    layers of (mean² + std²)), the root mean square of all activations at the last measured step; null if not
    measured. Weights are binned by kind and decade, exact zeros are a bin of their own: `bin_low` and
    `bin_high` are the lowest and the highest weight on record there (both 0 for zeros), `bin_trials` counts
    its trials; `bin_objective` and `bin_size` are the medians.
    """
    done = with_names(completed_search(run.trials), run.default_activation)
    if "activation_penalty" not in done or done["activation_penalty"].nunique() < 2:
        return pd.DataFrame(columns=COLUMNS)
    frame = done[done["activation_penalty"].notna()].merge(_sizes(run), on="trial", how="left")
    weight = frame["activation_penalty"].astype(float)
    kind = kinds_of(frame).where(weight > 0, NO_KIND)
    within = weight.groupby([kind, part_of(weight).fillna(-np.inf)])
    ends = {"bin_low": within.transform("min"), "bin_high": within.transform("max")}
    frame = frame.assign(kind=kind, metric=run.objective, **ends)
    bins = frame.groupby(BIN)
    frame = frame.assign(
        bin_trials=bins["trial"].transform("size"),
        bin_objective=bins["objective"].transform("median"),
        bin_size=bins["activation_size"].transform("median"),
    )
    frame = frame.sort_values(["activation_penalty", "trial"], ignore_index=True)[COLUMNS]
    return run.ranked.read(frame, "objective", "bin_objective")


def _sizes(run: RunData) -> pd.DataFrame:
    """Columns trial, activation_size."""
    keys = ["trial", "step", "layer"]
    mean, std = (_at_the_end(run, name) for name in ("activation_mean", "activation_std"))
    both = mean.merge(std, on=keys, suffixes=("_mean", "_std"))
    square = both["value_mean"] ** 2 + both["value_std"] ** 2
    size = square.groupby(both["trial"]).mean().pow(0.5)
    return size.rename("activation_size").reset_index()


def _at_the_end(run: RunData, measure: str) -> pd.DataFrame:
    rows = run.layers[["trial", "seed", "step", "layer", "value"]]
    rows = of_search(completed_search(run.trials), rows[(run.layers["measure"] == measure).to_numpy()])
    return rows[rows["step"] == rows.groupby("trial")["step"].transform("max")]


FEW = 5
"""Trials of a bin below which its quartiles are not compared."""
BIN_COLUMNS = [
    "kind",
    "weight_low",
    "weight_high",
    "trials",
    "low",
    "median",
    "high",
    "compared",
    "size_low",
    "size_median",
    "size_high",
    "size_compared",
    "metric",
]


def penalty_bins(run: RunData) -> pd.DataFrame:
    """One row per kind of penalty and decade of the weight, exact zeros first; empty where `penalty` is.

    weight_low, weight_high: the lowest and the highest weight of the decade on record.
    Quartiles of the objective (low, median, high) and of the activation size over the completed search
    trials of the bin. The reference is no penalty where that was tried, else the smallest weights of the
    kind. `compared` says where the middle half of a bin lies: ``lower`` or ``higher`` than
    that of the reference without overlap, ``overlaps``, or ``few`` (below `FEW` trials on either
    side); ``reference`` in its own row. `size_compared` is the same for sizes. This is a
    description of unlike trials with one seed each, not a test.
    """
    frame = penalty(run)
    if frame.empty:
        return pd.DataFrame(columns=BIN_COLUMNS)
    bins = frame.groupby([*BIN, "bin_high"])
    parts = [_quartiles(bins["objective"], ""), _quartiles(bins["activation_size"], "size_")]
    found = pd.concat([bins.size().rename("trials"), *parts], axis=1).reset_index()
    found = found.rename(columns={"bin_low": "weight_low", "bin_high": "weight_high"})
    found = found.sort_values("weight_high", key=lambda ends: ends > 0, kind="stable", ignore_index=True)
    free = found["weight_high"] == 0
    parts = [rows for _, rows in found[~free].groupby("kind")]
    for prefix in ("", "size_"):
        words = [_compared(pd.concat([found[free], rows]), prefix) for rows in parts]
        found[f"{prefix}compared"] = pd.concat(words).groupby(level=0).first()
    return found.assign(metric=frame["metric"].iloc[0])[BIN_COLUMNS]


def _quartiles(groups: "pd.api.typing.SeriesGroupBy", prefix: str) -> pd.DataFrame:
    found = groups.quantile(np.array([0.25, 0.5, 0.75])).unstack()
    found.columns = [f"{prefix}{name}" for name in ("low", "median", "high")]
    return found


def _compared(bins: pd.DataFrame, prefix: str) -> "pd.Series[str]":
    low, high = bins[f"{prefix}low"], bins[f"{prefix}high"]
    words = pd.Series("overlaps", index=bins.index, dtype="str")
    words = words.mask(high < low.iloc[0], "lower").mask(low > high.iloc[0], "higher")
    few = (bins["trials"] < FEW) | (bins["trials"].iloc[0] < FEW) | low.isna() | pd.isna(low.iloc[0])
    words = words.mask(few, "few")
    words.iloc[0] = "reference"
    return words


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Trials of `penalty` as points by activation, medians of each decade as bars."""
    measured = int(frame["activation_size"].notna().any())
    styles = group_styles(sorted(frame["activation"].unique()))
    figure, panels = canvas(1, 1 + measured, height=3.6 + legend_height(len(styles) + 1))
    sides = [("objective", "bin_objective"), ("activation_size", "bin_size")]
    ranked = Ranked(frame["metric"].iloc[0])
    labels = [ranked.axis, "activation size (RMS)"]
    for axes, (value, middle), label in zip(panels, sides, labels, strict=False):
        for name, style in styles.items():
            part = frame[frame["activation"] == name]
            axes.plot(
                part["activation_penalty"],
                part[value],
                style.marker,
                color=style.color,
                alpha=0.7,
                markeredgecolor="white",
                **dots(len(frame), 0.5),
                label=name,
            )
        for kind, dashes in dashes_of(frame).items():
            _medians(axes, frame[frame["kind"].isin([NO_KIND, kind])], middle, dashes)
        weights = frame["activation_penalty"]
        weight_axis(axes, float(weights[weights > 0].min()), float(weights.max()))
        axes.set(xlabel="penalty weight (log, 0 at the left)", ylabel=label)
        loss_axis(axes.yaxis, frame[value], highest=ranked.highest and value == "objective")
    entries = {name: handle(style, line=False) for name, style in styles.items()}
    several = len(dashes_of(frame)) > 1
    for kind, dashes in dashes_of(frame).items():
        of = f" of {kind}" if several else ""
        entries[f"median per decade{of}"] = Line2D([], [], linestyle=dashes, **_MEDIAN)
    legend(figure, entries, "activation")
    return figure


BEYOND = 10**0.08
"""Factor by which a bar goes beyond the weights that were tried, so that one weight has a bar too."""
_MEDIAN: dict[str, Any] = {"color": HUES[4], "linewidth": 2.5}


def dashes_of(frame: pd.DataFrame) -> Mapping[str, Any]:
    """Each kind of penalty with the dashes of its medians."""
    return dict(zip(sorted(set(frame["kind"]) - {NO_KIND}), cycle(["-", (0, (2, 1)), (0, (1, 1))])))


def _medians(axes: Axes, frame: pd.DataFrame, column: str, dashes: Any) -> None:
    bins = frame.drop_duplicates("bin_low")
    width = 0.3 * decade_below(frame.loc[frame["activation_penalty"] > 0, "activation_penalty"].min())
    zero = bins["bin_high"] == 0
    axes.hlines(
        bins[column],
        (bins["bin_low"] / BEYOND).mask(zero, -width),
        (bins["bin_high"] * BEYOND).mask(zero, width),
        zorder=3,
        linestyles=dashes,
        **_MEDIAN,
    )


def alt(frame: pd.DataFrame) -> str:
    """Medians at weight 0 and in each decade."""
    said = []
    several = len(dashes_of(frame)) > 1
    for row in frame.drop_duplicates(BIN).to_dict("records"):
        size = "" if pd.isna(row["bin_size"]) else f", activation size {number(row['bin_size'])}"
        at = (
            "without penalty"
            if row["bin_high"] == 0
            else of_weights(row["bin_low"], row["bin_high"]) + (f" of {row['kind']}" if several else "")
        )
        said.append(f"{at} {number(row['bin_objective'])}{size} (n = {row['bin_trials']})")
    metric = metric_words(frame["metric"].iloc[0])
    return f"Median best {metric} by weight of the activation penalty: {'; '.join(said)}."


def of_weights(low: float, high: float) -> str:
    """``weights 1.2e-4 to 9e-4``, ``weight 10`` where one was tried."""
    ends = span(low, high)
    return f"weight{'' if ends == number(low) else 's'} {ends}"


def weights(row: "pd.Series") -> str:
    """A bin in words: ``no penalty`` or ``1.2e-4 to 9e-4``."""
    return "no penalty" if row["weight_high"] == 0 else span(row["weight_low"], row["weight_high"])


def readable(bins: pd.DataFrame) -> pd.DataFrame:
    """One column for the weight, quartiles beside it."""
    columns = ["trials", "low", "median", "high", "compared", "size_median", "size_compared"]
    columns = ["kind", *columns] if len(set(bins["kind"]) - {NO_KIND}) > 1 else columns
    shown = bins[columns].rename(columns={"size_median": "activation_size"})
    shown.insert(0, "weight", bins.apply(weights, axis=1))
    return shown


TABLES = {"penalty": penalty, "penalty_bins": penalty_bins}
FIGURE = FigureSpec(
    name="penalty",
    table="penalty",
    title="Activation penalty",
    caption=(
        "Completed trials of the search; bars are medians of each decade of the weight, over the weights "
        "tried in it, by kind of penalty, and of the trials without penalty. All other settings vary, so a "
        "difference between bars is a hint, not an effect. Size is the root mean square of all activations "
        "at the end of training."
    ),
    missing=("The weight of the activation penalty was not varied among the completed trials of the search."),
    draw=draw,
    alt=alt,
)
TABLES_SHOWN = (
    Shown("penalty_bins", "One row per decade of the weight", readable),
    Shown("penalty", "Every completed trial, by weight"),
)
HOW = (
    "The penalty adds weight × a mean over the elements of a layer's activations, summed over the layers, "
    "to the loss that is minimised; the losses shown are without it.",
    "Completed search trials, by kind of penalty and decade of the weight. A decade is called lower or "
    "higher only if the middle half of its trials (lower to upper quartile) lies wholly below or above that "
    "of the reference: trials without penalty where there are any, else the smallest weights of the kind. "
    f"Decades of fewer than {FEW} trials are not compared. Weights that are named are the lowest and the "
    "highest that were tried in their decade.",
)
