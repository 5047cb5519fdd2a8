"""CSV that a spreadsheet opens as data: no text of others becomes a formula.

A cell of text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line end gets an apostrophe in front,
by which spreadsheets know text. Numbers stay numbers, also those that stand in a column of text.
"""

import re
from typing import Any

import pandas as pd

FORMULA = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)


def to_csv(frame: pd.DataFrame) -> str:
    """`frame` as CSV with plain newlines and without its index."""
    safe = frame.rename(columns=_cell)
    for position, dtype in enumerate(safe.dtypes):
        if not (pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype)):
            column = safe.iloc[:, position].astype(object).map(_cell, na_action="ignore")
            safe.isetitem(position, column)
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _cell(value: Any) -> Any:
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value
