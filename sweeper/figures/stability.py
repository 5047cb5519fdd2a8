"""Sharpness × learning rate against the limit of the optimizer, one line per trial."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import HUES, Look, canvas, handle, legend_below, looks, number, themed
from sweeper.figures.spec import FigureSpec

LIMIT: dict[str, Any] = {"color": HUES[4], "linewidth": 1.2, "linestyle": "--"}
HIGHEST = 1000.0
"""Where larger ratios are drawn: a loss that explodes is sharper by any factor."""
SHORTEST = 1.0
"""Steps 0 and 1 share a place on the logarithmic axis, one step apart: steps are shown from 1."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for the best trials and one for those that diverged; a cross ends the line of the latter."""
    known = frame.dropna(subset=["ratio"])
    known = known[known["ratio"] > 0]
    lost = known["outcome"] == "diverged"
    sides = [("best trials", known[~lost]), ("diverged trials, until they did", known[lost])]
    sides = [(title, rows) for title, rows in sides if len(rows)] or [("no trial with a limit", known)]
    styles = looks(list(dict.fromkeys(known["label"])))
    figure, panels = canvas(1, len(sides), height=4.2 + 0.2 * len(styles) / 2, sharey=True)
    for axes, (title, rows) in zip(panels, sides, strict=True):
        for name, line in rows.groupby("label", sort=False):
            _line(axes, line, styles[str(name)])
        axes.axhline(1, zorder=1, **LIMIT)
        axes.set(title=title, xlabel="updates made, plus 1 (log)")
        if rows.empty:
            axes.set_xlim(1, 10)
        log_axis(axes.xaxis)
    panels[0].set_ylabel("η·λ ÷ limit of the optimizer (log)")
    log_axis(panels[0].yaxis)
    entries = {name: handle(look) for name, look in styles.items()}
    legend_below(figure, {**entries, "limit of the linear theory": Line2D([], [], **LIMIT)}, ncols=2)
    return figure


def _line(axes: Axes, rows: pd.DataFrame, look: Look) -> None:
    axes.plot(
        rows["step"] + SHORTEST,
        rows["ratio"].clip(upper=HIGHEST),
        marker=look.marker,
        color=look.color,
        linestyle=look.linestyle,
        markeredgecolor="white",
        zorder=2,
    )
    if rows["outcome"].iloc[0] == "diverged":
        last = rows.iloc[-1]
        axes.plot(
            last["step"] + SHORTEST,
            min(last["ratio"], HIGHEST),
            marker="x",
            color=look.color,
            markersize=10,
            markeredgewidth=2,
            zorder=3,
        )


def alt(frame: pd.DataFrame) -> str:
    """First, largest and last ratio of every trial."""
    said = []
    for name, rows in frame.dropna(subset=["ratio"]).groupby("label", sort=False):
        ratios = rows["ratio"]
        said.append(
            f"{name} ({rows['outcome'].iloc[0]}): {number(ratios.iloc[0])} first, {number(ratios.max())} at "
            f"most, {number(ratios.iloc[-1])} at step {rows['step'].iloc[-1]}"
        )
    return (
        f"Learning rate times sharpness over the optimizer's limit. {'; '.join(said) or 'no limits known'}."
    )


FIGURE = FigureSpec(
    title="Sharpness against the limit of stability",
    table="stability",
    caption="Learning rate × largest Hessian eigenvalue of the training loss (preconditioned for optimizers "
    "that divide the gradient), over the largest value at which the optimizer is stable on a quadratic. "
    "Above the dashed line a step grows along the sharpest direction; whether a training settles at the line "
    "is seen, not assumed. ×: last look before the trial diverged. Ratios above 1,000 are drawn at 1,000.",
    missing="Sharpness was not measured: no trial was trained again for it, or the model has no second "
    "derivative.",
    draw=draw,
    alt=alt,
)
