"""Whether the winner lies at the edge of what was searched: then a better one may lie outside."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search
from sweeper.study.space import Range, Space

NEAR = 0.05
"""Share of the logarithmic range, from either bound, that counts as its edge."""
OUTER = 0.15
"""Share of a range, next to a bound, that counts as its edge (of the logarithm for log ranges)."""
TOP, FEWEST, MOST = 0.1, 4, 10
"""The best trials: a tenth of the completed ones, at least 4 and at most 10."""
COLUMNS = [
    "key",
    "low",
    "high",
    "best",
    "best_trials",
    "near_low",
    "near_high",
    "at_edge",
    "side",
    "wider",
    "suggestion",
]
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
    bound one that can move no further. `crowded` asks the same of the best trials together.
    """
    at_bounds = []
    for name, value in parameters.items():
        entry = space.entry(name, str(parameters["optimizer"])) if name in space.parameters else None
        if entry is None:
            continue
        key, values = entry
        if not isinstance(values, Range) or not values.log or values.integer:
            continue
        if not values.low <= value <= values.high:
            continue
        where = values.position(float(value))
        side = "low" if where < NEAR and not values.zero else "high" if where > 1 - NEAR else ""
        bound = wider(name, values, side) if side else math.nan
        if math.isnan(bound):
            continue
        low, high = float(values.low), float(values.high)
        at, other = (low, high) if side == "low" else (high, low)
        at_bounds.append(Edge(name, key, float(value), side, at, bound, other))
    return tuple(sorted(at_bounds, key=lambda edge: edge.parameter != "learning_rate"))


def crowded(trials: pd.DataFrame, ranges: Mapping[str, Range]) -> pd.DataFrame:
    """One row for each searched range that is wide enough to tell; columns as in `COLUMNS`.

    best_trials are the best completed trials of the search that drew from the range, `best` the value of
    the first; near_low and near_high the shares of them within `OUTER` of a bound, zeros that a range
    allows beside its numbers left out. at_edge: more than half are near one bound (`side`); if all places
    were equally good that would happen in 2 % of ranges or fewer. `wider` is that bound moved outwards, by
    a factor of 10 or by half the width, and `suggestion` the option that says so, ready for the
    command line. Empty where no range is known or fewer than twice `FEWEST` trials completed.
    """
    done = completed_search(trials)
    rows = [_row(key, values, done, set(ranges)) for key, values in ranges.items()]
    return pd.DataFrame([row for row in rows if row is not None], columns=COLUMNS)


def _row(key: str, values: Range, done: pd.DataFrame, keys: Collection[str]) -> tuple[object, ...] | None:
    name, trials = _drawn_from(key, done, keys)
    if name not in trials or len(trials) < 2 * FEWEST or not values.low < values.high:
        return None
    count = min(max(math.ceil(TOP * len(trials)), FEWEST), MOST)
    chosen = trials.sort_values(["objective", "trial"])[name].head(count).astype(float).to_numpy()
    positions = np.array([values.position(value) for value in chosen[chosen >= values.low]])
    near_low = float((positions < OUTER).sum() / count)
    near_high = float((positions > 1 - OUTER).sum() / count)
    side = "low" if near_low > 0.5 and not values.zero else "high" if near_high > 0.5 else ""
    bound = wider(name, values, side) if side else math.nan
    at_edge = not math.isnan(bound)
    text = f"--set search.space.{key}.{side}={bound:.12g}" if at_edge else ""
    shares = (near_low, near_high, at_edge, side if at_edge else "", bound, text)
    return (key, float(values.low), float(values.high), chosen[0], count, *shares)


def _drawn_from(key: str, done: pd.DataFrame, keys: Collection[str]) -> tuple[str, pd.DataFrame]:
    """The parameter of a key, and the trials that drew it there: ``learning_rate.adam`` is for adam alone."""
    head, _, tail = key.rpartition(".")
    optimizers = done["optimizer"].astype("str")
    if head and (optimizers == tail).any():
        own = done[optimizers == tail]
        return head, own[own[head].notna()] if head in own else own
    if key not in done:
        return key, done
    elsewhere = optimizers.map(lambda optimizer: f"{key}.{optimizer}" in keys)
    return key, done[~elsewhere.astype(bool) & done[key].notna()]


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
