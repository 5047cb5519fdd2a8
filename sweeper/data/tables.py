"""A table as `Data`: what each column is, its cells as numbers, targets, and what splits the rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweeper.data.arrays import HUGE, check_enough, check_rows
from sweeper.data.cells import GAPS, as_numbers, texts
from sweeper.data.column import Column
from sweeper.data.columns import read_column, splitting
from sweeper.data.data import Data
from sweeper.data.faults import target_fault
from sweeper.data.frames import table_of
from sweeper.data.inference import decimal_commas, present, read_either_way
from sweeper.data.keys import Keys, features, key_problems, targets_of
from sweeper.data.table import Table, is_typed, mistakes_in
from sweeper.data.targets import fit_targets, word_problem
from sweeper.errors import shown
from sweeper.wording import given

if TYPE_CHECKING:  # it loads scikit-learn
    from sweeper.data.encoding import Encoding

MISSING = "the target is missing; fill it in or drop the row"
YES_NO = {"yes", "no", "ja", "nein", "on", "off", "true", "false"}


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
    asked = targets_of(target)
    amounts = loss_task is None and all(keys.columns.get(name) == "number" for name in asked)
    read = read_rows(table, target, keys, amounts or loss_task in ("regression", "binary"))
    _check_rows(table, read)
    labels = read.labels.astype(np.float64) if amounts else read.labels
    y, classes = fit_targets(labels, loss_task, table.name, ", ".join(asked), keys.classes)
    plain = all(column.kind in ("number", "boolean") and not column.gaps for column in read.columns)
    encoding = None if plain else _encoding(read)
    names = tuple(c.name for c in read.columns) if encoding is None else encoding.names
    data = Data(
        read.raw,
        y,
        classes,
        name=table.name,
        feature_names=names,
        columns=read.columns,
        target_how=read.target_how,
        truth=_truth_words(table, read),
    )
    return replace(data, encoding=encoding, **read.splitting)


def _truth_words(table: Table, read: "Rows") -> tuple[str, str] | None:
    """What a target that is read as truth values calls them, where it has one word for each."""
    if list(read.target_how.values()) != ["boolean words"]:
        return None
    words, labels = np.array(texts(table.columns[next(iter(read.target_how))])), read.labels.reshape(-1)
    no, yes = (sorted(set(words[labels == value].tolist())) for value in (0, 1))
    return (no[0], yes[0]) if len(no) == len(yes) == 1 else None


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


def read_labels(
    table: Table, names: tuple[str, ...], numeric: bool, wrong: list[str]
) -> tuple[np.ndarray, dict[str, str]]:
    """Targets (n,) int64, float64 or text of one column, (n, k) float64 of several; and how each is read.

    Whole numbers are int64, other numbers float64; with `numeric`, text is a mistake: `wrong` grows by it.
    """
    hows = {name: _how(table, name, numeric or len(names) > 1) for name in names}
    for name in names if numeric or len(names) > 1 else ():
        if word := read_either_way(table, name):
            plain, decimal = re.sub(r"[.,]", "", word), word.replace(",", ".")
            wrong.append(
                f"column {shown(name)}: {shown(word)} may be {plain} or {decimal}, as numbers "
                "of this file have decimal commas; write a comma before decimals, nothing between thousands"
            )
    if len(names) == 1:
        return _labels(table, names[0], hows, numeric, wrong), hows
    columns = [_labels(table, name, hows, True, wrong) for name in names]
    text = [name for name, column in zip(names, columns, strict=True) if column.dtype.kind == "U"]
    wrong += [f"column {shown(name)}: text; several targets must be numbers" for name in text]
    parts = [np.zeros(table.rows) if text else column.astype(float) for column in columns]
    return np.column_stack(parts), hows


def _how(table: Table, name: str, numeric: bool) -> str:
    """As `as_numbers` names it; yes and no are 1 and 0 where numbers are needed."""
    cells = table.columns[name]
    if numeric and not is_typed(cells) and {word.lower() for word in present(cells)} <= YES_NO:
        return "boolean words"
    return "number ," if table.decimal_commas and not is_typed(cells) and decimal_commas(cells) else "number"


def _labels(table: Table, name: str, hows: dict[str, str], numeric: bool, wrong: list[str]) -> np.ndarray:
    cells = table.columns[name]
    if is_typed(cells) and np.asarray(cells).dtype.kind in "iu":
        return np.asarray(cells)
    words = texts(cells)
    if _no_classes(table, name, words, wrong):
        return np.zeros(table.rows)
    dated = is_typed(cells) and np.asarray(cells).dtype.kind == "M"
    numbers = np.full(table.rows, np.nan) if dated else as_numbers(cells, hows[name])[:, 0]
    finite = np.isfinite(numbers)
    blank = np.array([word == "" for word in words])
    gaps = np.array([word.lower() in GAPS for word in words]) & ~finite
    if gaps.any() and (blank.any() or finite[~gaps].all()):
        _tell(table, name, np.flatnonzero(gaps), MISSING, wrong)
        return numbers
    if finite.all():
        whole = not is_typed(cells) and all(re.fullmatch(r"[+-]?\d+", word) for word in words)
        return _whole_numbers(table, name, words, numeric, wrong) if whole else numbers
    if np.isinf(numbers).any() or (numeric and finite.mean() > 0.5):
        rows = np.flatnonzero(~finite)
        _tell(table, name, rows, target_fault(words[rows[0]]), wrong)
    hows[name] = "text"
    return np.asarray(words)


def _no_classes(table: Table, name: str, words: list[str], wrong: list[str]) -> bool:
    """Whether some text cannot be the name of a class."""
    for word in dict.fromkeys(words):
        if problem := word_problem(word):
            wrong.append(table.problem_at(words.index(word), name, f"{shown(word)}: {problem}"))
            return True
    return False


def _tell(table: Table, name: str, rows: np.ndarray, problem: str, wrong: list[str]) -> None:
    wrong.append(table.problem_at(int(rows[0]), name, problem, len(rows)))


def _whole_numbers(table: Table, name: str, words: list[str], numeric: bool, wrong: list[str]) -> np.ndarray:
    """int64; as float64 different classes beyond it would be taken for the same."""
    whole = [int(word) for word in words]
    beyond = [row for row, number in enumerate(whole) if not -(2**63) <= number < 2**63]
    if not beyond:
        return np.array(whole, dtype=np.int64)
    if not numeric:
        problem = f"{shown(words[beyond[0]])}: a whole number that names a class has at most 64 bits"
        wrong.append(table.problem_at(beyond[0], name, problem))
    return np.array(whole, dtype=np.float64)
