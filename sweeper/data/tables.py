"""A table as `Data`: what each column is, its cells as numbers, targets, and what splits the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweeper.data.arrays import HUGE, check_enough, check_rows
from sweeper.data.column import Column
from sweeper.data.columns import read_column
from sweeper.data.data import Data
from sweeper.data.frames import table_of
from sweeper.data.keys import Keys, features, key_problems, targets_of
from sweeper.data.labels import read_labels
from sweeper.data.table import Table, mistakes_in
from sweeper.data.table_splits import splitting
from sweeper.data.targets import fit_targets
from sweeper.errors import shown
from sweeper.wording import given

if TYPE_CHECKING:  # it loads scikit-learn
    from sweeper.data.encoding import Encoding


def read_frame(
    frame: pd.DataFrame,
    target: str | Sequence[str] | None,
    keys: Keys,
    loss_task: str | None,
    name: str = "the DataFrame",
    parts: Mapping[str, int] | None = None,
) -> Data:
    """`Data` of a pandas DataFrame: ``read_frame(frame, target, keys, loss_task, name)``.

    Args:
        frame: columns of numbers (nullable ones, too), truth values, dates with and without a zone,
            categories, text, or a mixture of these; gaps are ``None``, ``NaN``, ``NaT`` or ``pd.NA``.
            Its index is not used.
        target: the column to predict, or several.
        keys: what the study says of columns and split: `sweeper.study.settings.keys_of`.
        loss_task: ``classification``, ``regression``, ``binary``, or ``None`` for a loss of the user's.
        name: what messages call the frame.
        parts: rows of each part, one below the other, where the frame came split.

    Raises:
        DataError: with all mistakes at once: row, column, value, and what is allowed.
    """
    data = data_of(table_of(frame, name, parts), target, keys, loss_task)
    return replace(data, read="table", fixed=_as_it_came(parts) if parts else data.fixed)


def _as_it_came(parts: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Row numbers of each part."""
    ends = np.cumsum(list(parts.values()))
    rows = {part: np.arange(end - many, end) for (part, many), end in zip(parts.items(), ends, strict=True)}
    return {"test": np.arange(0), **rows}


def data_of(table: Table, target: str | Sequence[str] | None, keys: Keys, loss_task: str | None) -> Data:
    """`Data` of a table, for a loss of `loss_task`.

    Raises:
        DataError: with all mistakes of the table at once, each with its line, column and value.
    """
    read = read_rows(table, target, keys, loss_task in ("regression", "binary"))
    _check_rows(table, read)
    named = ", ".join(targets_of(target))
    y, classes = fit_targets(read.labels, loss_task, table.name, named, keys.classes)
    plain = all(column.kind in ("number", "boolean") and not column.gaps for column in read.columns)
    encoding = None if plain else _encoding(read)
    names = tuple(c.name for c in read.columns) if encoding is None else encoding.names
    data = Data(read.raw, y, classes, None, table.name, names, read.columns, read.target_how)
    return replace(data, encoding=encoding, **read.splitting)


def _encoding(read: "Rows") -> "Encoding":
    # loaded late: scikit-learn takes a second
    from sweeper.data.encoding import Encoding

    return Encoding(read.columns, read.raw)


@dataclass(frozen=True)
class Rows:
    """What is read of a table."""

    columns: tuple[Column, ...]
    raw: np.ndarray
    """(n, k) float64, as in `Encoding`."""
    labels: np.ndarray
    target_how: Mapping[str, str]
    """Targets, and how they are read."""
    splitting: Mapping[str, Any]
    """Fields of `Data` that say how rows are split."""


def read_rows(table: Table, target: str | Sequence[str] | None, keys: Keys, numeric: bool) -> Rows:
    """Columns, targets and what splits the rows; with `numeric`, targets that are text are a mistake.

    Raises:
        DataError: with all mistakes of the table at once.
    """
    names, wrong = list(table.columns), list(table.wrong)
    if sentences := [_sentence(*problem) for problem in key_problems(names, target, keys)]:
        raise mistakes_in(table.name, [*sentences, *wrong])
    targets = targets_of(target)
    read = [
        read_column(table, name, keys.columns.get(name, ""), keys.embeds, wrong)
        for name in features(names, targets, keys)
    ]
    labels, hows = read_labels(table, targets, numeric, wrong)
    split_by = splitting(table, keys, wrong)
    if wrong:
        raise mistakes_in(table.name, wrong)
    raw = np.concatenate([numbers for _, numbers in read], axis=1)
    return Rows(tuple(column for column, _ in read), raw, labels, hows, split_by)


def _sentence(key: str, value: object, problem: str) -> str:
    return f"{key}{'' if value is None else f' = {shown(value)}'}: {problem}"


def _check_rows(table: Table, read: Rows) -> None:
    check_enough(table.rows, table.name)
    huge = np.argwhere(np.abs(read.raw) >= HUGE)
    if len(huge):
        row, index = huge[0]
        name = [column.name for column in read.columns for _ in range(column.width)][index]
        problem = f"{read.raw[row, index]}; every value must be finite and below {given(HUGE)}"
        raise table.fault(int(row), name, problem)
    if read.labels.dtype.kind == "f":
        check_rows(np.zeros(table.rows), read.labels, table.name)
