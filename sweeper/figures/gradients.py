"""The vanishing-gradient picture: the backpropagated signal by layer, one line per activation."""

import math

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.drawing.scales import layer_axis, log_axis
from sweeper.drawing.style import BAND_ALPHA, MANY, Look, canvas, handle, legend, legend_height, looks, themed
from sweeper.figures.convergence import lineplot_options
from sweeper.figures.spec import FigureSpec


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each moment of ``tables.gradients``; norms of exactly 0 have no place on the log axis."""
    moments = list(dict.fromkeys(frame["moment"]))
    styles = looks(list(dict.fromkeys(frame["activation"])))
    figure, panels = canvas(1, len(moments), height=3.8 + legend_height(len(styles)), sharey=True)
    for axes, moment in zip(panels, moments, strict=True):
        profile_panel(axes, frame[frame["moment"] == moment], styles)
        axes.set(title=moment, ylabel="gradient norm ‖dL/da‖ (log)")
        layer_axis(axes)
    if (frame["median"] > 0).any():
        log_axis(panels[0].yaxis)
    entries = {f"{name}  {_slopes(frame, name)}": handle(look) for name, look in styles.items()}
    legend(
        figure, entries, "mean decades per layer,\nbackwards" + (": start → end" if len(moments) > 1 else "")
    )
    return figure


def profile_panel(axes: Axes, rows: pd.DataFrame, styles: dict[str, Look]) -> None:
    """Median by layer, a line and a quartile band for each activation."""
    present = {name: look for name, look in styles.items() if (rows["activation"] == name).any()}
    options = {**lineplot_options("activation", present), "markevery": None}
    sns.lineplot(rows, x="layer", y="median", ax=axes, **options)
    for name, line in rows.groupby("activation") if len(styles) <= MANY else ():
        color = styles[str(name)].color
        axes.fill_between(
            line["layer"], line["low"], line["high"], color=color, alpha=BAND_ALPHA, linewidth=0
        )


def _slopes(frame: pd.DataFrame, name: str) -> str:
    lines = frame[frame["activation"] == name].drop_duplicates("moment")
    return " → ".join(_signed(slope) for slope in lines["decades_per_layer"])


def _signed(slope: float) -> str:
    return "–" if math.isnan(slope) else f"{round(slope, 2) + 0.0:+.2f}".replace("-", "−")


def alt(frame: pd.DataFrame) -> str:
    """How the norm changes from the last layer to the first, activation by activation, at each moment."""
    said = []
    for moment, rows in frame.groupby("moment", sort=False):
        lines = [_change(str(name), line) for name, line in rows.groupby("activation")]
        said.append(f"At {'the ' if str(moment).startswith('end') else ''}{moment}: {'; '.join(lines)}.")
    return f"Median gradient norm by layer, {frame['layer'].nunique()} layers. {' '.join(said)}"


def _change(name: str, line: pd.DataFrame) -> str:
    norms = line.sort_values("layer")["median"]
    ends = f"{norms.iloc[-1]:.2g} at the last layer, {norms.iloc[0]:.2g} at the first"
    slope = line["decades_per_layer"].iloc[0]
    return f"{name} {ends}" + (
        "" if math.isnan(slope) else f" ({_signed(slope)} decades per layer backwards, mean over networks)"
    )


FIGURE = FigureSpec(
    title="Vanishing and exploding gradients",
    table="gradients",
    caption="Norm of the gradient of the loss with respect to each layer's activations, median and "
    "quartiles over trials of the search. Backpropagation runs from right to left: a line that "
    "falls to the left is a gradient that vanishes on its way to the input, and plain gradient descent "
    "hardly moves the layers there. In the legend, the change of log10(norm) per layer, fitted network by "
    "network and averaged, so that networks that differ may pull it away from the slope of the line.",
    missing="No gradient norms were recorded: no trial of the search was measured, or its model has no "
    "activation layers.",
    draw=draw,
    alt=alt,
)
