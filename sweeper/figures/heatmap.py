"""Optimizer × activation: the best loss of each pair."""

import math
from itertools import product
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from sweeper.drawing.scales import LOG_FROM, log_axis
from sweeper.drawing.style import canvas, ink, number, themed, words
from sweeper.figures.spec import FigureSpec

COLORS = "viridis"
"""Even in lightness, so that dark is better in grey too."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A cell for each pair of ``tables.heatmap``: best loss, and completed of all trials below."""
    best = frame.pivot(index="activation", columns="optimizer", values="best")
    texts = frame.assign(text=_texts(frame)).pivot(index="activation", columns="optimizer", values="text")
    norm = _norm(frame["best"])
    height = max(3.0, 1.2 + 0.46 * len(best))
    figure, (axes,) = canvas(height=height)
    sns.heatmap(
        best,
        cmap=COLORS,
        norm=norm,
        ax=axes,
        linewidths=1,
        linecolor="white",
        xticklabels=True,
        yticklabels=True,
        cbar_kws={"shrink": min(1.0, 5 / height), "aspect": 18, "anchor": (0, 1)},
    )
    _write(axes, best, texts, norm)
    axes.set_facecolor("0.93")
    axes.grid(False)
    axes.set(xlabel="optimizer", ylabel="activation")
    axes.tick_params(axis="y", rotation=0)
    axes.tick_params(axis="both", length=0)
    bar: Any = axes.collections[0].colorbar
    bar.set_label(f"best {words(frame['metric'].iloc[0])}\n(lower is better)")
    if isinstance(norm, LogNorm):
        log_axis(bar.ax.yaxis)
    return figure


def _write(axes: Axes, best: pd.DataFrame, texts: pd.DataFrame, norm: Normalize) -> None:
    rows, columns = best.shape
    size = 9 if columns <= 6 else 7
    for row, column in product(range(rows), range(columns)):
        color = _ink(float(best.to_numpy()[row, column]), norm)
        place = (column + 0.5, row + 0.5)
        axes.text(*place, str(texts.iat[row, column]), ha="center", va="center", fontsize=size, color=color)


def _ink(value: float, norm: Normalize) -> str:
    return "0.3" if math.isnan(value) else ink(matplotlib.colormaps[COLORS](norm(value)))


def _texts(frame: pd.DataFrame) -> list[str]:
    return [
        "not tried"
        if row["trials"] == 0
        else f"none of {row['trials']}"
        if math.isnan(row["best"])
        else f"{number(row['best'])}\n{row['completed']} of {row['trials']}"
        for row in frame.to_dict("records")
    ]


def _norm(values: "pd.Series") -> Normalize:
    low, high = float(values.min()), float(values.max())
    return LogNorm(low, high) if low > 0 and high / low > LOG_FROM else Normalize(low, high)


def alt(frame: pd.DataFrame) -> str:
    """The best and the worst pair, and those that never completed."""
    done = frame.dropna(subset=["best"]).sort_values("best")
    first, last = done.iloc[0], done.iloc[-1]
    lost = int(((frame["trials"] > 0) & frame["best"].isna()).sum())
    text = f"Best {words(frame['metric'].iloc[0])} for {len(done)} pairs of optimizer and activation: lowest "
    text += f"{number(first['best'])} for {first['optimizer']} with {first['activation']}, highest "
    text += f"{number(last['best'])} for {last['optimizer']} with {last['activation']}"
    return text + (f"; tried without one completed trial: {lost} pairs." if lost else ".")


FIGURE = FigureSpec(
    title="Optimizer × activation",
    table="heatmap",
    caption="Each cell: the best score of the pair over everything else that varied, and how many of its "
    "trials completed. Few trials in a cell mean that its best was hardly searched for.",
    missing="No trial of the search completed, so no pair has a score.",
    draw=draw,
    alt=alt,
)
