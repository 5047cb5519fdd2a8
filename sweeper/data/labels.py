"""The target columns of a table, read: whole numbers, numbers or text."""

import re

import numpy as np

from sweeper.data.cells import GAPS, numbers, texts
from sweeper.data.faults import target_fault
from sweeper.data.inference import decimal_commas
from sweeper.data.table import Cells, Table, is_typed
from sweeper.data.targets import word_problem
from sweeper.errors import shown

MISSING = "the target is missing; fill it in or drop the row"
YES = {"yes": 1.0, "no": 0.0}


def read_labels(table: Table, names: tuple[str, ...], numeric: bool, wrong: list[str]) -> np.ndarray:
    """(n,) int64, float64 or text of one column, (n, k) float64 of several; `wrong` grows by its mistakes.

    Whole numbers are int64, other numbers float64; with `numeric`, text is a mistake.
    """
    if len(names) == 1:
        return _labels(table, names[0], numeric, wrong)
    columns = [_labels(table, name, True, wrong) for name in names]
    several = [name for name, column in zip(names, columns, strict=True) if column.dtype.kind == "U"]
    wrong += [f"column {shown(name)}: text; several targets must be numbers" for name in several]
    return np.column_stack([np.zeros(table.rows) if several else column for column in columns]).astype(float)


def _labels(table: Table, name: str, numeric: bool, wrong: list[str]) -> np.ndarray:
    cells = table.columns[name]
    if is_typed(cells) and np.asarray(cells).dtype.kind in "iu":
        return np.asarray(cells)
    comma = table.decimal_commas and decimal_commas(cells)
    words = texts(cells)
    if _no_classes(table, name, words, wrong):
        return np.zeros(table.rows)
    found = _numbers(cells, words, comma, numeric)
    finite = np.isfinite(found)
    blank = np.array([word == "" for word in words])
    gaps = np.array([word.lower() in GAPS for word in words]) & ~finite
    if gaps.any() and (blank.any() or finite[~gaps].all()):
        _tell(table, name, np.flatnonzero(gaps), MISSING, wrong)
        return found
    if finite.all():
        whole = not is_typed(cells) and all(re.fullmatch(r"[+-]?\d+", word) for word in words)
        return _whole_numbers(table, name, words, numeric, wrong) if whole else found
    if np.isinf(found).any() or (numeric and finite.mean() > 0.5):
        row = int(np.argmax(~finite))
        more = int((~finite).sum()) - 1
        problem = target_fault(words[row]) + f" ({more} more like it in this column)" * (more > 0)
        wrong.append(table.place(row, name, problem))
    return np.asarray(words)


def _numbers(cells: Cells, words: list[str], comma: bool, numeric: bool) -> np.ndarray:
    """float64; yes and no are 1 and 0 where numbers are needed."""
    if is_typed(cells) and np.asarray(cells).dtype.kind == "M":
        return np.full(len(words), np.nan)
    if numeric and {word.lower() for word in words} <= set(YES):
        return np.array([YES[word.lower()] for word in words])
    return numbers(cells, comma=comma)


def _no_classes(table: Table, name: str, words: list[str], wrong: list[str]) -> bool:
    """Whether some text cannot be the name of a class."""
    for word in dict.fromkeys(words):
        if problem := word_problem(word):
            wrong.append(table.place(words.index(word), name, f"{shown(word)}: {problem}"))
            return True
    return False


def _tell(table: Table, name: str, rows: np.ndarray, problem: str, wrong: list[str]) -> None:
    more = f" ({len(rows) - 1} more like it in this column)" if len(rows) > 1 else ""
    wrong.append(table.place(int(rows[0]), name, problem + more))


def _whole_numbers(table: Table, name: str, words: list[str], numeric: bool, wrong: list[str]) -> np.ndarray:
    """int64; as float64 different classes beyond it would be taken for the same."""
    whole = [int(word) for word in words]
    beyond = [row for row, number in enumerate(whole) if not -(2**63) <= number < 2**63]
    if not beyond:
        return np.array(whole, dtype=np.int64)
    if not numeric:
        problem = f"{shown(words[beyond[0]])}: a whole number that names a class has at most 64 bits"
        wrong.append(table.place(beyond[0], name, problem))
    return np.array(whole, dtype=np.float64)
