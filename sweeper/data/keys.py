"""The keys of ``[data]`` that name columns of a table, and what is wrong with them."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sweeper.data.column import KINDS
from sweeper.data.faults import is_number
from sweeper.errors import did_you_mean, shortened

NAMES = ("columns", "drop", "stratify", "group", "time", "classes")
"""Of the keys, as the study has them."""
SHOWN = 20
"""Column names that a message lists at most."""
FORMATTED = ("date", "datetime")
"""Kinds that may be followed by a format."""


@dataclass(frozen=True)
class Keys:
    """What the study says of the columns and the split; all of it has a default."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """column -> one of `KINDS`, of dates also ``date FORMAT``."""
    drop: Sequence[str] = ()
    """Columns to leave out."""
    stratify: str | bool | None = None
    """A column whose values each part gets about the same share of; ``True``: the classes; ``None``: the
    classes, where they are large enough."""
    group: str | None = None
    """The column whose rows of one value stay in one part."""
    time: str | None = None
    """The column by which rows are split in order."""
    classes: int | None = None
    """How many classes there are, where fewer occur."""
    split: tuple[float, float, float] = (0.6, 0.2, 0.2)
    """Shares of train, validation and test."""
    embeds: bool = False
    """Whether the model takes codes for an embedding (the argument `code_sizes`)."""

    def taken_by(self, function: Callable[..., Any]) -> dict[str, Any]:
        """Those that are arguments of a data function: they are its own, and mean nothing here."""
        try:
            asked = set(inspect.signature(function).parameters)
        except (ValueError, TypeError):  # functions written in C
            return {}
        given = {name: getattr(self, name) for name in NAMES if name in asked}
        set_ = {name: value for name, value in given.items() if value != getattr(Keys(), name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in set_.items()}

    def without(self, names: Iterable[str]) -> "Keys":
        """The others alone."""
        return replace(self, **{name: getattr(Keys(), name) for name in names})

    @property
    def dropped(self) -> set[str]:
        """Columns that are left out."""
        return {*self.drop, *(name for name, kind in self.columns.items() if kind == "drop")}

    @property
    def about_columns(self) -> dict[str, object]:
        """Those keys that only a table can have, as they are given."""
        named = self.stratify if isinstance(self.stratify, str) else None
        given = {"columns": self.columns, "drop": self.drop, "stratify": named}
        return {
            key: value for key, value in {**given, "group": self.group, "time": self.time}.items() if value
        }


def features(names: Sequence[str], target: Sequence[str], keys: Keys) -> list[str]:
    """The columns that are inputs: what splits the rows is one only if the study says what it is."""
    splits = {keys.group, keys.time} - set(keys.columns)
    return [name for name in names if name not in {*target, *keys.dropped, *splits}]


def target_problem(names: Sequence[str], target: str | None) -> str:
    """Why `target` is no column to predict from the others; empty if it is."""
    if target is None:
        return f"missing; name the column to predict; columns: {_listed(names)}"
    if problem := _missing(names, target):
        alone = ". One column only: fields must be separated by comma, semicolon or tab" * (len(names) == 1)
        nameless = all(map(is_number, names))
        first = ". The first line must hold the names of the columns" * (nameless and len(names) > 1)
        return f"{problem}{alone}{first}"
    return "the only column; inputs are needed beside it" if len(names) == 1 else ""


def key_problems(
    names: Sequence[str], target: str | Sequence[str] | None, keys: Keys
) -> Iterator[tuple[str, object, str]]:
    """(key of the study, its value, what is wrong with it) of every mistake that the names alone show."""
    targets = targets_of(target)
    wrong = list(_named_wrong(names, target, targets, keys))
    if not wrong and not features(names, targets, keys):
        wrong = [("data.drop", list(keys.drop) or None, "no column is left for the inputs")]
    yield from wrong


def _named_wrong(
    names: Sequence[str], target: object, targets: Sequence[str], keys: Keys
) -> Iterator[tuple[str, object, str]]:
    for name in targets or (None,):
        if problem := target_problem(names, name):
            yield "data.target", target, problem
    for name, times in Counter(targets).items():
        if times > 1:
            yield "data.target", target, f"names {name!r} {times} times; each column is predicted once"
    yield from _columns(names, targets, keys)
    yield from _splits(names, targets, keys)


def targets_of(target: str | Sequence[str] | None) -> tuple[str, ...]:
    """The columns to predict."""
    return () if target is None else (target,) if isinstance(target, str) else tuple(target)


def _columns(names: Sequence[str], targets: Sequence[str], keys: Keys) -> Iterator[tuple[str, object, str]]:
    for name, kind in keys.columns.items():
        where = f"data.columns.{name}"
        if problem := _missing(names, name):
            yield where, kind, problem
        elif name in targets and kind != "number":
            yield where, kind, "is the target; what it is follows from training.loss"
        word, _, form = str(kind).partition(" ")
        if not isinstance(kind, str) or word not in KINDS or (form and word not in FORMATTED):
            yield where, kind, f'{did_you_mean(str(kind), KINDS)}; dates may have a format, "date %d.%m.%Y"'
        elif form and "%" not in form:
            yield where, kind, 'the format of a date is made of %Y, %m, %d and the like: "date %d.%m.%Y"'
    for name, times in Counter(keys.drop).items():
        if problem := _missing(names, name):
            yield "data.drop", name, problem
        elif times > 1:
            yield "data.drop", name, f"is named {times} times"
        elif keys.columns.get(name, "drop") != "drop" and name != keys.time:  # else how its order is read
            yield "data.drop", name, f"is {keys.columns[name]!r} in data.columns; say one of the two"
        if name in targets:
            yield "data.drop", name, "is the target"


def _splits(names: Sequence[str], targets: Sequence[str], keys: Keys) -> Iterator[tuple[str, object, str]]:
    named = {"group": keys.group, "time": keys.time, "stratify": keys.stratify}
    for key, name in named.items():
        if isinstance(name, str) and (problem := _missing(names, name)):
            yield f"data.{key}", name, problem
    given = [key for key, name in named.items() if name]
    if len(given) > 1:
        others = " and ".join(f"data.{key}" for key in given[1:])
        yield (
            f"data.{given[0]}",
            named[given[0]],
            f"cannot go with {others}: each splits the rows its own way",
        )
    for key in ("group", "time"):
        if named[key] in targets:
            yield f"data.{key}", named[key], "is the target"


def _missing(names: Sequence[str], name: str) -> str:
    if name in names:
        return ""
    return f"no such column; {did_you_mean(name, names).partition('allowed: ')[0]}columns: {_listed(names)}"


def _listed(names: Sequence[str]) -> str:
    more = f" … ({len(names)} in all)" if len(names) > SHOWN else ""
    return ", ".join(map(shortened, names[:SHOWN])) + more
