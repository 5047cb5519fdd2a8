"""The search space: what each key of `[search.space]` may be.

A value in the study file is `Fixed`, a list is a `Choice`, a table is a `Range`. A key
``learning_rate.sgd`` holds for trials whose optimizer is ``sgd`` and replaces ``learning_rate``
there. All three kinds answer two questions: which value lies at a point `u` of [0, 1], and which
distinct values there are.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

COUNTABLE = 10_000
"""A range with more values than this counts as continuous: nobody compares them one by one."""


@dataclass(frozen=True)
class Fixed:
    """One value for every trial."""

    value: Any

    @property
    def values(self) -> tuple[Any, ...]:
        """The value."""
        return (self.value,)

    def at(self, u: float) -> Any:
        """The value, wherever."""
        return self.value


@dataclass(frozen=True)
class Choice:
    """A list of values without order."""

    options: tuple[Any, ...]

    @property
    def values(self) -> tuple[Any, ...]:
        """The options."""
        return self.options

    def at(self, u: float) -> Any:
        """The option whose equal share of [0, 1] holds `u`."""
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    `log` spreads them evenly over the logarithm; `step` leaves only ``low + k * step``, of which
    `high` is the last; `zero` is the share of trials at exactly 0 (for weights that may be off);
    `integer` leaves whole numbers only.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    zero: float = 0.0
    integer: bool = False
    prior: float | None = None
    """Where the best value is expected; the search begins around it, and is the freer the more it knows."""

    @property
    def values(self) -> tuple[Any, ...] | None:
        """All distinct values, or ``None`` where the range is continuous or has more than `COUNTABLE`."""
        count = self._count()
        if count is None or count > COUNTABLE:
            return None
        grid = tuple(self._grid(k) for k in range(count))
        return grid if not self.zero or 0 in grid else (self._number(0), *grid)

    def at(self, u: float) -> float | int:
        """0 below `zero`; from there to 1 evenly spread from `low` to `high`."""
        if u < self.zero:
            return self._number(0)
        u = min((u - self.zero) / (1 - self.zero), 1.0)
        count = self._count()
        if count is not None and not self.log:
            return self._grid(min(int(u * count), count - 1))
        if self.integer:  # every whole number gets its share of the logarithm
            value = math.exp(_between(math.log(self.low - 0.5), math.log(self.high + 0.5), u))
            return self._number(_clamped(round(value), self.low, self.high))
        if self.log:
            value = math.exp(_between(math.log(self.low), math.log(self.high), u))
            return _clamped(value, self.low, self.high)
        return _clamped(_between(self.low, self.high, u), self.low, self.high)

    def position(self, value: float) -> float:
        """Where a value above zero lies, from 0 at `low` to 1 at `high`, on the logarithm if `log`."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def _count(self) -> int | None:
        """Number of values without the extra zero; ``None`` where the range is continuous."""
        step = self.step or (1 if self.integer else None)
        return None if step is None else math.floor((self.high - self.low) / step + 1e-9) + 1

    def _grid(self, k: int) -> float | int:
        return self._number(min(self.low + k * (self.step or 1), self.high))

    def _number(self, value: float) -> float | int:
        return round(value) if self.integer else float(value)


def _between(low: float, high: float, u: float) -> float:
    return low * (1 - u) + high * u


def _clamped(value: float, low: float, high: float) -> float:
    return float(min(max(value, low), high))


Values = Fixed | Choice | Range


def holds(values: Values, value: Any) -> bool:
    """Whether `value` is one of `values`."""
    if isinstance(values, Fixed | Choice):
        return any(same(value, option) for option in values.values)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if values.zero and value == 0:
        return True
    listed = values.values
    if listed is not None:
        return any(same(value, option) for option in listed)
    return values.low <= value <= values.high and (not values.integer or float(value).is_integer())


def among(parameters: Mapping[str, Any], wanted: Iterable[Mapping[str, Any]]) -> bool:
    """Whether `parameters` have all settings of one of `wanted`; what those leave out is fixed."""
    return any(all(_is(parameters.get(name), value) for name, value in one.items()) for one in wanted)


def _is(found: Any, value: Any) -> bool:
    return bool(found == value) or same(found, value)


