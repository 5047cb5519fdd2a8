"""Whether the winner lies at the edge of what was searched: then a better one may lie outside."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sweeper.study.space import Range, Space

NEAR = 0.05
"""Share of the logarithmic range, from either bound, that counts as its edge."""
BELOW_ONE = {"momentum", "dampening", "model.dropout"}


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


def place(values: np.ndarray, within: Range) -> np.ndarray:
    """Where `values` lie between the bounds, 0 … 1, on the scale of the range."""
    low, high = float(within.low), float(within.high)
    if within.log:
        return np.asarray(np.log(values / low) / math.log(high / low))
    return np.asarray((values - low) / (high - low))


def wider(name: str, within: Range, side: str) -> float:
    """The bound at `side` moved outwards; null where the parameter can go no further."""
    low, high, width = float(within.low), float(within.high), float(within.high - within.low)
    if side == "high" and name in BELOW_ONE:
        return (1 + high) / 2 if high < 0.995 else math.nan
    if within.log and not within.integer:
        bound = low / 10 if side == "low" else high * 10
        return float(f"{bound:.12g}")
    bound = low - width / 2 if side == "low" else high + width / 2
    floor = 1.0 if within.integer else 0.0
    bound = max(bound, floor) if low >= floor else bound
    bound = float(math.floor(bound) if side == "low" else math.ceil(bound)) if within.integer else bound
    return math.nan if bound in (low, high) else float(f"{bound:.12g}")
