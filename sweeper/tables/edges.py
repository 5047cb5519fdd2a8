"""Whether the winner lies at the edge of what was searched: then a better one may lie outside."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.study.space import Range, Space

NEAR = 0.05
"""Share of the logarithmic range, from either bound, that counts as its edge."""


@dataclass(frozen=True)
class Edge:
    """A parameter of the winner at a bound of its range."""

    parameter: str
    key: str
    """Under ``[search.space]``: ``learning_rate`` or ``learning_rate.sgd``."""
    value: float
    side: str
    """low | high"""
    bound: float
    wider: float
    """The bound moved outwards by a factor of 10."""
    other: float
    """The bound at the other side."""


def edges(space: Space, parameters: Mapping[str, Any]) -> tuple[Edge, ...]:
    """Parameters of a trial within `NEAR` of a bound of their logarithmic range, learning rate first.

    A weight that may also be exactly 0 has no lower edge: below it lies what zero already shows.
    """
    found = []
    for name, value in parameters.items():
        entry = space.entry(name, str(parameters["optimizer"])) if name in space.parameters else None
        if entry is None:
            continue
        key, values = entry
        if not isinstance(values, Range) or not values.log or values.integer:
            continue
        if not values.low <= value <= values.high:
            continue
        place = math.log(value / values.low) / math.log(values.high / values.low)
        if place < NEAR and not values.zero:
            ends = (float(values.low), _tenfold(values.low, -1), float(values.high))
            found.append(Edge(name, key, float(value), "low", *ends))
        elif place > 1 - NEAR:
            ends = (float(values.high), _tenfold(values.high, 1), float(values.low))
            found.append(Edge(name, key, float(value), "high", *ends))
    return tuple(sorted(found, key=lambda edge: edge.parameter != "learning_rate"))


def _tenfold(value: float, power: int) -> float:
    """Ten times or a tenth of `value`, without digits that only binary fractions have."""
    return float(f"{value * 10.0**power:.12g}")
