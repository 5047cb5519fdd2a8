"""Optimizer × activation."""

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import completed_search, search_trials, with_names
from sweeper.drawing.scales import color_scale, log_axis
from sweeper.drawing.style import canvas, ink, themed
from sweeper.questions.question import FigureSpec, Shown, Tables, named
from sweeper.questions.run_data import RunData
from sweeper.wording import count, listing, number, whole


def heatmap(run: RunData) -> pd.DataFrame:
    """One row per pair of an optimizer and an activation that occur, tried together or not.

    Columns: optimizer, activation, best (objective of the best completed search trial, null if
    none), completed, diverged, trials (all outcomes), metric. Empty if no trial was completed, or all had one
    optimizer or one activation: then there are no pairs to compare.
    """
    search = with_names(search_trials(run.trials), run.default_activation)
    done = with_names(completed_search(run.trials), run.default_activation)
    keys = ["optimizer", "activation"]
    pairs = pd.MultiIndex.from_product([sorted(search[key].unique()) for key in keys], names=keys)
    columns: dict[str, pd.Series] = {
        "best": done.groupby(keys)["objective"].min().astype(float),
        "completed": done.groupby(keys).size(),
        "diverged": search[search["outcome"] == "diverged"].groupby(keys).size(),
        "trials": search.groupby(keys).size(),
    }
    frame = pd.DataFrame({name: column.reindex(pairs) for name, column in columns.items()})
    counts = ["completed", "diverged", "trials"]
    frame[counts] = frame[counts].fillna(0).astype("int64")
    frame = run.ranked.read(frame.assign(metric=run.objective), "best")
    several = all(search[key].nunique() > 1 for key in keys)
    return frame.reset_index() if several and len(done) else frame.reset_index().head(0)


COLORS = "viridis"
"""Even in lightness, so that dark is better in grey too."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A cell for each pair of `heatmap`: best score, and completed of all trials below."""
    best = frame.pivot(index="activation", columns="optimizer", values="best")
    texts = frame.assign(text=_texts(frame)).pivot(index="activation", columns="optimizer", values="text")
    ranked = Ranked(frame["metric"].iloc[0])
    norm = color_scale(frame["best"], highest=ranked.highest)
    colors = f"{COLORS}_r" if ranked.highest else COLORS
    height = max(3.0, 1.2 + 0.46 * len(best))
    figure, (axes,) = canvas(height=height)
    sns.heatmap(
        best,
        cmap=colors,
        norm=norm,
        ax=axes,
        linewidths=1,
        linecolor="white",
        xticklabels=True,
        yticklabels=True,
        cbar_kws={"shrink": min(1.0, 5 / height), "aspect": 18, "anchor": (0, 1)},
    )
    _write(axes, best, texts, partial(_ink, norm=norm, colors=colors))
    axes.set_facecolor("0.93")
    axes.grid(False)
    axes.set(xlabel="optimizer", ylabel="activation")
    axes.tick_params(axis="y", rotation=0)
    axes.tick_params(axis="both", length=0)
    bar: Any = axes.collections[0].colorbar
    bar.set_label(f"best {ranked.metric}\n({ranked.better} is better)")
    if isinstance(norm, LogNorm):
        log_axis(bar.ax.yaxis)
    return figure


def _write(axes: Axes, best: pd.DataFrame, texts: pd.DataFrame, color_of: Callable[[float], str]) -> None:
    rows, columns = best.shape
    size = 9 if columns <= 6 else 7
    for row, column in product(range(rows), range(columns)):
        color = color_of(float(best.to_numpy()[row, column]))
        place = (column + 0.5, row + 0.5)
        axes.text(*place, str(texts.iat[row, column]), ha="center", va="center", fontsize=size, color=color)


def _ink(value: float, norm: Normalize, colors: str) -> str:
    return "0.3" if math.isnan(value) else ink(matplotlib.colormaps[colors](norm(value)))


def _texts(frame: pd.DataFrame) -> list[str]:
    return [
        "not tried"
        if row["trials"] == 0
        else f"none of {whole(row['trials'])}"
        if math.isnan(row["best"])
        else f"{number(row['best'])}\n{whole(row['completed'])} of {whole(row['trials'])}"
        for row in frame.to_dict("records")
    ]


def alt(frame: pd.DataFrame) -> str:
    """The best and the worst pair, and those that never completed."""
    ranked = Ranked(frame["metric"].iloc[0])
    done = ranked.order(frame.dropna(subset=["best"]), "best")
    first, last = done.iloc[0], done.iloc[-1]
    lost = int(((frame["trials"] > 0) & frame["best"].isna()).sum())
    opposite = "lowest" if ranked.highest else "highest"
    text = f"Best {ranked.metric} for {count(len(done), 'pair')} of optimizer and activation: {ranked.best} "
    tied = int((done["best"] == first["best"]).sum())
    text += f"{number(first['best'])} for {first['optimizer']} with {first['activation']}"
    text += f" and {count(tied - 1, 'other pair')}" if tied > 1 else ""
    if tied < len(done):
        text += f", {opposite} {number(last['best'])} for {last['optimizer']} with {last['activation']}"
    return text + (f"; tried without one completed trial: {count(lost, 'pair')}." if lost else ".")


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """Pairs of which no trial completed."""
    frame = tables["heatmap"]
    said = []
    lost = frame[(frame["trials"] > 0) & frame["best"].isna()]
    if len(lost):
        shown, more = lost.head(5), len(lost) - 5
        pairs = [
            f"{optimizer} with {listing(list(map(named, part['activation'])), 'or')}"
            for optimizer, part in shown.groupby("optimizer", sort=False, observed=True)
        ]
        rest = f" and {count(more, 'more pair')}" if more > 0 else ""
        names = ", ".join(pairs) if rest else listing(pairs)
        said.append(f"No trial completed for {names}{rest}.")
    return tuple(said)


def missing(run: RunData) -> str:
    """Why there are no pairs."""
    if completed_search(run.trials).empty:
        return "No trial of the search completed, so no pair has a score."
    several = search_trials(run.trials)["optimizer"].nunique() > 1
    return f"The search tried one {'activation' if several else 'optimizer'} alone, so there are no pairs."


TABLES = {"heatmap": heatmap}
FIGURE = FigureSpec(
    name="heatmap",
    table="heatmap",
    title="Optimizer × activation",
    caption=(
        "Each cell: the best score of the pair over everything else that varied, and how many of its "
        "trials completed. A cell with few trials tells little."
    ),
    missing=missing,
    draw=draw,
    alt=alt,
)
TABLES_SHOWN = (Shown("heatmap", "One row per pair"),)
HOW = (
    "For each pair, the best score among its completed search trials, over every learning rate and "
    "every other setting tried with it. Exploration deals its trials out evenly, then to values "
    "that had less than their part of all trials; exploitation, where there is any, adds trials where "
    "scores are good.",
    "The best of few trials depends more on luck than the best of many: check the counts before you "
    "compare cells.",
)
