"""What each column of a table is and becomes: as the study says, else as its cells suggest."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sweeper.data.cells import GAPS, as_numbers, categories, texts
from sweeper.data.column import Column
from sweeper.data.faults import FAULTS
from sweeper.data.inference import MOST, ambiguous, date_share, form_of, kind_of, present
from sweeper.data.table import Table, is_typed
from sweeper.errors import shown
from sweeper.wording import count, listing

MOST_ONE_HOT = 20
"""Values of a category up to which each has an input of its own, by default."""
MOST_INPUTS = 1000
"""Values up to which that can be asked for."""
LOOKED_AT = 10_000
"""Wrong cells of a column that are counted at most."""


def read_column(
    table: Table, name: str, given: str, embeds: bool, wrong: list[str]
) -> tuple[Column, np.ndarray]:
    """What column `name` is, and its cells as numbers (n, k); `wrong` grows by what is wrong with it.

    `given` is what the study says of it, one of `KINDS` or empty; `embeds` whether the model takes codes.
    """
    kind, _, form = (given or kind_of(table, name)).partition(" ")
    if kind in ("category", "one_hot", "codes", "frequency"):
        return _category(table, name, kind, embeds, wrong, given)
    column = Column(name, kind, form=form or form_of(table, name, kind))
    cells = as_numbers(table.columns[name], column.how)
    unread = np.flatnonzero(~np.isfinite(cells).all(axis=1))
    column = replace(column, gaps=_gaps(table, column, unread, bool(given), wrong))
    other = ambiguous(table.columns[name], column.form) if not form else ""
    note = f'read as month/day/year; if days come first, say "{kind} {other}"' if other else ""
    return replace(column, note=note or _note(table, column, cells)), cells


def _category(
    table: Table, name: str, kind: str, embeds: bool, wrong: list[str], given_kind: str
) -> tuple[Column, np.ndarray]:
    raw, values = categories(table.columns[name])
    gaps, rows, many = int((raw == len(values)).sum()), len(raw), len(values)
    repeated = 2 * many <= rows - gaps
    if kind == "category":
        kind = "one_hot" if many <= MOST_ONE_HOT else "codes" if embeds and repeated else "frequency"
    if kind == "one_hot" and many > MOST_INPUTS:
        wrong.append(
            f"column {shown(name)}: {many:,} different values; one_hot takes at most {MOST_INPUTS:,}. Say "
            '"category", "codes", "frequency" or "drop" in data.columns'
        )
    note = ""
    if many + (gaps > 0) == 1:
        note = f"the same value in every row, {shown(values[0])}" if many else "empty: not one value"
    elif given_kind == "" and date_share(table, name) >= MOST:
        note = "read as text: dates in several formats; write all in one"
    elif alike := _alike(values):
        both = listing(list(map(shown, alike)))
        note = f"read as different values: {both}; write them alike if they are the same"
    elif many > MOST_ONE_HOT and not repeated:
        note = f"an id or free text: {many:,} different values in {count(rows - gaps, 'row')}"
    return Column(name, kind, gaps, tuple(values), note=note), raw


def _alike(values: Sequence[str]) -> list[str]:
    """Values that differ by case, blanks or the encoding of accents alone: the first such ones."""
    first: dict[str, str] = {}
    for value in values:
        plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
        if first.setdefault(plain, value) != value:
            return [first[plain], value]
    return []


def _gaps(table: Table, column: Column, unread: np.ndarray, is_given: bool, wrong: list[str]) -> int:
    """How many cells are missing; of those that cannot be read, each kind of fault is told with its first."""
    first: dict[str, tuple[int, str]] = {}
    counts: Counter[str] = Counter()
    gaps = 0
    words = texts(table.cells(column.name, unread))
    for row, word in zip(unread, words, strict=True):
        if word.lower() in GAPS:
            gaps += 1
        elif counts.total() < LOOKED_AT:
            problem = FAULTS[column.kind](word, column.form, is_given)
            fault = problem.replace(shown(word), "")
            first.setdefault(fault, (int(row), problem))
            counts[fault] += 1
    for fault, (row, problem) in first.items():
        wrong.append(table.problem_at(row, column.name, problem, counts[fault]))
    return gaps


def _note(table: Table, column: Column, cells: np.ndarray) -> str:
    """An id, a constant or an empty column."""
    rows = len(cells)
    if column.kind == "number" and not is_typed(table.columns[column.name]):
        padded = next(
            (word for word in present(table.columns[column.name]) if re.fullmatch(r"0\d+", word)), ""
        )
        if padded:
            return f'read as numbers, {shown(padded)} as {int(padded)}; if these are codes, say "category"'
    if column.gaps:
        return "empty: not one value" if column.gaps == rows else ""
    if (cells == cells[0]).all():
        (value,) = texts(table.cells(column.name, np.arange(1)))
        return f"the same value in every row, {shown(value)}"
    if column.kind != "number" or (cells != np.round(cells)).any() or len(np.unique(cells)) < rows:
        return ""
    named = re.search(r"(^|[^A-Za-z])(id|index|key|nr|no)$", column.name, re.IGNORECASE)
    camel = column.name.endswith(("Id", "ID"))
    if named or camel or np.ptp(cells) == rows - 1:
        return f"an id: {rows:,} different whole numbers in {count(rows, 'row')}"
    return ""
