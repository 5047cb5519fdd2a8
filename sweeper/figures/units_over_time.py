"""Saturated and dead units, layer by layer, while training goes on."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sweeper.drawing.style import canvas, themed
from sweeper.figures.spec import FigureSpec

COLORS = "Blues"
MEASURES = {"saturated": "saturated", "dead": "dead"}
COLUMNS = 6
"""Activations across; more go into further rows."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A map for each measure and activation of ``tables.units_over_time``: looks across, layers upwards."""
    measures = [name for name in MEASURES if (frame["measure"] == name).any()]
    names = sorted(frame["activation"].unique())
    columns = min(COLUMNS, len(names))
    deep = -(-len(names) // columns)
    height = 1.2 + len(measures) * deep * 1.45
    figure, panels = canvas(len(measures) * deep, columns, height=height, sharex=True, sharey=True)
    used = []
    for index, axes in enumerate(panels):
        row, column = divmod(index, columns)
        kind, place = divmod(row, deep)
        if place * columns + column >= len(names):
            figure.delaxes(axes)
            continue
        name, measure = names[place * columns + column], measures[kind]
        _map(axes, frame[(frame["measure"] == measure) & (frame["activation"] == name)])
        axes.set_title(name, fontsize=9)
        axes.set_ylabel(f"{measure}\nlayer" if column == 0 else "")
        used.append(axes)
    for axes in used[-columns:]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("step")
    bar = figure.colorbar(
        used[0].collections[0], ax=used, shrink=0.8, aspect=12 * deep * len(measures), label="median share"
    )
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    return figure


def _map(axes: Axes, rows: pd.DataFrame) -> None:
    table = rows.pivot(index="layer", columns="step", values="median")
    x, y = np.arange(table.shape[1] + 1) - 0.5, np.append(table.index.to_numpy(), table.index[-1] + 1) - 0.5
    axes.pcolormesh(x, y, table.to_numpy(), cmap=COLORS, norm=Normalize(0, 1), rasterized=True)
    ticks = np.unique([0, table.shape[1] // 2, table.shape[1] - 1])
    axes.set_xticks(ticks, [f"{table.columns[k]}" for k in ticks])
    axes.grid(False)


def alt(frame: pd.DataFrame) -> str:
    """The largest share at the last look, and how it began, for each measure."""
    said = []
    for measure, rows in frame.groupby("measure", sort=False):
        last = rows[rows["step"] == rows.groupby("activation")["step"].transform("max")]
        worst = last.loc[last["median"].idxmax()]
        same = (rows["activation"] == worst["activation"]) & (rows["layer"] == worst["layer"])
        first = rows[same].sort_values("step").iloc[0]
        said.append(
            f"largest {measure} share: {worst['activation']}, layer {worst['layer']}, from "
            f"{100 * first['median']:.0f} % to {100 * worst['median']:.0f} % at step {worst['step']}"
        )
    return f"Median shares by layer and step. {'; '.join(said)}."


FIGURE = FigureSpec(
    title="Saturated and dead units while training",
    table="units_over_time",
    caption="Median shares over completed trials, layer 0 at the bottom, looks at logarithmic steps from "
    "left to right. Colours that deepen to the right are units that training lost; colours that are deep "
    "from the start come from the initialisation (a fresh ReLU layer is half saturated by design).",
    missing="No shares were recorded at more than one step.",
    draw=draw,
    alt=alt,
)
