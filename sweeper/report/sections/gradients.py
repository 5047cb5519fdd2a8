"""Vanishing and exploding gradients, activation by activation."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown, named
from sweeper.tables.gradient_verdicts import CUT, DECADES
from sweeper.tables.layer_profile import END, START
from sweeper.wording import from_to, layers, listing, signed, times

SMALL = 0.01
"""Layers whose norm is below this share of the last layer's are named."""
CHANGING = {"vanishing": "vanish on the way back to the input", "exploding": "explode on it"}
MOMENTS = {START: "at initialisation", END: "at the end of training"}


def answer(evidence: Evidence) -> tuple[str, ...]:
    """A verdict for each activation at each moment, its slope, what to change, and starved layers."""
    frame, verdicts = evidence.tables["gradients"], evidence.tables["gradient_verdicts"]
    depth = frame["layer"].nunique()
    if depth < 2:
        return (
            "The models have one layer with activations, so there is no way on which gradients could vanish.",
        )
    moments = [moment for moment in (START, END) if (verdicts["moment"] == moment).any()]
    found = {m: _by_verdict(verdicts[verdicts["moment"] == m]) for m in moments}
    if len(moments) == 2 and found[START] == found[END]:
        said = [_sentence("Before and after training,", found[START], depth)]
    else:
        said = [_sentence(MOMENTS[m].capitalize(), found[m], depth) for m in moments]
    for activation, rows in verdicts.groupby("activation"):
        if rows["verdict"].isin([*CHANGING, CUT]).any():
            said.append(_numbers(named(str(activation)), rows.to_dict("records")))
    said += _changes(verdicts)
    last = frame[frame["moment"] == moments[-1]]
    starved = [text for name, rows in last.groupby("activation") if (text := _starved(str(name), rows))]
    if starved:
        said.append(
            f"Layers that get less than a hundredth of the last layer's gradient {MOMENTS[moments[-1]]}: "
            f"{'; '.join(starved)}."
        )
    return tuple(said)


def _by_verdict(verdicts: pd.DataFrame) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for row in verdicts.sort_values("activation").to_dict("records"):
        known = row["verdict"] == CUT or math.isfinite(row["slope"])
        groups.setdefault(row["verdict"] if known else "unknown", []).append(named(row["activation"]))
    return groups


def _changes(verdicts: pd.DataFrame) -> list[str]:
    """Suggestions, the last moment's where both moments have one."""
    asked = verdicts[verdicts["suggestion"] != ""].drop_duplicates("activation", keep="last")
    return [
        f"What to change with {named(row['activation'])}: {row['suggestion']}"
        for row in asked.to_dict("records")
    ]


def _sentence(when: str, groups: Mapping[str, list[str]], depth: int) -> str:
    said = [f"gradients {CHANGING[kind]} with {listing(groups[kind])}" for kind in CHANGING if kind in groups]
    if "healthy" in groups:
        subject = "they stay healthy" if said else "gradients stay healthy"
        said.append(
            f"{subject} (within a factor of 10 over {depth} layers) with {listing(groups['healthy'])}"
        )
    if CUT in groups:
        said.append(
            f"no gradient at all reaches some layer in at least half of the networks with "
            f"{listing(groups[CUT])}"
        )
    if "unknown" in groups:
        names = listing(groups["unknown"])
        said.append(f"nothing can be said for {names}: fewer than two layers have a gradient above 0")
    return f"{when} {'; '.join(said)}."


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


SECTION = Section(
    key="gradients",
    question="Do gradients vanish or explode?",
    answer=answer,
    figure="gradients",
    shown=(
        Shown("gradient_verdicts", "One row per moment and activation"),
        Shown("gradients", "One row per moment, activation and layer"),
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
        f"(the figure's lines are through medians). Vanishing: it falls by {DECADES:g} decade (a factor of "
        "10) or more from the last layer to the first; exploding: it grows by as much; healthy: in between.",
        "Layers with a small gradient hardly move under gradient descent, with or without momentum; "
        "optimizers that divide each gradient by its usual size can train where the norm has fallen.",
        "What helps against vanishing: an activation whose slope does not shrink the signal (ReLU, GELU "
        "…), an initialisation that fits it, fewer layers, or residual connections.",
    ),
)
