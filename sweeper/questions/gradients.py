"""Vanishing and exploding gradients, activation by activation."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import CONFIRMED, EXPLORATORY, GRADIENT, OPEN, Claim, best_values
from sweeper.drawing.lines import profile_panel
from sweeper.drawing.scales import decade_below, layer_axis, log_axis
from sweeper.drawing.style import canvas, group_styles, handle, legend, legend_height, themed
from sweeper.questions import gradients_over_time
from sweeper.questions.gradient_networks import COUNTED, CUT, DECADES, HEALTHY, MEASURE
from sweeper.questions.gradient_verdicts import gradient_verdicts, norms
from sweeper.questions.layers import END, START, layer_profile, of_depth, other_depths
from sweeper.questions.question import WHY, FigureSpec, Question, Shown, Tables, named
from sweeper.questions.run_data import RunData, once
from sweeper.questions.structures import structures
from sweeper.trial import MEASURED_ROWS
from sweeper.wording import count, from_to, given, layers, listing, number

KEYS = ["moment", "activation"]


@once
def gradients(run: RunData) -> pd.DataFrame:
    """`norms` with `decades_per_layer` and `ratio`, as `gradient_verdicts` states them.

    decades_per_layer is the mean slope over networks: −0.5 means that the norm shrinks by √10 at each layer
    on the way back from the output to the input (vanishing), above 0 it grows (exploding). ratio is the
    measured norm at the first layer over that at the last, of the median network. Null where not known.
    """
    stated = gradient_verdicts(run)[[*KEYS, "slope", "ratio"]].rename(columns={"slope": "decades_per_layer"})
    return norms(run).merge(stated, on=KEYS, how="left")


def layer_measures(run: RunData) -> pd.DataFrame:
    """Median of every measure for each moment, activation and layer: a column for each that was recorded.

    Over the trials of the search, and of the gradient norm over the networks of `gradients`.
    """
    measures = tuple(dict.fromkeys(run.layers["measure"]))
    own = [norms(run)] if MEASURE in measures else []
    rows = pd.concat([*own, layer_profile(run, tuple(name for name in measures if name != MEASURE))])
    if rows.empty:
        return rows[[*KEYS, "layer", "layer_name"]]
    wide = rows.pivot_table("median", [*KEYS, "layer", "layer_name"], "measure", sort=False, observed=True)
    frame = wide[[measure for measure in measures if measure in wide]].reset_index().rename_axis(columns=None)
    groups = frame.groupby(KEYS, sort=False, observed=True).ngroup()
    return frame.iloc[np.lexsort([frame["layer"], groups])].reset_index(drop=True)


def _above_the_edge(frame: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """With norms of 0 at the lower edge of a log axis, and where that is; 0: there are none, or no others."""
    columns = ["low", "median", "high"]
    above = frame[columns].where(frame[columns] > 0)
    if not (frame[columns] == 0).any(axis=None) or not (frame["median"] > 0).any():
        return frame, 0.0
    edge = decade_below(float(above.min(axis=None)) / 2)
    return frame.assign(**frame[columns].clip(lower=edge)), edge


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each moment of `gradients`; on the log axis norms of exactly 0 lie at the lower edge."""
    frame, edge = _above_the_edge(frame)
    moments = list(dict.fromkeys(frame["moment"]))
    styles = group_styles(list(dict.fromkeys(frame["activation"])))
    figure, panels = canvas(1, len(moments), height=3.8 + legend_height(len(styles)), sharey=True)
    for axes, moment in zip(panels, moments, strict=True):
        profile_panel(axes, frame[frame["moment"] == moment], styles)
        axes.set(title=moment, ylabel=f"gradient norm ‖dL/da‖ (log{', 0 at the edge' if edge else ''})")
        if frame["layer"].nunique() == 1:
            axes.set_xlim(frame["layer"].min() - 0.5, frame["layer"].max() + 0.5)
        layer_axis(axes)
    if (frame["median"] > 0).any():
        log_axis(panels[0].yaxis)
        if edge:
            panels[0].set_ylim(bottom=0.7 * edge)
    if frame["ratio"].notna().any():
        entries = {f"{name}  {_ratios(frame, name)}": handle(style) for name, style in styles.items()}
        title = "first layer's norm over the last's,\nmedian" + (": start → end" if len(moments) > 1 else "")
    else:
        entries, title = {name: handle(style) for name, style in styles.items()}, "activation"
    if max(map(len, entries)) > LONG:
        for axes in panels:
            axes.set_xlabel("layer, 0 first")
    legend(figure, entries, title)
    return figure


LONG = 24
"""Characters of a name in the legend from which panels are too narrow for a long label below."""


def _ratios(frame: pd.DataFrame, name: str) -> str:
    lines = frame[frame["activation"] == name].drop_duplicates("moment")
    return " → ".join(number(ratio, 2) for ratio in lines["ratio"])


