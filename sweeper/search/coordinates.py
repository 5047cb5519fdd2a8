"""Configurations as arrays, and back: what a surrogate model computes with.

A *category* is a code, an index into its values. A *number* is a position from 0 to 1 within its range: on
the logarithm where the range is, by rank for a list of at least three numbers. It is relative to the range
of the trial's own optimizer, so that ``learning_rate.sgd`` and ``learning_rate.adam`` share one axis.
What a trial lacks, or has at the exact zero of its range, is *off*: code −1, or `on` false.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from sweeper.search.explore import SPREAD
from sweeper.study.space import Choice, Fixed, Range, Space, Values

LARGE = 2**31
"""Numbers of kinds from which they are counted anew, long before integers overflow."""


@dataclass(frozen=True)
class Points:
    """Configurations, one a row."""

    codes: np.ndarray
    """(rows, categories) integers, −1 where off"""
    positions: np.ndarray
    """(rows, numbers) from 0 to 1, 0 where off"""
    on: np.ndarray
    """(rows, numbers) whether the number is there and not at its exact zero"""

    @cached_property
    def kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of one kind have the same codes and are equally on: (a row of each kind, kind of each row)."""
        kind = np.zeros(len(self), dtype=int)
        for column in (*(self.codes + 1).T, *self.on.T):
            kind = kind * (int(column.max(initial=0)) + 1) + column
            if kind.max(initial=0) > LARGE:
                kind = np.unique(kind, return_inverse=True)[1]
        _, first, kind = np.unique(kind, return_index=True, return_inverse=True)
        return first, kind

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> "Points":
        return Points(self.codes[rows], self.positions[rows], self.on[rows])

    def joined(self, other: "Points") -> "Points":
        """These rows, then those of `other`."""
        mine, others = (self.codes, self.positions, self.on), (other.codes, other.positions, other.on)
        return Points(*(np.concatenate(both) for both in zip(mine, others, strict=True)))


