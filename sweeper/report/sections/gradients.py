"""Vanishing and exploding gradients, activation by activation."""

import math
from collections.abc import Mapping

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown, named
from sweeper.report.words import layers, listing, signed, times
from sweeper.tables.layer_profile import END, START

DECADES = 1.0
"""Change of log10(norm) along the fitted line, over all layers, from which gradients vanish or explode."""
SMALL = 0.01
"""Layers whose norm is below this share of the last layer's are named."""
CHANGING = {"vanishing": "vanish on the way back to the input", "exploding": "explode on it"}
MOMENTS = {START: "at initialisation", END: "at the end of training"}


def answer(evidence: Evidence) -> tuple[str, ...]:
    """A verdict for each activation at each moment, and the layers that hardly get a gradient."""
    frame = evidence.tables["gradients"]
    depth = int(frame["depth"].iloc[0])
    if depth < 2:
        return (
            "The models have one layer with activations, so there is no way on which gradients could vanish.",
        )
    moments = [moment for moment in (START, END) if (frame["moment"] == moment).any()]
    lines = frame.drop_duplicates(["moment", "activation"])
    found = {m: _by_verdict(lines[lines["moment"] == m], depth) for m in moments}
    if len(moments) == 2 and found[START] == found[END]:
        said = [_sentence("Before and after training,", found[START], depth)]
    else:
        said = [_sentence(MOMENTS[m].capitalize(), found[m], depth) for m in moments]
    changing = {name for groups in found.values() for kind in CHANGING for name in groups.get(kind, ())}
    said += [
        _numbers(name, lines[lines["activation"].map(named) == name], depth) for name in sorted(changing)
    ]
    last = frame[frame["moment"] == moments[-1]]
    starved = [text for name, rows in last.groupby("activation") if (text := _starved(str(name), rows))]
    if starved:
        said.append(
            f"Layers that get less than a hundredth of the last layer's gradient {MOMENTS[moments[-1]]}: "
            f"{'; '.join(starved)}."
        )
    return tuple(said)


def verdict(decades_per_layer: float, depth: int) -> str:
    """``vanishing``, ``healthy`` or ``exploding``; ``unknown`` where no line could be fitted."""
    total = decades_per_layer * (depth - 1)
    if math.isnan(total):
        return "unknown"
    return "vanishing" if total < -DECADES else "exploding" if total > DECADES else "healthy"


def _by_verdict(lines: pd.DataFrame, depth: int) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for line in lines.sort_values("activation").to_dict("records"):
        groups.setdefault(verdict(line["decades_per_layer"], depth), []).append(
            named(str(line["activation"]))
        )
    return groups


def _sentence(when: str, groups: Mapping[str, list[str]], depth: int) -> str:
    said = [f"gradients {CHANGING[kind]} with {listing(groups[kind])}" for kind in CHANGING if kind in groups]
    if "healthy" in groups:
        subject = "they stay healthy" if said else "gradients stay healthy"
        said.append(
            f"{subject} (within a factor of 10 over {depth} layers) with {listing(groups['healthy'])}"
        )
    if "unknown" in groups:
        names = listing(groups["unknown"])
        said.append(f"nothing can be said for {names}: fewer than two layers have a gradient above 0")
    return f"{when} {'; '.join(said)}."


def _numbers(activation: str, lines: pd.DataFrame, depth: int) -> str:
    said: list[str] = []
    for line in lines.to_dict("records"):
        slope, unit = line["decades_per_layer"], "" if said else " decades per layer"
        if not math.isnan(slope):
            change = f"{times(slope * (depth - 1))} {'less' if slope < 0 else 'more'}"
            compared = f"the first layer gets {change} than the last" if unit else change
            said.append(f"{signed(slope)}{unit} {MOMENTS[line['moment']]} ({compared})")
    return f"{activation}: {listing(said)}."


def _starved(activation: str, rows: pd.DataFrame) -> str:
    norms = rows.set_index("layer")["median"]
    small = [int(layer) for layer, norm in norms.items() if norm < SMALL * norms[norms.index.max()]]
    return f"{named(activation)} {layers(small)}" if small else ""


SECTION = Section(
    key="gradients",
    question="Do gradients vanish or explode?",
    answer=answer,
    figure="gradients",
    shown=(Shown("gradients", "One row per moment, activation and layer"),),
    how=(
        "On one fixed batch of validation rows, the norm of the gradient of the loss with respect to each "
        "layer's activations: the signal that backpropagation hands to the layer. Medians and quartiles "
        "over the trials of the search that share an activation; where depths differ, the trials of one "
        "depth.",
        "A straight line is fitted to log10 of the median norm by layer. Its slope, taken from the output "
        "back to the input, is given in decades per layer. Vanishing: the line falls by more than "
        f"{DECADES:g} decade (a factor of 10) from the last layer to the first; exploding: it grows by "
        "more; healthy: in between.",
        "Layers with a small gradient hardly move under sgd and momentum; adam, rmsprop and their "
        "relatives rescale each gradient, so that they can train where the norm has fallen.",
        "What helps against vanishing: an activation whose slope does not shrink the signal (ReLU, GELU "
        "…), an initialisation that fits it, fewer layers, or residual connections.",
    ),
)
