"""How the gradient norm of each layer moves while training goes on."""

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from sweeper.drawing.scales import log_axis
from sweeper.drawing.style import themed
from sweeper.questions.layer_maps import layer_map, panels_of
from sweeper.questions.layers import over_time
from sweeper.questions.question import FigureSpec, Shown
from sweeper.questions.run_data import RunData
from sweeper.wording import number

COLUMNS = ["activation", "step", "layer", "median", "trials", "depth"]
SPAN = 1e8
"""Largest to smallest colour: what is smaller has the smallest."""


def gradients_over_time(run: RunData) -> pd.DataFrame:
    """Median norm of the gradient at each layer's activations by measurement: columns as in `COLUMNS`.

    Measurements as in `over_time`. Empty where there is only one.
    """
    frame = over_time(run, "gradient_norm")
    return frame[COLUMNS] if frame["step"].nunique() > 1 else pd.DataFrame(columns=COLUMNS)


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A map for each activation of `gradients_over_time`, all on one logarithmic scale of colours."""
    names, layers = sorted(frame["activation"].unique()), sorted(frame["layer"].unique())
    figure, panels = panels_of(names)
    some = frame.loc[frame["median"] > 0, "median"]
    high = float(some.max()) if len(some) else 1.0
    norm = LogNorm(max(float(some.min()) if len(some) else 0.1, high / SPAN), high * (1 + 1e-9))
    shown = frame.assign(median=frame["median"].where(frame["median"] > 0, np.nan).clip(lower=norm.vmin))
    for axes, name in zip(panels, names, strict=True):
        axes.set_facecolor("0.6")
        mesh = layer_map(axes, shown[shown["activation"] == name], "viridis", norm, layers)
        axes.set_title(name, fontsize=9)
    bar = figure.colorbar(mesh, ax=panels, shrink=0.9, label="gradient norm")
    log_axis(bar.ax.yaxis)
    return figure


def alt(frame: pd.DataFrame) -> str:
    """First and last layer at the first and at the last measurement, for each activation."""
    said = []
    for name, rows in frame.groupby("activation"):
        table = rows.pivot(index="layer", columns="step", values="median")
        if len(table) == 1:
            first, last = number(table.iloc[0, 0]), number(table.iloc[0, -1])
            said.append(f"{name}: {first} at the first measurement, {last} at the last")
            continue
        ends = [
            f"{number(table.iloc[0, k])} in layer {table.index[0]}, {number(table.iloc[-1, k])} in layer "
            f"{table.index[-1]} {at}"
            for k, at in ((0, f"at step {table.columns[0]}"), (-1, "at the end"))
        ]
        said.append(f"{name}: {'; '.join(ends)}")
    return f"Median gradient norm by layer and step. {'. '.join(said)}."


TABLES = {"gradients_over_time": gradients_over_time}
FIGURE = FigureSpec(
    name="gradients_over_time",
    table="gradients_over_time",
    title="Gradient norm by layer and training time",
    caption=(
        "Median norm over completed trials, the first layer at the bottom, measurements at logarithmic "
        "steps from left to right, the last column at the end of each training, one scale of colours for "
        "all. A column of which the colours fall towards the low end of the scale on the way down is a "
        "gradient that vanishes towards the input at that time; grey: no gradient at all."
    ),
    missing="Gradient norms were recorded at one step only.",
    draw=draw,
    alt=alt,
)
TABLES_SHOWN = (Shown("gradients_over_time", "Medians by activation, step and layer"),)
