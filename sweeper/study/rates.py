"""Which learning rates to search with an optimizer: all that proposes a range asks here.

The rule: the optimizer's own range (``rates`` in its file, with who says so), moved as a whole, by powers of
ten, to where evidence puts it. `search_rates` says how; `docs/decisions.md` says why.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeper.components.optimizers import DEFAULT, OPTIMIZERS
from sweeper.study.frozen import frozen
from sweeper.study.parse_space import flatten
from sweeper.study.sections import SearchSection
from sweeper.study.space import Space
from sweeper.wording import tidied

ROOM = 0.5
"""Decades to either side that a range leaves around a rate that did well, at least."""
SLACK = 1e-6
"""Decades by which a rate may miss a power of ten and still be it."""
NAME = "learning_rate"


def search_rates(
    optimizer: str,
    *,
    good: Iterable[float] = (),
    too_low: float | None = None,
    too_high: float | None = None,
) -> tuple[float, float]:
    """The range (low, high) of learning rates to search with `optimizer`.

    Args:
        optimizer: its name. Without evidence the range is ``OPTIMIZERS[optimizer].rates``.
        good: rates that did well; `ROOM` is left around them, but above `too_high` and below `too_low`.
        too_low: up to here training changes nothing: the range begins at the power of ten at or below it.
        too_high: from here on training diverges, as was measured, or follows from the curvature of the
            loss: the range ends at the power of ten at or above it. Of both this one counts.

    A range that is moved keeps its number of decades.
    """
    own = OPTIMIZERS[optimizer].rates
    low, high = math.log10(own.low), math.log10(own.high)
    if too_high is not None:
        low, high = low - high + _above(too_high), _above(too_high)
    elif too_low is not None:
        low, high = _below(too_low), high - low + _below(too_low)
    for rate in good:
        if too_high is None:
            high = max(high, _above(rate * 10**ROOM))
        if too_low is None or too_high is not None:
            low = min(low, _below(rate / 10**ROOM))
    return tidied(10**low), tidied(10**high)


def _above(rate: float) -> int:
    return math.ceil(math.log10(rate) - SLACK)


def _below(rate: float) -> int:
    return math.floor(math.log10(rate) + SLACK)


def joined(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """One range that holds all `ranges`: that of optimizers that share a key."""
    return min(low for low, _ in ranges), max(high for _, high in ranges)


def optimizers_at(space: Space, key: str) -> tuple[str, ...]:
    """The optimizers whose trials draw their rate from `key` of the space."""
    names = space.entries["optimizer"].values or ()
    entries = {name: space.entry(NAME, name) for name in names}
    return tuple(name for name, entry in entries.items() if entry is not None and entry[0] == key)


def as_range(ends: tuple[float, float]) -> dict[str, Any]:
    """A range as a study file has it."""
    return {"low": ends[0], "high": ends[1], "log": True}


def missing_rates(space: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Keys and ranges for the optimizers of a ``[search.space]``, as written, that have no learning rate.

    One key where all have none and share a range; else one for each.
    """
    written = dict(flatten(space))
    if NAME in written:
        return {}
    names = optimizers_of(space)
    missing = [name for name in names if f"{NAME}.{name}" not in written]
    ranges = {name: search_rates(name) for name in missing}
    if len(missing) == len(names) and len(set(ranges.values())) == 1:
        return {NAME: as_range(next(iter(ranges.values())))}
    return {f"{NAME}.{name}": as_range(ends) for name, ends in ranges.items()}


def optimizers_of(space: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of a ``[search.space]`` as written, or the one of a study that names none that is known."""
    listed = space.get("optimizer", DEFAULT)
    listed = listed if isinstance(listed, list | tuple) else [listed]
    known = [name for name in listed if isinstance(name, str) and name in OPTIMIZERS]
    return tuple(dict.fromkeys(known)) or (DEFAULT,)


def default_range(space: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What `key` of a ``[search.space]`` is while nothing is written there; empty for other parameters."""
    name, _, optimizer = key.partition(".")
    if name != NAME or NAME in space or (optimizer and optimizer not in OPTIMIZERS):
        return {}
    return as_range(
        joined([search_rates(each) for each in ([optimizer] if optimizer else optimizers_of(space))])
    )


def with_rates(given: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a study, with a range of learning rates for every optimizer that has none.

    It is written out, so that a run folder says what was searched whatever later releases propose.
    """
    search = given.get("search", {})
    if isinstance(search, SearchSection):
        space: Any = search.space
    else:
        space = search.get("space", {}) if isinstance(search, Mapping) else None
    if not isinstance(space, Mapping):
        return dict(given)  # a mistake, which is told when sections are read
    space = {**missing_rates(space), **space}
    if isinstance(search, SearchSection):
        return {**given, "search": search.model_copy(update={"space": frozen(space)})}
    return {**given, "search": {**search, "space": space}}


def named_rates(space: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of a ``[search.space]``, as written, that hold learning rates."""
    return tuple(key for key in space if key.split(".")[0] == NAME)
