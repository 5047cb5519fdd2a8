"""Whether the winner lies at the edge of what was searched: then a better one may lie outside."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.study.space import Range, Space
from sweeper.tables.range_edges import place, wider

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
    """The bound moved outwards, see `wider`."""
    other: float
    """The bound at the other side."""


def edges(space: Space, parameters: Mapping[str, Any]) -> tuple[Edge, ...]:
    """Parameters of a trial within `NEAR` of a bound of their logarithmic range, learning rate first.

    A weight that may also be exactly 0 has no lower edge: below it lies what zero already shows. Nor has a
    bound one that can move no further. `range_edges` asks the same of the best trials together.
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
        where = float(place(np.array([value]), values)[0])
        side = "low" if where < NEAR and not values.zero else "high" if where > 1 - NEAR else ""
        bound = wider(name, values, side) if side else math.nan
        if math.isnan(bound):
            continue
        low, high = float(values.low), float(values.high)
        at, other = (low, high) if side == "low" else (high, low)
        found.append(Edge(name, key, float(value), side, at, bound, other))
    return tuple(sorted(found, key=lambda edge: edge.parameter != "learning_rate"))
