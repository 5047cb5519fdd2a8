"""The target columns of a table, read: whole numbers, numbers or text."""

import re

import numpy as np

from sweeper.data.cells import GAPS, as_numbers, texts
from sweeper.data.faults import target_fault
from sweeper.data.inference import decimal_commas, present
from sweeper.data.table import Table, is_typed
from sweeper.data.targets import word_problem
from sweeper.errors import shown

MISSING = "the target is missing; fill it in or drop the row"
YES_NO = {"yes", "no", "ja", "nein", "on", "off", "true", "false"}


def read_labels(
    table: Table, names: tuple[str, ...], numeric: bool, wrong: list[str]
) -> tuple[np.ndarray, dict[str, str]]:
    """Targets (n,) int64, float64 or text of one column, (n, k) float64 of several; and how each is read.

    Whole numbers are int64, other numbers float64; with `numeric`, text is a mistake: `wrong` grows by it.
    """
    hows = {name: _how(table, name, numeric or len(names) > 1) for name in names}
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