def same(one: Any, other: Any) -> bool:
    """Equal, numbers to nine digits; true is not 1, and a list is the tuple of the same values."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
    if not numbers:
        return type(one) is type(other) and bool(one == other)
    return bool(abs(one - other) <= 1e-9 * max(abs(one), abs(other)))


@dataclass(frozen=True)
class Space:
    """Every searched or fixed parameter, under the keys of the study file.

    `entries` maps keys to `Values`; `accepted` maps each optimizer of the space to the optimizer
    options it takes, so that a parameter no trial can use is not sampled for it.
    """

    entries: Mapping[str, Values]
    accepted: Mapping[str, frozenset[str]]
    optimizer_options: frozenset[str]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameter names, optimizer first (others may depend on it), each once."""
        names = ["optimizer", *(self.base(key) for key in self.entries)]
        return tuple(dict.fromkeys(names))

    def base(self, key: str) -> str:
        """``learning_rate.sgd`` -> ``learning_rate``; other keys are their own parameter."""
        head, _, tail = key.rpartition(".")
        return head if head not in ("", "model", "training") and tail in self.accepted else key

    def entry(self, parameter: str, optimizer: str) -> tuple[str, Values] | None:
        """Key and values of `parameter` for trials of `optimizer`; ``None`` if it is not used there."""
        if parameter in self.optimizer_options and parameter not in self.accepted[optimizer]:
            return None
        for key in (f"{parameter}.{optimizer}", parameter):
            if key in self.entries:
                return key, self.entries[key]
        return None

    def entries_of(self, parameter: str) -> tuple[Values, ...]:
        """Values of `parameter`, for all optimizers and for single ones; empty where the space lacks it."""
        return tuple(values for key, values in self.entries.items() if self.base(key) == parameter)

    def keyed(self, parameter: str, fixed: Any) -> dict[str, Values]:
        """Key -> values that trials have of `parameter`, of all optimizers of the space; of one without a key
        of it `fixed`, the value of the study's section, under the plain key."""
        entries = (self.entry(parameter, name) for name in self.accepted)
        return dict(entry or (parameter, Fixed(fixed)) for entry in entries)

    def listed(self, parameter: str) -> tuple[Any, ...]:
        """Each value of `parameter` once, those for single optimizers too; none of a continuous range."""
        listed = (value for values in self.entries_of(parameter) for value in values.values or ())
        return tuple(dict.fromkeys(listed))

    def active(self, optimizer: str) -> dict[str, tuple[str, Values]]:
        """parameter -> (key, values) for every parameter that trials of `optimizer` have."""
        entries = {name: self.entry(name, optimizer) for name in self.parameters if name != "optimizer"}
        return {name: entry for name, entry in entries.items() if entry is not None}

    def size(self) -> int | None:
        """Number of distinct configurations; ``None`` where a continuous range makes it infinite."""
        total = 0
        for optimizer in self.entries["optimizer"].values or ():
            counts = [values.values for _, values in self.active(optimizer).values()]
            if any(count is None for count in counts):
                return None
            total += math.prod(len(count) for count in counts if count is not None)
        return total

    def configurations(self) -> Iterator[dict[str, Any]]:
        """All configurations of a finite space, in the order of the study file."""
        for optimizer in self.entries["optimizer"].values or ():
            active = self.active(optimizer)
            for combination in itertools.product(*(v.values or () for _, v in active.values())):
                yield {"optimizer": optimizer, **dict(zip(active, combination, strict=True))}


def grid_axis(values: Values, count: int) -> list[Any]:
    """All listed values; of a range `count` at equal distances, ends included, and its 0 if it has one."""
    if values.values is not None and (not isinstance(values, Range) or len(values.values) <= count):
        return list(values.values)
    assert isinstance(values, Range)
    spread = [values.zero + (1 - values.zero) * k / (count - 1) for k in range(count)]
    values_on_it = [values.at(u) for u in spread]
    return list(dict.fromkeys(([0.0] if values.zero else []) + values_on_it))


def grid_size(space: Space, count: int) -> int:
    """Configurations of a full grid with `count` values of each range."""
    active = (space.active(optimizer) for optimizer in space.entries["optimizer"].values or ())
    return sum(math.prod(len(grid_axis(values, count)) for _, values in each.values()) for each in active)
