"""Data frames as tables of the page: headings and what they mean, cells, the values that sorting goes by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeper.records.schema import decode
from sweeper.report.columns import heading, meaning
from sweeper.wording import fixed, shown

MOST = 200
"""Rows on the page; the CSV has all."""


@dataclass(frozen=True)
class Cell:
    """What is read, and what is sorted by."""

    text: str
    key: str
    """A number in full, or the text in small letters; empty sorts last."""


@dataclass(frozen=True)
class Column:
    """A heading; numbers stand at the right."""

    heading: str
    numeric: bool


@dataclass(frozen=True)
class Grid:
    """One table of the page."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    total: int
    """Rows that there are; more than `rows` when cut."""
    meanings: tuple[tuple[str, str], ...]
    """Heading -> definition, of the columns that need one."""


def grid(name: str, caption: str, frame: pd.DataFrame, most: int = MOST) -> Grid:
    """The first `most` rows of `frame`; columns without any value are left out."""
    head = frame.head(most)
    head = head.loc[:, (head.notna() & (head != "")).any()]
    columns = tuple(Column(heading(str(c)), _numeric(head[c])) for c in head.columns)
    cells = [_cells(head[c]) for c in head.columns]
    meanings = tuple((heading(str(c)), text) for c in head.columns if (text := meaning(name, str(c))))
    return Grid(name, caption, columns, list(zip(*cells, strict=True)), len(frame), meanings)


def _numeric(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _cells(column: "pd.Series[Any]") -> list[Cell]:
    decimals = _decimals(column)
    if decimals is None:
        return [Cell(shown(value), _key(value)) for value in map(_listed, column)]
    return [Cell("–" if pd.isna(v) else fixed(v, decimals), _key(v)) for v in column]


def _listed(value: Any) -> Any:
    """A setting of several values as a list, as records hold it as JSON; any other text as it is, also one
    that reads as a number: the name of a layer, say."""
    is_json = isinstance(value, str) and (value[:1] in ("[", '"') or value in ("true", "false"))
    return decode(value) if is_json else value


def _decimals(column: "pd.Series[Any]") -> int | None:
    """Decimals that give the usual number of the column four digits; ``None`` where sizes differ too much."""
    if not pd.api.types.is_float_dtype(column):
        return None
    sizes = column.abs()[column.abs() > 0]
    if (
        sizes.empty
        or not np.isfinite(sizes).all()
        or sizes.max() / sizes.min() > 300
        or sizes.min() < 1e-3
        or sizes.max() >= 1e6
    ):
        return None
    return min(max(3 - math.floor(math.log10(sizes.median())), 0), 6)


def _key(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, tuple | list):
        return shown(value)
    if pd.isna(value):
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value).replace("inf", "Infinity")  # as the script of the page reads it
    return shown(value).lower()
