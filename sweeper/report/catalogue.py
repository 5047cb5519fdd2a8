"""The catalogue of activation functions as a table for people and as dictionaries for programs."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table

from sweeper.terminal import plain_console
from sweeper.wording import ended, fixed

if TYPE_CHECKING:
    from sweeper.theory.activation_facts import Facts

# Plain letters throughout: not every terminal can write χ.
COLUMNS = (
    "activation",
    "range",
    "Lip-\nschitz",
    "smoothness",
    "rises",
    "zero-\ncentred",
    "positive",
    "gain",
    "chi\nHe",
    "chi\nXavier",
)
NUMBERS = ("Lip-\nschitz", "gain", "chi\nHe", "chi\nXavier")
FOLDED = ("range", "smoothness")
"""What gives way in a narrow terminal."""
LEGEND = (
    "range: smallest interval with every output; [ ] where a bound is taken.  rises: never falls.",
    "zero-centred: inputs of mean 0 give outputs of mean 0; odd: f(-x) = -f(x).  positive: never negative.",
    "gain: the weights' deviation (sqrt of fan_in x variance) that keeps pre-activations of variance 1.",
    "chi: factor per layer on the variance of the gradient deep in a network (in --json also at its start):",
    "     1 keeps it, less vanishes, more explodes; diverges: the slope has no bound.",
    "     He: weights of variance 2/fan_in, Xavier: 1/fan_in.",
)
COMFORTABLE, NARROW = 100, 80
"""Columns from which bounds have six digits; of the narrowest table."""


def print_catalogue(facts: Sequence["Facts"], unknown: Mapping[str, str] = MappingProxyType({})) -> None:
    """Print a table, what its columns mean, and what the facts say about positive outputs, to stdout.

    `unknown`: names that have no facts, with the reason; each has a row of dashes.
    """
    console = plain_console(NARROW)
    if not facts and not unknown:
        console.print("no activation function has all of these properties; ask for fewer")
        return
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in COLUMNS:
        justify: Literal["left", "right"] = "right" if column in NUMBERS else "left"
        table.add_column(column, justify=justify, overflow="fold", no_wrap=column not in FOLDED)
    for each in facts:
        table.add_row(*_row(each, 6 if console.width >= COMFORTABLE else 4))
    for name in unknown:
        table.add_row(name, *["-"] * (len(COLUMNS) - 1))
    remarks = _remarks(facts) + [ended(f"{name}: {reason}") for name, reason in unknown.items()]
    for renderable in (table, "", *LEGEND, "", *remarks):
        console.print(renderable)


def to_dicts(
    facts: Sequence["Facts"], unknown: Mapping[str, str] = MappingProxyType({})
) -> list[dict[str, Any]]:
    """One dictionary for each activation, safe for JSON: infinities are the texts ``"inf"`` and ``"-inf"``.

    ``None`` means that a fact makes no sense for this activation (the Lipschitz constant of one that jumps).
    `forward_*` and `backward_*` are the factors on the variances of signal and gradient at pre-activations of
    variance 1; `q_*` and `chi_*` are the fixed point that deep networks tend to and the gradient's factor
    there. He means weights of variance 2/fan_in, Xavier (with equal widths) 1/fan_in; biases 0. `unknown`:
    names that have no facts, with the reason.
    """
    found = [_dict(each) for each in facts]
    for name, reason in unknown.items():
        found.append({**dict.fromkeys(found[0] if found else ()), "name": name, "note": reason})
    return found


def _dict(facts: "Facts") -> dict[str, Any]:
    found = {
        "name": facts.name,
        "elementwise": facts.elementwise,
        "range": facts.range,
        "infimum": facts.outputs.low,
        "infimum_taken": facts.outputs.low_taken,
        "supremum": facts.outputs.high,
        "supremum_taken": facts.outputs.high_taken,
        "lipschitz": facts.lipschitz,
        "smoothness": facts.smoothness,
        "smooth": facts.smooth,
        "kinks": list(facts.breaks.kinks),
        "jumps": list(facts.breaks.jumps),
        "monotone": facts.monotone,
        "zero_centred": facts.zero_centred,
        "odd": facts.odd,
        "bounded": facts.bounded,
        "positive": facts.positive,
        "saturates": facts.saturates,
        "second_moment": facts.second_moment,
        "slope_second_moment": facts.slope_second_moment,
        "gain": facts.gain,
        **_propagation(facts),
        "note": facts.note,
    }
    return {key: _number(value) if isinstance(value, float) else value for key, value in found.items()}


def _propagation(facts: "Facts") -> Mapping[str, float | None]:
    # loaded late: torch takes seconds
    from sweeper.theory.mean_field import propagation

    found: dict[str, float | None] = {}
    for scheme, sigma_w2 in (("he", 2.0), ("xavier", 1.0)):
        deep = propagation(facts.name, sigma_w2) if facts.elementwise else None
        found[f"forward_{scheme}"] = facts.forward(sigma_w2)
        found[f"backward_{scheme}"] = facts.backward(sigma_w2)
        found[f"q_{scheme}"] = deep.q if deep else None
        found[f"chi_{scheme}"] = deep.chi if deep else None
    return found


def _number(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def _row(facts: "Facts", digits: int) -> list[str]:
    deep = _propagation(facts)
    return [
        facts.name,
        facts.outputs.text(digits),
        "none" if facts.lipschitz is None else fixed(facts.lipschitz, 4),
        facts.smoothness,
        _yes(facts.monotone),
        "odd" if facts.odd else _yes(facts.zero_centred),
        _yes(facts.positive),
        _short(facts.gain),
        *("diverges" if deep[key] == math.inf else _short(deep[key]) for key in ("chi_he", "chi_xavier")),
    ]


def _yes(fact: bool | None) -> str:
    return "-" if fact is None else "yes" if fact else "no"


def _short(value: float | None) -> str:
    return "-" if value is None else fixed(value, 3)


def _remarks(facts: Sequence["Facts"]) -> list[str]:
    remarks = [f"{each.name}: {each.note}." for each in facts if each.note]
    positive = [f for f in facts if f.elementwise and f.positive and not f.outputs.low_taken]
    smooth = [f for f in positive if f.smooth and not f.bounded]
    if smooth:
        intervals = ", ".join(f"{each.name} {each.range}" for each in smooth)
        remarks.append(f"For positive outputs without upper bound, the smooth choice: {intervals}.")
    negative = [each for each in facts if each.name == "elu" and not each.positive]
    remarks += [f"Not positive, though often said to be: elu, range {each.range}." for each in negative]
    return remarks