class Coordinates:
    """Between configurations of one space and `Points`."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.optimizers = tuple(space.entries["optimizer"].values or ())
        self._active = {
            o: {"optimizer": ("optimizer", space.entries["optimizer"]), **space.active(o)}
            for o in self.optimizers
        }
        by_name: dict[str, list[Values]] = {}
        for active in self._active.values():
            for name, (_, values) in active.items():
                by_name.setdefault(name, []).append(values)
        searched = {n: v for n, v in by_name.items() if not all(isinstance(one, Fixed) for one in v)}
        self.numbers = tuple(n for n, v in searched.items() if all(map(_is_number, v)))
        self.categories = tuple(n for n in searched if n not in self.numbers)
        self.values = {n: _union(by_name[n]) for n in self.categories}
        """category -> its values, in the order of their codes"""
        self._allowed = [[self._codes(n, o) for o in self.optimizers] for n in self.categories]
        every = [[self._values(n, o) for n in self.numbers] for o in self.optimizers]
        shape = (len(self.optimizers), len(self.numbers))
        self._varies = np.array([[v is not None for v in row] for row in every], dtype=bool).reshape(shape)
        zeros = [[v.zero if isinstance(v, Range) else 0.0 for v in row] for row in every]
        self._zero = np.array(zeros, dtype=float).reshape(shape)
        grids = {(o, k): _grid(v) for o, row in enumerate(every) for k, v in enumerate(row) if v is not None}
        self._priors = {
            (o, k): v.position(v.prior)
            for o, row in enumerate(every)
            for k, v in enumerate(row)
            if isinstance(v, Range) and v.prior is not None
        }
        self._grids = {column: grid for column, grid in grids.items() if grid is not None}

    def encode(self, configurations: Sequence[Mapping[str, Any]]) -> Points:
        """One row for each configuration."""
        codes = [[self._code(n, c) for n in self.categories] for c in configurations]
        positions = [[self._position(n, c) for n in self.numbers] for c in configurations]
        shape = (len(configurations), len(self.numbers))
        filled = np.array(positions, dtype=float).reshape(shape)
        on = ~np.isnan(filled)
        return Points(
            np.array(codes, dtype=int).reshape(len(configurations), len(self.categories)),
            np.where(on, filled, 0.0),
            on,
        )

    def decode(self, points: Points, row: int) -> dict[str, Any]:
        """The configuration of one row."""
        optimizer = self.optimizers[self._which(points)[row]]
        configuration = {}
        for name, (_, values) in self._active[optimizer].items():
            if isinstance(values, Fixed):
                configuration[name] = values.value
            elif name in self.values:
                configuration[name] = self.values[name][points.codes[row, self.categories.index(name)]]
            else:
                k = self.numbers.index(name)
                configuration[name] = _value(values, points.positions[row, k], bool(points.on[row, k]))
        return configuration

    def draw(self, count: int, generator: np.random.Generator) -> Points:
        """`count` random rows, as the space spreads them."""
        return self._drawn(generator.integers(len(self.optimizers), size=count), generator)

    def priors(self, points: Points) -> np.ndarray:
        """Log density of each row under the priors of its ranges, up to a constant."""
        log_prior = np.zeros(len(points))
        for (o, k), position in self._priors.items():
            rows = (self._which(points) == o) & points.on[:, k]
            log_prior[rows] -= 0.5 * ((points.positions[rows, k] - position) / SPREAD) ** 2
        return log_prior

    def have(self, points: Points, fixed: Mapping[str, Any]) -> np.ndarray:
        """Which rows have the values of `fixed`; all where no row has."""
        has = np.ones(len(points), dtype=bool)
        for name, value in fixed.items():
            if name in self.values:
                has &= points.codes[:, self.categories.index(name)] == self.values[name].index(value)
            elif name in self.numbers:
                k, position = self.numbers.index(name), self._listed(name, value)
                if math.isnan(position):  # the exact zero of its range
                    has &= self._varies[self._which(points), k] & ~points.on[:, k]
                else:
                    has &= points.on[:, k] & np.isclose(points.positions[:, k], position)
        return has if has.any() else np.ones(len(points), dtype=bool)

    def _listed(self, name: str, value: Any) -> float:
        """The position of a number that has the same values for all optimizers."""
        values = next(v for v in (self._values(name, o) for o in self.optimizers) if v is not None)
        return _position(values, value)

    def neighbours(self, parents: Points, generator: np.random.Generator, change: float) -> Points:
        """Rows like their parents: each category and zero changes with chance `change`."""
        mine = self._which(parents)
        kept = generator.random(len(parents)) >= change
        which = np.where(kept, mine, generator.integers(len(self.optimizers), size=len(parents)))
        drawn = self._drawn(which, generator)
        codes, positions, on = drawn.codes.copy(), drawn.positions.copy(), drawn.on.copy()
        for k, name in enumerate(self.categories):
            if name == "optimizer":
                continue
            possible = np.array([parents.codes[row, k] in self._allowed[k][o] for row, o in enumerate(which)])
            copied = possible & (generator.random(len(parents)) >= change)
            codes[copied, k] = parents.codes[copied, k]
        varies, zero = self._varies[which], self._zero[which]
        copied = (
            varies
            & (generator.random(on.shape) >= np.where(zero > 0, change, 0.0))
            & (parents.on | (zero > 0))
        )
        on = np.where(copied & self._varies[mine], parents.on, on)
        positions = np.where(on & parents.on, parents.positions, positions)
        return Points(codes, np.where(on, positions, 0.0), on)

    def _drawn(self, which: np.ndarray, generator: np.random.Generator) -> Points:
        codes = np.full((len(which), len(self.categories)), -1)
        for k in range(len(self.categories)):
            chance = generator.random(len(which))
            for o in range(len(self.optimizers)):
                rows, allowed = which == o, self._allowed[k][o]
                if allowed:
                    codes[rows, k] = np.array(allowed)[(chance[rows] * len(allowed)).astype(int)]
        shape = (len(which), len(self.numbers))
        on = self._varies[which] & (generator.random(shape) >= self._zero[which])
        return self.snapped(Points(codes, np.where(on, generator.random(shape), 0.0), on))

    def snapped(self, points: Points) -> Points:
        """The nearest rows that are configurations: numbers with listed values lie on them."""
        positions, which = np.clip(points.positions, 0.0, 1.0), self._which(points)
        for (o, k), grid in self._grids.items():
            rows = which == o
            positions[rows, k] = grid[np.abs(positions[rows, k][:, None] - grid).argmin(axis=1)]
        return Points(points.codes, np.where(points.on, positions, 0.0), points.on)

    def _which(self, points: Points) -> np.ndarray:
        """The optimizer of each row, by its position among all."""
        if "optimizer" not in self.categories:
            return np.zeros(len(points), dtype=int)
        return points.codes[:, self.categories.index("optimizer")]

    def _values(self, name: str, optimizer: str) -> Range | Choice | None:
        """What a number may be where it varies; ``None`` where it is off or fixed."""
        values = self._active[optimizer].get(name, ("", None))[1]
        return None if values is None or isinstance(values, Fixed) else values

    def _codes(self, name: str, optimizer: str) -> list[int]:
        """Codes that a category may have where the optimizer is `optimizer`; none where it is off."""
        if name == "optimizer":
            return [self.values[name].index(optimizer)]
        entry = self._active[optimizer].get(name)
        return [] if entry is None else [self.values[name].index(v) for v in entry[1].values or ()]

    def _code(self, name: str, configuration: Mapping[str, Any]) -> int:
        return self.values[name].index(configuration[name]) if name in configuration else -1

    def _position(self, name: str, configuration: Mapping[str, Any]) -> float:
        """NaN where the number is off."""
        values = self._values(name, configuration["optimizer"]) if name in configuration else None
        return math.nan if values is None else _position(values, configuration[name])


def _is_number(values: Values) -> bool:
    if isinstance(values, Range):
        return True
    options = values.values
    plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in options)
    return plain and (isinstance(values, Fixed) or len(options) > 2)


def _union(entries: Sequence[Values]) -> tuple[Any, ...]:
    union: list[Any] = []
    for values in entries:
        union += [v for v in values.values or () if v not in union]
    return tuple(union)


def _position(values: Range | Choice, value: Any) -> float:
    if isinstance(values, Choice):
        return sorted(values.options).index(value) / (len(values.options) - 1)
    return math.nan if values.zero and value == 0 else min(max(values.position(value), 0.0), 1.0)


def _value(values: Values, position: float, on: bool) -> Any:
    if isinstance(values, Choice):
        return sorted(values.options)[round(position * (len(values.options) - 1))]
    assert isinstance(values, Range)
    if not on:
        return 0 if values.integer else 0.0
    plain = replace(values, zero=0.0)
    listed = plain.values
    return (
        plain.at(position) if listed is None else min(listed, key=lambda v: abs(plain.position(v) - position))
    )


def _grid(values: Range | Choice) -> np.ndarray | None:
    """Places of the listed values; ``None`` where the range is continuous."""
    if isinstance(values, Choice):
        return np.linspace(0, 1, len(values.options))
    listed = replace(values, zero=0.0).values
    return None if listed is None else np.array([values.position(v) for v in listed])
