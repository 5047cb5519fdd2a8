"""Proposals without a model of the objective: quasi-random, random and grid points.

Scientific parameters are dealt out evenly: every value as often as any other, in every prefix of the
sequence, crossed with the values of the other scientific parameters. Nuisance parameters follow a
scrambled Sobol sequence, which fills the ranges more evenly than random points (Sobol 1967; Owen
1998 for the scrambling).
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from sweeper.study.space import Fixed, Range, Space, Values, grid_axis, grid_size

SPREAD = 0.1
"""Standard deviation of a prior, in shares of the range."""
MANY = 2048
"""Scientific combinations up to which each is counted; beyond, only single values are."""


def points(
    space: Space, scientific: Sequence[str], count: int, seed: int, design: str
) -> list[dict[str, Any]]:
    """`count` configurations by `design`, ``sobol`` or ``random``. The first do not depend on `count`."""
    dealt = _deal(space, scientific, count, seed)
    keys = [key for key, values in space.entries.items() if not isinstance(values, Fixed)]
    unit = _unit_points(len(keys), count, seed, design)
    return [
        _configuration(space, dict(zip(keys, row, strict=True)), even)
        for row, even in zip(unit, dealt, strict=True)
    ]


def _configuration(space: Space, u: Mapping[str, float], even: Mapping[str, Any]) -> dict[str, Any]:
    def value(name: str, key: str, values: Values) -> Any:
        return even[name] if name in even else values.at(towards_prior(values, u.get(key, 0.0)))

    optimizer = value("optimizer", "optimizer", space.entries["optimizer"])
    active = space.active(optimizer)
    return {"optimizer": optimizer} | {
        name: value(name, key, values) for name, (key, values) in active.items()
    }


def towards_prior(values: Values, u: float) -> float:
    """Of a range with a prior half of the points gather around it: normal, `SPREAD` of the range.

    Points below one half stay and spread over [0, 1]; the others become quantiles of the truncated normal.
    """
    if not isinstance(values, Range) or values.prior is None or u < values.zero:
        return u
    share = (u - values.zero) / (1 - values.zero)
    if share < 0.5:
        share = 2 * share
    else:
        middle = values.position(values.prior)
        low, high = ndtr((0 - middle) / SPREAD), ndtr((1 - middle) / SPREAD)
        share = float(np.clip(middle + SPREAD * ndtri(low + (2 * share - 1) * (high - low)), 0, 1))
    return values.zero + (1 - values.zero) * share


def _unit_points(dimensions: int, count: int, seed: int, design: str) -> np.ndarray:
    """(count, dimensions) points in [0, 1)."""
    if dimensions == 0 or count == 0:
        return np.zeros((count, dimensions))
    if design == "random":
        return np.random.default_rng(seed).random((count, dimensions))
    power = int(np.ceil(np.log2(max(count, 2))))  # Sobol sequences are balanced in powers of two
    return qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed)).random_base2(power)[:count]


def _deal(space: Space, scientific: Sequence[str], count: int, seed: int) -> list[dict[str, Any]]:
    """Values of the scientific parameters, balanced in every prefix: least used combination, then values."""
    levels = {n: _levels(space, n) for n in scientific if n in space.entries}
    levels = {name: values for name, values in levels.items() if len(values) > 1}
    if not levels:
        return [{} for _ in range(count)]
    generator = np.random.default_rng(seed)
    sizes = [len(values) for values in levels.values()]
    if math.prod(sizes) > MANY:
        generators = generator.spawn(len(sizes))
        turns = [_in_turn(*each, count) for each in zip(levels.values(), generators, strict=True)]
        return [dict(zip(levels, row, strict=True)) for row in zip(*turns, strict=True)]
    combinations = np.array(list(itertools.product(*map(range, sizes))))
    combinations = generator.permutation(combinations)
    used = np.zeros(len(combinations), dtype=int)
    single = [np.zeros(size, dtype=int) for size in sizes]
    dealt = []
    for _ in range(count):
        worn = sum(count[combinations[:, k]] for k, count in enumerate(single))
        pick = int(np.lexsort((worn, used))[0])
        used[pick] += 1
        for k, value in enumerate(combinations[pick]):
            single[k][value] += 1
        dealt.append({n: f[i] for (n, f), i in zip(levels.items(), combinations[pick], strict=True)})
    return dealt


def _in_turn(values: Sequence[Any], generator: np.random.Generator, count: int) -> list[Any]:
    """`count` of the values, each as often as any other, in an order of their own each time around."""
    rounds = [generator.permutation(len(values)) for _ in range(-(-count // len(values)))]
    return [values[place] for each in rounds for place in each][:count]


def _levels(space: Space, name: str) -> tuple[Any, ...]:
    return space.entries[name].values or ()


def grid(space: Space, count: int) -> list[dict[str, Any]]:
    """A full grid of at most about `count` configurations: all listed values, ranges at equal distances.

    Every continuous range gets the same number of points, at least 2, its ends included.
    """
    points_each = 2
    while grid_size(space, points_each + 1) <= count:
        points_each += 1
        if grid_size(space, points_each) == grid_size(space, points_each + 1):
            break  # no range is left that would become finer
    points = []
    for optimizer in space.entries["optimizer"].values or ():
        active = space.active(optimizer)
        axes = [grid_axis(values, points_each) for _, values in active.values()]
        points += [
            {"optimizer": optimizer, **dict(zip(active, c, strict=True))} for c in itertools.product(*axes)
        ]
    return points
