"""Saturated and dead units by layer."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sweeper.drawing.scales import layer_axis, share_axis
from sweeper.drawing.style import canvas, handle, legend, legend_height, looks, themed
from sweeper.figures.gradients import profile_panel
from sweeper.figures.spec import FigureSpec

MEASURES = {"saturated": "saturated share", "dead": "dead share of units"}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Panels of ``tables.units``: measures downwards, moments across."""
    moments = list(dict.fromkeys(frame["moment"]))
    measures = [name for name in MEASURES if (frame["measure"] == name).any()]
    styles = looks(list(dict.fromkeys(frame["activation"])))
    height = 1 + 2.4 * len(measures) + legend_height(len(styles))
    figure, panels = canvas(len(measures), len(moments), height=height, sharex=True, sharey=True)
    for index, axes in enumerate(panels):
        row, column = divmod(index, len(moments))
        part = frame[(frame["measure"] == measures[row]) & (frame["moment"] == moments[column])]
        profile_panel(axes, part, styles)
        axes.set(ylabel=MEASURES[measures[row]], title=moments[column] if row == 0 else "")
        layer_axis(axes)
        share_axis(axes)
        axes.label_outer()
    legend(figure, {name: handle(look) for name, look in styles.items()}, "activation")
    return figure


def alt(frame: pd.DataFrame) -> str:
    """The layer with the largest median share of each measure, for each activation, at the last moment."""
    moment = frame["moment"].iloc[-1]
    said = []
    for measure, rows in frame[frame["moment"] == moment].groupby("measure", sort=False):
        worst = rows.loc[rows.groupby("activation")["median"].idxmax()]
        lines = [
            f"{r['activation']} {100 * r['median']:.0f} % (layer {r['layer']}{_called(r)})"
            for r in worst.to_dict("records")
        ]
        said.append(f"Largest {measure} share, {moment}: {', '.join(lines)}.")
    return " ".join(said)


def _called(row: Mapping[Any, Any]) -> str:
    name = row.get("layer_name")
    return f", {name}" if name else ""


FIGURE = FigureSpec(
    title="Saturated and dead units",
    table="units",
    caption="Saturated: elements whose slope |φ′| is below 5 % of the activation's steepest; a fresh ReLU "
    "layer has about half of them by design. Dead: units whose slope is exactly 0 on every row of the "
    "evaluation batch; no gradient reaches them. Medians and quartiles over trials of the search.",
    missing="No shares were recorded: no trial of the search was measured, or its activations are not "
    "elementwise.",
    draw=draw,
    alt=alt,
)
