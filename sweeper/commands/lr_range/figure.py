"""The learning-rate range test: loss after a few steps against the rate, a panel for each optimizer."""

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.commands.lr_range.trials import VALIDATION
from sweeper.components.metric_words import metric_words
from sweeper.drawing.scales import log_axis, loss_axis
from sweeper.drawing.style import HUES, MARKERS, GroupStyle, canvas, group_styles, legend_below, themed
from sweeper.trial import raised
from sweeper.wording import number

COLUMNS = 2
MARGIN = 1.2
"""Factor by which the axis of rates goes beyond those tested, so that no marker is cut."""
HEADROOM = 1.25
"""Losses are shown up to this multiple of the largest start; what lies higher has diverged."""


@themed
def draw(frame: pd.DataFrame, metric: str = VALIDATION) -> Figure:
    """Rates of `lr_range` as faint dots, running medians as lines, suggestions as large markers."""
    optimizers = list(dict.fromkeys(frame["optimizer"]))
    styles = group_styles(list(dict.fromkeys(frame["group"])))
    columns = min(COLUMNS, len(optimizers))
    rows = math.ceil(len(optimizers) / columns)
    figure, panels = canvas(rows, columns, height=1.4 + 2.6 * rows, sharey=True)
    top = float(raised(frame["start"], HEADROOM).max())
    for axes, optimizer in zip(panels, optimizers, strict=False):
        part = frame[frame["optimizer"] == optimizer]
        for name, group in part.groupby("group", sort=False):
            _line(axes, group[group["loss"] <= top], styles[str(name)])
        for start, groups in part.groupby("start")["group"]:  # before training the optimizer tells nothing
            alone = groups.nunique() == 1 and part["start"].nunique() > 1
            color = styles[str(groups.iloc[0])].color if alone else "0.5"
            axes.axhline(float(start), color=color, linewidth=1, linestyle=":", zorder=1)
        if part["guessing"].notna().any():
            axes.axhline(float(part["guessing"].iloc[0]), color="0.5", linewidth=1, linestyle="--", zorder=1)
        ends = part["learning_rate"].min() / MARGIN, part["learning_rate"].max() * MARGIN
        axes.set(title=optimizer, xlim=ends)
        axes.set_xlabel("learning rate (log)")
        log_axis(axes.xaxis, most=7)
    for axes in panels[len(optimizers) :]:
        figure.delaxes(axes)
    shown = frame.loc[frame["loss"] <= top, "loss"]
    for axes in panels[: len(optimizers) : columns]:
        axes.set_ylabel(f"{metric_words(metric)} after the test")
    loss_axis(panels[0].yaxis, shown)
    legend_below(figure, _entries(styles, frame), ncols=4)
    return figure


def _line(axes: Axes, rows: pd.DataFrame, style: GroupStyle) -> None:
    alive = rows[~rows["diverged"]]
    axes.plot(
        alive["learning_rate"], alive["loss"], ".", color=style.color, alpha=0.35, markersize=4, zorder=2
    )
    axes.plot(
        rows["learning_rate"],
        rows["smooth"].where(rows["smooth"] <= raised(rows["start"], HEADROOM)),
        color=style.color,
        linestyle=style.linestyle,
        linewidth=1.5,
        zorder=3,
    )
    drawn = rows.dropna(subset=["suggestion", "smooth"])
    if drawn.empty:
        return
    near = drawn.iloc[int((drawn["learning_rate"] / drawn["suggestion"]).map(math.log).abs().argmin())]
    axes.plot(
        near["suggestion"],
        near["smooth"],
        style.marker,
        color=style.color,
        markersize=9,
        markeredgecolor="black",
        zorder=4,
    )


def _entries(styles: dict[str, GroupStyle], frame: pd.DataFrame) -> dict[str, Line2D]:
    entries = {
        name: Line2D([], [], color=style.color, marker=style.marker, linestyle=style.linestyle)
        for name, style in styles.items()
    }
    if frame["suggestion"].notna().any():
        entries["suggestion"] = Line2D(
            [], [], color="white", marker=MARKERS[0], linestyle="none", markersize=9, markeredgecolor="black"
        )
    entries["loss before training"] = Line2D([], [], color=HUES[-1], linewidth=1, linestyle=":")
    if frame["guessing"].notna().any():
        entries["loss of guessing"] = Line2D([], [], color=HUES[-1], linewidth=1, linestyle="--")
    return entries


def alt(frame: pd.DataFrame) -> str:
    """The suggestion and the divergence boundary of each combination."""
    sentences = []
    for row in frame.drop_duplicates(["optimizer", "group"]).to_dict("records"):
        where = f"{row['optimizer']}, {row['group']}"
        if pd.isna(row["suggestion"]):
            sentences.append(f"{where}: {row['verdict']}")
            continue
        beyond = (
            "nothing diverged" if pd.isna(row["boundary"]) else f"diverges from {number(row['boundary'], 2)}"
        )
        sentences.append(
            f"{where}: {number(row['suggestion'], 2)} ({beyond}, lowest loss {number(row['best_loss'])} at "
            f"{number(row['best_rate'], 2)})"
        )
    return f"Validation loss after a short training against learning rate. {'; '.join(sentences)}."
