"""A table as it was read: its columns, where its rows stand, and messages that name both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sweeper.data.faults import is_number
from sweeper.errors import DataError, shown

MOST_LISTED = 20
"""Mistakes of a table that a message lists."""

Cells = Any
"""Cells of a column: a sequence of text, an array of numbers, or a pandas Series of points in time."""


@dataclass(frozen=True)
class Table:
    """The columns of a file or of a DataFrame, and where their rows stand."""

    name: str
    """The path of a file, or what a DataFrame is called in messages."""
    columns: dict[str, Cells]
    lines: Sequence[int] | None = None
    """Line of the file where each row starts; ``None`` where there are no lines."""
    wrong: tuple[str, ...] = ()
    """What is wrong with other rows, which are left out here."""
    categories: frozenset[str] = field(default_factory=frozenset)
    """Columns that say themselves that they are categories."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Rows of each part, one below the other, where the table came split."""
    decimal_commas: bool = False
    """Whether a comma may stand before decimals: it does not separate the fields."""

    @property
    def rows(self) -> int:
        """How many."""
        return len(next(iter(self.columns.values()), ()))

    def cells(self, name: str, rows: np.ndarray) -> list[object]:
        """Some cells of a column."""
        cells = self.columns[name]
        return list(cells.iloc[rows]) if isinstance(cells, pd.Series) else [cells[row] for row in rows]

    def problem_at(self, row: int, column: str, problem: str, times: int = 1) -> str:
        """The problem behind row and column, which is the first of `times` such cells."""
        where = f"line {self.lines[row]}" if self.lines else self._row(row)
        more = f" ({times - 1} more like it in this column)" if times > 1 else ""
        return f"{where}, column {shown(column)}: {problem}{more}"

    def _row(self, row: int) -> str:
        for part, rows in self.parts.items():
            if row < rows:
                return f"part {part!r}, row {row} (counted from 0)"
            row -= rows
        return f"row {row} (counted from 0)"

    def fault(self, row: int, column: str, problem: str) -> DataError:
        """The error that names file, row and column."""
        return mistakes_in(self.name, [self.problem_at(row, column, problem)])


def is_typed(cells: Cells) -> bool:
    """Whether cells are numbers or points in time, not text."""
    return isinstance(cells, np.ndarray | pd.Series) and cells.dtype.kind in "biufM"


def mistakes_in(name: object, wrong: Sequence[str]) -> DataError:
    """One message for all of them: how many there are, and the first `MOST_LISTED`."""
    if len(wrong) == 1:
        return DataError(f"{name}: {wrong[0]}")
    lines = [f"  {mistake}" for mistake in wrong[:MOST_LISTED]]
    lines += [f"  … and {len(wrong) - MOST_LISTED} more"] * (len(wrong) > MOST_LISTED)
    return DataError("\n".join([f"{name}: {len(wrong)} mistakes", *lines]))


def check_repeated(name: object, names: Sequence[str]) -> None:
    """Two columns of one name are a mistake.

    Raises:
        DataError: naming the first of them.
    """
    seen: set[str] = set()
    for each in names:
        if each in seen:
            first = "; the first line must hold the names of the columns" * all(map(is_number, names))
            raise DataError(
                f"{name}: column {shown(each)} is there twice; every column needs its own name{first}"
            )
        seen.add(each)
