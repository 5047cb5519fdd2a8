"""Vanishing and exploding gradients, activation by activation."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EXPLORATORY, GRADIENT, OPEN, Claim
from sweeper.drawing.lines import profile_panel
from sweeper.drawing.scales import layer_axis, log_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend, legend_height, themed
from sweeper.questions import gradients_over_time
from sweeper.questions.gradient_verdicts import CUT, DECADES, HEALTHY, gradient_verdicts, norms
from sweeper.questions.layers import END, START, layer_profile
from sweeper.questions.question import WHY, FigureSpec, Question, Shown, Tables, named
from sweeper.questions.run_data import RunData, once
from sweeper.wording import from_to, given, layers, listing, number, signed, times

KEYS = ["moment", "activation"]


@once
def gradients(run: RunData) -> pd.DataFrame:
    """`norms` with `decades_per_layer`, the slope that `gradient_verdicts` states for moment and activation.

    It is the mean over networks: −0.5 means that the norm shrinks by √10 at each layer on the way back from
    the output to the input (vanishing), above 0 it grows (exploding). Networks that differ among themselves
    may have another mean slope than the line through their medians. Null where no slope can be fitted.
    """
    slopes = gradient_verdicts(run)[[*KEYS, "slope"]].rename(columns={"slope": "decades_per_layer"})
    return norms(run).merge(slopes, on=KEYS, how="left")


def layer_measures(run: RunData) -> pd.DataFrame:
    """Median of every measure for each moment, activation and layer: a column for each that was recorded."""
    measures = tuple(dict.fromkeys(run.layers["measure"]))
    rows = layer_profile(run, measures)
    if rows.empty:
        return rows[[*KEYS, "layer", "layer_name"]]
    wide = rows.pivot_table("median", [*KEYS, "layer", "layer_name"], "measure", sort=False, observed=True)
    return wide[[measure for measure in measures if measure in wide]].reset_index().rename_axis(columns=None)


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each moment of `gradients`; norms of exactly 0 have no place on the log axis."""
    moments = list(dict.fromkeys(frame["moment"]))
    styles = group_styles(list(dict.fromkeys(frame["activation"])))
    figure, panels = canvas(1, len(moments), height=3.8 + legend_height(len(styles)), sharey=True)
    for axes, moment in zip(panels, moments, strict=True):
        profile_panel(axes, frame[frame["moment"] == moment], styles)
        axes.set(title=moment, ylabel="gradient norm ‖dL/da‖ (log)")
        if frame["layer"].nunique() == 1:
            axes.set_xlim(frame["layer"].min() - 0.5, frame["layer"].max() + 0.5)
        layer_axis(axes)
    if (frame["median"] > 0).any():
        log_axis(panels[0].yaxis)
    if frame["decades_per_layer"].notna().any():
        entries = {f"{name}  {_slopes(frame, name)}": handle(style) for name, style in styles.items()}
        title = "mean decades per layer,\nbackwards" + (": start → end" if len(moments) > 1 else "")
    else:
        entries, title = {name: handle(style) for name, style in styles.items()}, "activation"
    legend(figure, entries, title)
    return figure


def _slopes(frame: pd.DataFrame, name: str) -> str:
    lines = frame[frame["activation"] == name].drop_duplicates("moment")
    return " → ".join("–" if math.isnan(slope) else signed(slope) for slope in lines["decades_per_layer"])


def alt(frame: pd.DataFrame) -> str:
    """How the norm changes from the last layer to the first, activation by activation, at each moment."""
    said = []
    for moment, rows in frame.groupby("moment", sort=False):
        lines = [_change(str(name), line) for name, line in rows.groupby("activation")]
        said.append(f"At {'the ' if str(moment).startswith('end') else ''}{moment}: {'; '.join(lines)}.")
    return f"Median gradient norm by layer, {frame['layer'].nunique()} layers. {' '.join(said)}"


def _change(name: str, line: pd.DataFrame) -> str:
    norms = line.sort_values("layer")["median"]
    ends = f"{number(norms.iloc[-1], 2)} at the last layer, {number(norms.iloc[0], 2)} at the first"
    slope = line["decades_per_layer"].iloc[0]
    return f"{name} {ends}" + (
        "" if math.isnan(slope) else f" ({signed(slope)} decades per layer backwards, mean over networks)"
    )


SMALL = 0.01
"""Layers whose norm is below this share of the last layer's are named."""
CHANGING = ("vanishing", "exploding")
MOMENTS = {START: "at initialisation", END: "at the end of training"}


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """A verdict for each activation at each moment, its slope, what to change, and starved layers."""
    frame, verdicts = tables["gradients"], tables["gradient_verdicts"]
    depth = frame["layer"].nunique()
    if depth < 2:
        return (
            "The models have one layer with activations, so no gradient can vanish between layers; inside of "
            "a recurrent layer, over time, one still can.",
        )
    said: list[Statement] = list(_verdicts(verdicts, depth))
    for activation, rows in verdicts.groupby("activation"):
        if rows["verdict"].isin([*CHANGING, CUT]).any():
            said.append(_numbers(named(str(activation)), rows.to_dict("records")))
    said += _changes(verdicts)
    moment = [moment for moment in (START, END) if (verdicts["moment"] == moment).any()][-1]
    last = frame[frame["moment"] == moment]
    starved = [text for name, rows in last.groupby("activation") if (text := _starved(str(name), rows))]
    if starved:
        said.append(
            f"Layers that get less than a hundredth of the last layer's gradient {MOMENTS[moment]}: "
            f"{'; '.join(starved)}."
        )
    return tuple(said)


