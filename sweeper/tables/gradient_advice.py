"""What to change where the gradient vanishes, explodes or meets dead units, read off the facts of one row."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

from sweeper.components.activations import ACTIVATIONS
from sweeper.tables.layer_profile import START

DEAD = 0.25
"""Median share of dead units in a layer from which they are worth a word."""
SATURATED = 0.5
"""The same for saturated elements, of activations that are flat on both sides."""
ALIVE = 'search.space.activation=["leaky_relu", "elu", "gelu"]'
STEEP = 'search.space.activation=["relu", "gelu", "tanh"]'


def advice(row: Mapping[Hashable, Any], at_start: str | None, init: str) -> str:
    """One or two sentences with a ready ``--set``; empty where there is nothing to mend.

    `row` is one of ``tables.gradient_verdicts``, `at_start` the verdict on its activation at
    initialisation, `init` the study's initializer (empty: not known). The rules, first that holds:

    1. dead units in a quarter or more of a layer: an activation that is never quite flat, or a lower rate.
    2. healthy: nothing.
    3. healthy at initialisation but not at the end: training did it, so a lower rate.
    4. vanishing, and the activation's slope is nowhere above ½ (sigmoid): no usual initialisation makes up
       for it; another activation.
    5. half of the elements saturated on an activation that is flat on both sides: smaller initial weights.
    6. an initializer that is not ``auto``: that one.
    7. else fewer layers: as many as stay within a factor of ten.
    """
    verdict, name = str(row["verdict"]), str(row["activation"])
    if row["dead"] >= DEAD and row["moment"] != START:
        text = f"{100 * row['dead']:.0f} % of the units of {_layer(row, 'dead')} are dead: try "
        return f"{text}activations that are never quite flat (--set '{ALIVE}') or a lower learning rate."
    if verdict == "healthy":
        return ""
    if row["moment"] != START and at_start == "healthy":
        return (
            "It was healthy at initialisation, so training did it: try a lower learning rate or a schedule "
            "with warm-up (--set search.space.schedule=warmup_cosine)."
        )
    steepest, flat = _facts(name)
    if verdict != "exploding" and steepest <= 0.5:
        text = f"The slope of {name} is at most {steepest:.2g}, so each layer shrinks the gradient"
        return f"{text}: try a steeper activation (--set '{STEEP}'){_or_shallower(row)}."
    if verdict != "exploding" and flat and row["saturated"] >= SATURATED:
        text = f"{100 * row['saturated']:.0f} % of {_layer(row, 'saturated')} is saturated"
        return f"{text}: its initial weights are too large (--set model.init=xavier)."
    if init != "auto":
        size = "large" if verdict == "exploding" else "small"
        return f"The initial weights are too {size} for {name}: --set model.init=auto{_or_shallower(row)}."
    return (
        f"Try fewer layers{_or_shallower(row, ': ')}, or a residual model (--set model.source=residual_mlp)."
    )


def _layer(row: Mapping[Hashable, Any], measure: str) -> str:
    """``layer 3 (net.6)``"""
    name = row.get(f"{measure}_name")
    return f"layer {row[f'{measure}_layer']}" + (f" ({name})" if name else "")


def _facts(name: str) -> tuple[float, bool]:
    """Largest slope of an activation, and whether it is flat on both sides; (1, no) for one not known."""
    if name not in ACTIVATIONS:
        return 1.0, False
    # loaded late: torch takes seconds
    from sweeper.theory.activation_facts import facts_of

    facts = facts_of(name)
    return facts.lipschitz or 1.0, facts.saturates == "both"


def _or_shallower(row: Mapping[Hashable, Any], before: str = ", or fewer layers: ") -> str:
    """The depth whose gradient changes by less than a decade, as an option; empty where no slope is known."""
    slope = float(row["slope"])
    if not math.isfinite(slope) or slope == 0:
        return ""
    depth = math.ceil(1 / abs(slope))
    return f"{before}--set model.depth={depth}" if depth < row["depth"] else ""
