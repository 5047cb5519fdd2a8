"""Maps of layers over time, one panel for each activation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from sweeper.drawing.style import canvas

ACROSS = 4
"""Panels across; more go into further rows."""
MOST_LABELS = 7
"""Layers named on an axis."""


def panels_of(names: list[str]) -> tuple[Figure, list[Axes]]:
    """A figure with one panel for each of `names`, and none beyond."""
    columns = min(ACROSS, len(names))
    rows = -(-len(names) // columns)
    figure, panels = canvas(rows, columns, height=1.3 + 1.6 * rows, sharex=True, sharey=True)
    for index, axes in enumerate(panels):
        if index >= len(names):
            figure.delaxes(axes)
            continue
        axes.set_ylabel("layer" if index % columns == 0 else "")
        if index + columns >= len(names):
            axes.tick_params(labelbottom=True)
            axes.set_xlabel("step")
    return figure, panels[: len(names)]


def layer_map(
    axes: Axes, rows: pd.DataFrame, colors: Any, norm: Normalize, layers: Sequence[int]
) -> QuadMesh:
    """Column `median` of `rows` by step and layer; cells without a value stay empty.

    `layers`: those measured in any panel, in order, one row of equal height each. Layers between them that
    have nothing to measure have none.
    """
    table = rows.pivot(index="layer", columns="step", values="median").reindex(layers)
    x, y = (np.arange(count + 1) - 0.5 for count in reversed(table.shape))
    mesh = axes.pcolormesh(x, y, table.to_numpy(float), cmap=colors, norm=norm, rasterized=True)
    ticks = np.unique([0, table.shape[1] // 2, table.shape[1] - 1])
    shown = range(0, len(layers), -(-len(layers) // MOST_LABELS))
    axes.set_yticks(list(shown), [str(layers[k]) for k in shown])
    # trainings of unlike length: the last column has the end of each
    unlike = rows.groupby("step")["trials"].max().nunique() > 1
    names = [f"{step}" for step in table.columns[:-1]] + ["end" if unlike else f"{table.columns[-1]}"]
    axes.set_xticks(ticks, [names[k] for k in ticks])
    axes.grid(False)
    return mesh