def alt(frame: pd.DataFrame) -> str:
    """How the norm changes from the last layer to the first, activation by activation, at each moment."""
    said = []
    for moment, rows in frame.groupby("moment", sort=False):
        lines = [_change(str(name), line) for name, line in rows.groupby("activation")]
        said.append(f"At {'the ' if str(moment).startswith('end') else ''}{moment}: {'; '.join(lines)}.")
    return f"Median gradient norm by layer, {count(frame['layer'].nunique(), 'layer')}. {' '.join(said)}"


def _change(name: str, line: pd.DataFrame) -> str:
    norms = line.sort_values("layer")["median"]
    if len(norms) == 1:
        return f"{name} {number(norms.iloc[0], 2)}"
    ends = f"{number(norms.iloc[-1], 2)} at the last layer, {number(norms.iloc[0], 2)} at the first"
    ratio = line["ratio"].iloc[0]
    return f"{name} {ends}" + (
        "" if math.isnan(ratio) else f" (first over last, median of the networks: {number(ratio, 2)})"
    )


SMALL = 0.01
"""Layers whose norm is below this share of the last layer's are named."""
CHANGING = ("vanishing", "exploding")
MOMENTS = {START: "at initialisation", END: "at the end of training"}


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """A verdict for each activation at each moment, what its networks show, what to change, starved
    layers."""
    frame, verdicts = tables["gradients"], tables["gradient_verdicts"]
    depth = frame["layer"].nunique()
    if depth < 2:
        return (
            "One layer of activations is measured, so nothing is known of gradients between layers, nor of "
            "those within a recurrent layer, over time.",
        )
    said: list[Statement] = list(_verdicts(verdicts, depth, of_depth(run, MEASURE)))
    for activation, rows in verdicts.groupby("activation"):
        unlike = rows[[column for column, words in COUNTED.items() if words != HEALTHY]].to_numpy() > 0
        if ((rows["verdict"] != HEALTHY) | ~rows["sure"].astype(bool) | unlike.any(axis=1)).any():
            said.append(_numbers(named(str(activation)), rows.to_dict("records")))
    own = None if run.answer is None else structures(run).get(run.answer.trial)
    said += changes(verdicts, _confirmed(run, own))
    moment = [moment for moment in (START, END) if (verdicts["moment"] == moment).any()][-1]
    last = frame[frame["moment"] == moment]
    starved = [text for name, rows in last.groupby("activation") if (text := _starved(str(name), rows))]
    if starved:
        said.append(
            f"Layers that get less than a hundredth of the last layer's gradient {MOMENTS[moment]}: "
            f"{'; '.join(starved)}."
        )
    said += filter(None, [other_depths(run, MEASURE)])
    return tuple(said)


def _verdicts(verdicts: pd.DataFrame, depth: int, which: str) -> Iterator[Claim]:
    """One claim for each moment and activation; those of which the interval leaves the verdict open say
    so. `which`: the networks that were taken, as in `of_depth`."""
    for moment in (START, END):
        rows = [_judged(row) for row in verdicts[verdicts["moment"] == moment].to_dict("records")]
        some_cut = any(row["cut"] for direction, _, row in rows if direction == HEALTHY)
        healthy = f"on average within a factor of 10 over {depth} layers"
        healthy += ", where one reaches them all" * some_cut
        order = sorted(rows, key=lambda row: ([*CHANGING, CUT, HEALTHY, ""].index(row[0]), row[1] != OPEN))
        for direction, status, row in order:
            yield Claim(
                GRADIENT,
                named(str(row["activation"])),
                direction,
                status,
                "gradients",
                f"{row['networks']} networks",
                MOMENTS[moment] + (f",{which}" if which else ""),
                detail=healthy if direction == HEALTHY else "",
            )


def _judged(row: Mapping[Any, Any]) -> tuple[str, str, Mapping[Any, Any]]:
    """Direction and status of a verdict."""
    if row["verdict"] != CUT and not math.isfinite(row["slope"]):
        return "", EXPLORATORY, row
    return (str(row["verdict"]), EXPLORATORY, row) if row["sure"] else ("", OPEN, row)


def _confirmed(run: RunData, own: str | None) -> str | None:
    """The answer's activation, as the verdicts name it, where fresh seeds show it to be better than others:
    not where all finalists share it. `own`: its name where the model has several."""
    if run.answer is None or run.answer.standing != CONFIRMED:
        return None
    shown = best_values(run.trials, ["activation"], "gradients", run.defaults)
    is_shown = any(claim.status == CONFIRMED and not claim.alternatives for claim in shown)
    return (own or run.answer.parameters.get("activation")) if is_shown else None


def changes(verdicts: pd.DataFrame, confirmed: str | None) -> list[str]:
    """Suggestions, the last moment's where both moments have one; none against the activation that is
    `confirmed`."""
    asked = verdicts[verdicts["suggestion"] != ""].drop_duplicates("activation", keep="last")
    return [
        f"Fresh seeds confirm {row['activation']} all the same, so its gradients are no reason to change it."
        if row["activation"] == confirmed
        else f"What to change with {named(row['activation'])}: {row['suggestion']}"
        for row in asked.to_dict("records")
    ]