def _verdicts(verdicts: pd.DataFrame, depth: int) -> Iterator[Claim]:
    """One claim for each moment and activation; those of which the interval leaves the verdict open say
    so."""
    for moment in (START, END):
        rows = [_judged(row) for row in verdicts[verdicts["moment"] == moment].to_dict("records")]
        order = sorted(rows, key=lambda row: ([*CHANGING, CUT, HEALTHY, ""].index(row[0]), row[1] != OPEN))
        for direction, status, row in order:
            yield Claim(
                GRADIENT,
                named(str(row["activation"])),
                direction,
                status,
                "gradients",
                f"{row['networks']} networks",
                MOMENTS[moment],
                (row["low"], row["high"]),
                detail=f"within a factor of 10 over {depth} layers" if direction == HEALTHY else "",
            )


def _judged(row: Mapping[Any, Any]) -> tuple[str, str, Mapping[Any, Any]]:
    """Direction and status of a verdict."""
    if row["verdict"] != CUT and not math.isfinite(row["slope"]):
        return "", EXPLORATORY, row
    return (str(row["verdict"]), EXPLORATORY, row) if row["sure"] else ("", OPEN, row)


def _changes(verdicts: pd.DataFrame) -> list[str]:
    """Suggestions, the last moment's where both moments have one."""
    asked = verdicts[verdicts["suggestion"] != ""].drop_duplicates("activation", keep="last")
    return [
        f"What to change with {named(row['activation'])}: {row['suggestion']}"
        for row in asked.to_dict("records")
    ]


def _numbers(activation: str, rows: list[dict[Any, Any]]) -> str:
    said: list[str] = []
    for row in rows:
        slope, unit = row["slope"], "" if said else " decades per layer"
        if not math.isfinite(slope):
            continue
        change = f"{times(row['total'])} {'less' if slope < 0 else 'more'}"
        compared = f"the first layer gets {change} than the last" if unit else change
        if math.isfinite(row["low"]) and math.isfinite(row["high"]):
            ends = f"95 % interval {signed(row['low'])} to {signed(row['high'])}"
            compared = f"{ends}{'' if row['sure'] else ', which leaves the verdict open'}; {compared}"
        said.append(f"{signed(slope)}{unit} {MOMENTS[row['moment']]} ({compared})")
    return f"{activation}: {listing(said) if said else 'no slope can be fitted'}."


def _starved(activation: str, rows: pd.DataFrame) -> str:
    norms = rows.set_index("layer")["median"]
    small = [int(layer) for layer, norm in norms.items() if norm < SMALL * norms[norms.index.max()]]
    called = rows.set_index("layer")["layer_name"] if "layer_name" in rows else {}
    names = [str(called[layer]) for layer in small if called[layer]] if len(called) else []
    return f"{named(activation)} {layers(small)}{from_to(names)}" if small else ""


QUESTION = Question(
    key="gradients",
    question="Do gradients vanish or explode?",
    part=WHY,
    tables={
        "gradients": gradients,
        "gradient_verdicts": gradient_verdicts,
        "layer_measures": layer_measures,
        **gradients_over_time.TABLES,
    },
    figure=FigureSpec(
        name="gradients",
        table="gradients",
        title="Vanishing and exploding gradients",
        caption=(
            "Norm of the gradient of the loss with respect to each layer's activations, median and "
            "quartiles over trials of the search. Backpropagation runs from right to left: a line that "
            "falls to the left is a gradient that vanishes on its way to the input, and plain gradient "
            "descent hardly moves the layers there. In the legend, the change of log10(norm) per layer, "
            "fitted network by network and averaged, so that networks that differ may pull it away from "
            "the slope of the line."
        ),
        missing=(
            "No gradient norms were recorded: no trial of the search was measured, or its model has no "
            "activation layers."
        ),
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    more=(gradients_over_time.FIGURE,),
    shown=(
        Shown("gradient_verdicts", "One row per moment and activation"),
        Shown("gradients", "One row per moment, activation and layer"),
        Shown("layer_measures", "All that is measured of a layer: medians over trials"),
    ),
    how=(
        "On one fixed batch of up to 128 validation rows, as training sees it (batch norm with the "
        "statistics of these rows, dropout off), the norm of the gradient of the loss with respect to each "
        "layer's activations: the signal that backpropagation hands to the layer. Layers are numbered in the "
        "order of the forward pass, from 0; an activation belongs to the layer whose weights come before it. "
        "Medians and quartiles "
        "over the trials of the search that share an activation; where depths differ, the trials of one "
        "depth.",
        "A straight line is fitted to log10 of the norm by layer, network by network, from the output back "
        "to the input; the slope is their mean, in decades per layer, with a 95 % interval over networks "
        f"(the figure's lines are through medians). Vanishing: it falls by {given(DECADES)} decade (a "
        "factor of "
        "10) or more from the last layer to the first; exploding: it grows by as much; healthy: in between.",
        "Layers with a small gradient hardly move under gradient descent, with or without momentum; "
        "optimizers that divide each gradient by its usual size can train where the norm has fallen.",
        "What helps against vanishing: an activation whose slope does not shrink the signal (ReLU, GELU "
        "…), an initialisation that fits it, fewer layers, or residual connections.",
    ),
)
