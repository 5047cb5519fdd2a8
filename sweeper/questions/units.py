"""Saturated and dead units."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sweeper.drawing.lines import profile_panel
from sweeper.drawing.scales import layer_axis, share_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend, legend_height, themed
from sweeper.questions.layers import layer_profile
from sweeper.questions.question import FigureSpec, Question, Shown, Tables, named
from sweeper.questions.run_data import RunData, once
from sweeper.wording import listing, percent


@once
def units(run: RunData) -> pd.DataFrame:
    """`layer_profile` of the shares `saturated` and `dead`, both in [0, 1]; see `sweeper.measures`."""
    return layer_profile(run, ("saturated", "dead"))


MEASURES = {"saturated": "saturated share", "dead": "dead share of units"}


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """Panels of `units`: measures downwards, moments across."""
    moments = list(dict.fromkeys(frame["moment"]))
    measures = [name for name in MEASURES if (frame["measure"] == name).any()]
    styles = group_styles(list(dict.fromkeys(frame["activation"])))
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
    legend(figure, {name: handle(style) for name, style in styles.items()}, "activation")
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


NAMED = 0.01
"""Dead shares from here on are named."""
WORTH_SAYING = 0.05
"""Saturated shares from here on are named."""


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """The layer with the largest dead and the largest saturated share, for each activation, at the end."""
    frame = tables["units"]
    moment = frame["moment"].iloc[-1]
    last = frame[frame["moment"] == moment]
    when = "At the end of training" if str(moment).startswith("end") else "At initialisation"
    said = []
    dead = _worst(last[last["measure"] == "dead"], NAMED)
    if (last["measure"] == "dead").any():
        said.append(
            f"{when} some units are dead with {listing(dead)}."
            if dead
            else f"{when} no layer has more than {percent(NAMED)} dead units, whatever the activation."
        )
    saturated = _worst(last[last["measure"] == "saturated"], WORTH_SAYING)
    if (last["measure"] == "saturated").any():
        said.append(
            f"Saturated: {listing(saturated)}."
            if saturated
            else f"No layer has more than {percent(WORTH_SAYING)} saturated elements."
        )
    return tuple(said)


def _worst(rows: pd.DataFrame, least: float) -> list[str]:
    worst = rows.loc[rows.groupby("activation")["median"].idxmax()].sort_values("median", ascending=False)
    return [
        f"{named(row['activation'])} (up to {percent(row['median'])}, in layer {row['layer']})"
        for row in worst.to_dict("records")
        if row["median"] >= least
    ]


QUESTION = Question(
    key="units",
    question="Are units saturated or dead?",
    tables={"units": units},
    figure=FigureSpec(
        name="units",
        table="units",
        title="Saturated and dead units",
        caption=(
            "Saturated: elements whose slope |φ′| is below 5 % of the activation's steepest; a fresh ReLU "
            "layer has about half of them by design. Dead: units whose slope is exactly 0 on every row of "
            "the evaluation batch; no gradient reaches them. Medians and quartiles over trials of the "
            "search."
        ),
        missing=(
            "No shares were recorded: no trial of the search was measured, or its activations are not "
            "elementwise."
        ),
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(Shown("units", "One row per moment, activation, layer and measure"),),
    how=(
        "On one fixed batch of validation rows. An element is saturated when the slope |φ′| of the "
        "activation there is below 5 % of its steepest; it passes hardly any gradient. A unit is dead when "
        "its slope is exactly 0 on every row of the batch: it passes none, and cannot recover by itself.",
        "A ReLU is flat for every negative input, so about half of a fresh ReLU layer counts as saturated by "
        "design; what matters there is the dead share. Shares are medians over the trials of the search that "
        "share an activation.",
    ),
)