def _numbers(activation: str, rows: list[dict[Any, Any]]) -> str:
    """What the networks of an activation show at each moment."""
    said = [f"{_shown(row)} {MOMENTS[row['moment']]}" for row in rows]
    return f"Gradient norm at the first layer over that at the last with {activation}: {'; '.join(said)}."


def _shown(row: Mapping[Any, Any]) -> str:
    """``0.051 in one network``; ``median 0.3 (least 1e-6, largest 0.9) in 3 networks (all vanishing)``."""
    kinds = {words: int(row[column]) for column, words in COUNTED.items() if row[column]}
    total = sum(kinds.values())
    if not math.isfinite(row["ratio"]) or not total:
        return "not known, as no gradient reaches the last layer"
    if total == 1:
        return f"{number(row['ratio'], 2)} in one network"
    median, low, high = (number(row[name], 2) for name in ("ratio", "ratio_low", "ratio_high"))
    ends = f"median {median} (least {low}, largest {high})"
    if len(kinds) == 1:
        return f"{ends} in {total} networks (all {next(iter(kinds))})"
    parts = [f"{size} {words}" for words, size in kinds.items()]
    return f"{ends} in {total} networks ({listing(parts)})"


def _starved(activation: str, rows: pd.DataFrame) -> str:
    norms = rows.set_index("layer")["median"]
    small = [int(layer) for layer, norm in norms.items() if norm < SMALL * norms[norms.index.max()]]
    called = rows.set_index("layer")["layer_name"] if "layer_name" in rows else {}
    names = [str(called[layer]) for layer in small if called[layer]] if len(called) else []
    return f"{named(activation)} {layers(small)}{from_to(names)}" if small else ""


def judged(verdicts: pd.DataFrame) -> pd.DataFrame:
    """What the verdicts rest on, without the slopes and the layers that sentences name."""
    ends = ["ratio", "ratio_low", "ratio_high"]
    return verdicts[["moment", "activation", "verdict", "sure", *ends, *COUNTED, "trials", "depth", "layers"]]


def missing(run: RunData) -> str:
    """Why no gradient norm is on record; a model that cannot be measured says so itself."""
    return (
        "No layer of a trial of the search was measured."
        if run.layers.empty
        else "No gradient norm was measured at an activation layer."
    )


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
            "Norm of the gradient of the loss with respect to each layer's activations, median and quartiles "
            "over networks: before training all that start differently, those of fresh seeds too; after it "
            "the completed trials of the search. Backpropagation runs from right to left: a line that falls "
            "to the left is a gradient that vanishes on its way to the input, and plain gradient descent "
            "hardly moves the layers there."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    more=(gradients_over_time.FIGURE,),
    shown=(
        Shown("gradient_verdicts", "One row per moment and activation; the CSV has slopes", judged),
        Shown("gradients", "One row per moment, activation and layer"),
        Shown("layer_measures", "All that is measured of a layer: medians"),
    ),
    how=(
        f"On one fixed batch of up to {MEASURED_ROWS} validation rows, as training sees it (batch norm with "
        "the statistics of these rows, dropout off), the norm of the gradient of the loss with respect to "
        "each layer's activations: the signal that backpropagation hands to the layer. Layers are numbered "
        "in the order of the forward pass, from 0; an activation belongs to the layer whose weights come "
        "before it. Medians and quartiles over the networks that share an activation: before training those "
        "of the search and of fresh seeds, equal ones once; after it the completed trials of the search. "
        "Where depths differ, the networks of one depth of two layers or more: the answer's where five "
        "completed trials have it, else that which most have; where they differ in other parts "
        "(normalization, initial weights, residual or not), each kind by itself, as named.",
        "Of each network, the norm at the first layer over that at the last is measured. Vanishing: in the "
        f"median network it is {given(10**-DECADES)} or less; exploding: {given(10**DECADES)} or more; "
        "healthy: in between; cut off: in half of the networks or more, some layer gets no gradient at all. "
        "They are too few or too unlike for a verdict where the 95 % interval of the mean of log10 of that "
        "ratio does not lie on the same side, or some network is cut off, and so few networks do that half "
        "of all such networks might not (one-sided sign test at 5 %: five that agree are enough). Before "
        "training, networks of one activation are alike: fewer than five are judged by the factors between "
        "their layers instead.",
        "Layers with a small gradient hardly move under gradient descent, with or without momentum; "
        "optimizers that divide each gradient by its usual size can train where the norm has fallen.",
        "What helps against vanishing: an activation whose slope does not shrink the signal (ReLU, GELU "
        "…), an initialisation that fits it, fewer layers, or residual connections.",
    ),
)
