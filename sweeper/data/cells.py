"""Cells of a table as numbers. The stand-alone script of a run carries the source of these functions.

Each takes a column (text, numbers, truth values or dates; a list, an array or a pandas Series), depends on
numpy and pandas alone, and gives float64 (n, k); NaN is a gap, or a cell that cannot be read.
"""

import re
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd

GAPS = ("", "nan", "na", "n/a", "none", "null", "<na>", "nat", "?", "#n/a", "#na", "-nan")
"""What stands for a missing value, in small letters."""
TRUTH = {
    **dict.fromkeys(("true", "yes", "y", "t", "on", "ja", "1", "1.0"), 1.0),
    **dict.fromkeys(("false", "no", "n", "f", "off", "nein", "0", "0.0"), 0.0),
}
"""Words of boolean columns, in small letters."""


def texts(cells: Any) -> list[str]:
    """Cells as text without blanks at their ends; empty where one is missing."""
    return ["" if cell is None or cell is pd.NA or cell != cell else str(cell).strip() for cell in cells]


def plain(column: pd.Series) -> Any:
    """A column of a DataFrame as float64 or integers, points in time without a zone, or a list of texts."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = column.astype(dtype.categories.dtype if not column.hasnans else object)
    elif isinstance(dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    letter = column.dtype.kind
    if letter in "biuf":
        if column.hasnans or letter == "f":
            return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
        return np.asarray(column.to_numpy(dtype=np.uint64 if letter == "u" else np.int64))
    if letter == "M":
        utc = column.dt.tz_convert(None) if column.dt.tz is not None else column  # as offsets in a file are
        return pd.Series(utc.to_numpy())
    if letter == "m":
        return np.asarray(column / pd.Timedelta(days=1), dtype=np.float64)
    return ["" if gone else str(cell) for cell, gone in zip(column, column.isna().tolist(), strict=True)]


def as_numbers(cells: Any, how: str) -> np.ndarray:
    """A column as numbers, as `how` says.

    ``number``; ``number ,`` (with decimal commas); ``boolean words``; ``category`` (numbers of the values in
    sorted order; the last one is what is missing); ``date FORMAT`` (year, month, day, weekday, days since
    1970); ``datetime FORMAT`` (hour and minute, too). Without a format, dates are in ISO 8601.
    """
    kind, _, form = how.partition(" ")
    if kind in ("date", "datetime"):
        return date_parts(dates(cells, form), times=kind == "datetime")
    if kind == "category":
        return categories(cells)[0]
    return numbers(cells, boolean=kind == "boolean", comma=form == ",").reshape(-1, 1)


def numbers(cells: Any, boolean: bool = False, comma: bool = False) -> np.ndarray:
    """(n,) float64."""
    dtype = getattr(cells, "dtype", None)
    if dtype is not None and dtype.kind in "biuf":
        return np.asarray(pd.Series(cells).to_numpy(dtype=np.float64, na_value=np.nan))
    if dtype is not None and dtype.kind == "m":
        return np.asarray(pd.Series(cells) / pd.Timedelta(days=1), dtype=np.float64)
    words = texts(cells)
    try:
        if not comma and not any("_" in word for word in words):  # Python reads 1_000, people do not
            return np.array(list(map(float, words)))
    except ValueError:
        pass  # some cell is no number: look at each
    truth = TRUTH if boolean else {"true": 1.0, "false": 0.0}
    return np.array([number(word.lower(), truth, comma) for word in words])


def number(word: str, truth: dict[str, float], comma: bool) -> float:
    """NaN for what is no number."""
    if word in truth:
        return truth[word]
    try:
        return float("nan" if "_" in word else word.replace(".", "").replace(",", ".") if comma else word)
    except ValueError:
        return float("nan")


def dates(cells: Any, form: str) -> pd.Series:
    """Points in time without a zone: of texts with an offset in UTC, of others by the clock they show."""
    column = pd.Series(cells)
    if column.dtype.kind == "M":
        return column.dt.tz_localize(None)
    words = pd.Series([None if word.lower() in GAPS else word for word in texts(cells)], dtype=object)
    stamps = pd.to_datetime(words, format=form or "ISO8601", errors="coerce", utc=True)
    return stamps.dt.tz_localize(None)


def date_parts(stamps: pd.Series, times: bool) -> np.ndarray:
    """(n, 5) or (n, 7) float64: year, month, day, weekday, days since 1970 [, hour, minute]."""
    days = (stamps - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    clock = stamps.dt
    parts = [clock.year, clock.month, clock.day, clock.day_of_week, days if times else np.floor(days)]
    parts += [clock.hour, clock.minute] if times else []
    return np.column_stack([np.asarray(part, dtype=np.float64) for part in parts])


def moments(cells: Any, how: str) -> np.ndarray:
    """(n,) what grows with time: the number of a cell, of dates the seconds since 1970."""
    kind, _, form = how.partition(" ")
    if kind not in ("date", "datetime"):
        return as_numbers(cells, how)[:, 0]
    seconds = (dates(cells, form) - pd.Timestamp("1970-01-01")) / pd.Timedelta(seconds=1)
    return np.asarray(seconds, dtype=np.float64)


def categories(cells: Any) -> tuple[np.ndarray, list[str]]:
    """(n, 1) numbers of the values in sorted order, by size where all are numbers; and the values as text.

    Numbers that are written in the usual way are one value with and without a point, ``1`` and ``1.0``; codes
    such as ``01`` and ``1e3`` are others.
    """
    words = texts(cells)
    missing = {word for word in set(words) if word.lower() in GAPS}
    names = {word: _one_name(word) for word in set(words) - missing}
    values = sorted(set(names.values()))
    with suppress(ValueError):  # where some value is no number, all are sorted as text
        values = sorted(values, key=float)
    order = {value: k for k, value in enumerate(values)}
    codes = {word: order[value] for word, value in names.items()} | dict.fromkeys(missing, len(values))
    return np.array([codes[word] for word in words], dtype=np.float64).reshape(-1, 1), values


def _one_name(word: str) -> str:
    """``1`` of ``1.0`` and ``0.5`` of ``0.50``; other words as they are."""
    usual = re.fullmatch(r"(-?(?:0|[1-9]\d*))\.(\d*?)0*", word)
    return (f"{usual[1]}.{usual[2]}" if usual[2] else usual[1]) if usual else word
