"""The weight of the activation penalty against loss and against the size of the activations."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.drawing.scales import decade_below, loss_axis, weight_axis
from sweeper.drawing.style import (
    HUES,
    canvas,
    dots,
    handle,
    legend,
    legend_height,
    looks,
    number,
    themed,
    words,
)
from sweeper.figures.spec import FigureSpec


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Trials of ``tables.penalty`` as points by activation, medians of each decade as bars."""
    measured = int(frame["activation_size"].notna().any())
    styles = looks(sorted(frame["activation"].unique()))
    figure, panels = canvas(1, 1 + measured, height=3.6 + legend_height(len(styles) + 1))
    sides = [("objective", "bin_objective"), ("activation_size", "bin_size")]
    labels = [f"best {words(frame['metric'].iloc[0])}", "activation size (RMS)"]
    for axes, (value, middle), label in zip(panels, sides, labels, strict=False):
        for name, look in styles.items():
            part = frame[frame["activation"] == name]
            axes.plot(
                part["activation_penalty"],
                part[value],
                look.marker,
                color=look.color,
                alpha=0.7,
                markeredgecolor="white",
                **dots(len(frame), 0.5),
                label=name,
            )
        _medians(axes, frame, middle)
        weights = frame["activation_penalty"]
        weight_axis(axes, float(weights[weights > 0].min()), float(weights.max()))
        axes.set(xlabel="penalty weight (log, 0 at the left)", ylabel=label)
        loss_axis(axes.yaxis, frame[value])
    entries = {name: handle(look, line=False) for name, look in styles.items()}
    entries["median per decade"] = Line2D([], [], **_MEDIAN)
    legend(figure, entries, "activation")
    return figure


_MEDIAN: dict[str, Any] = {"color": HUES[4], "linewidth": 2.5}


def _medians(axes: Axes, frame: pd.DataFrame, column: str) -> None:
    bins = frame.drop_duplicates("bin_low")
    width = 0.3 * decade_below(frame.loc[frame["activation_penalty"] > 0, "activation_penalty"].min())
    zero = bins["bin_high"] == 0
    axes.hlines(
        bins[column],
        bins["bin_low"].mask(zero, -width),
        bins["bin_high"].mask(zero, width),
        zorder=3,
        **_MEDIAN,
    )


def alt(frame: pd.DataFrame) -> str:
    """Medians at weight 0 and in each decade."""
    said = []
    for row in frame.drop_duplicates("bin_low").to_dict("records"):
        size = "" if pd.isna(row["bin_size"]) else f", activation size {number(row['bin_size'])}"
        at = (
            "without penalty"
            if row["bin_high"] == 0
            else f"weights {row['bin_low']:.0e} to {row['bin_high']:.0e}"
        )
        said.append(f"{at} {number(row['bin_objective'])}{size} (n = {row['bin_trials']})")
    metric = words(frame["metric"].iloc[0])
    return f"Median best {metric} by weight of the activation penalty: {'; '.join(said)}."


FIGURE = FigureSpec(
    title="Activation penalty",
    table="penalty",
    caption="Completed trials of the search; bars are medians of each decade of the weight, and of the "
    "trials without penalty. All other settings vary, so a difference between bars is a hint, not an effect. "
    "Size is the root mean square of all activations at the end of training.",
    missing="The weight of the activation penalty was not varied among the completed trials of the search.",
    draw=draw,
    alt=alt,
)
