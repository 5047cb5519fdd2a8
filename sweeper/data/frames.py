"""A pandas DataFrame, wherever it comes from, as a `Table`."""

from typing import Any

import numpy as np
import pandas as pd

from sweeper.data.table import Cells, Table, check_repeated
from sweeper.errors import DataError, shown

NO_CELLS = (list, tuple, dict, set, np.ndarray, complex, bytes)


def table_of(frame: pd.DataFrame, name: str) -> Table:
    """The columns of `frame`; its index is left out. `name` is what messages call it.

    Numbers, also nullable ones, become float64 or int64, categories and other objects text, points in time
    lose their zone and keep their clock, spans of time become days.

    Raises:
        DataError: if two columns have one name, there are no rows, or cells are lists or the like.
    """
    names = [" ".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in frame.columns]
    check_repeated(name, names)
    if not len(frame):
        raise DataError(f"{name}: there are no rows")
    columns = {each: cells_of(frame.iloc[:, k], each, name) for k, each in enumerate(names)}
    is_category = [isinstance(dtype, pd.CategoricalDtype) for dtype in frame.dtypes]
    categories = frozenset(each for each, true in zip(names, is_category, strict=True) if true)
    return Table(name, columns, categories=categories)


def with_target(given: Any, target: Any, always: bool) -> tuple[Any, Any]:
    """A pair (DataFrame, targets) as one DataFrame and the name of its target; all else as it is.

    A DataFrame of numbers without gaps stays a pair, if it need not `always` be a table.
    """
    if not (isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], pd.DataFrame)):
        return given, target
    frame, labels = given
    numeric = all(dtype.kind in "biuf" for dtype in frame.dtypes) and not frame.isna().any(axis=None)
    if (numeric and not always) or np.ndim(labels) != 1 or len(labels) != len(frame):
        return given, target
    name = str(getattr(labels, "name", None) or "target")
    while name in frame.columns:
        name += " (target)"
    return frame.assign(**{name: np.asarray(labels)}), name


def cells_of(column: pd.Series, name: str, where: str) -> Cells:
    """One column."""
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
        return pd.Series(column.dt.tz_localize(None).to_numpy())
    if letter == "m":
        return np.asarray(column / pd.Timedelta(days=1), dtype=np.float64)
    missing = column.isna().tolist()
    for row, (cell, gone) in enumerate(zip(column, missing, strict=True)):
        if not gone and isinstance(cell, NO_CELLS):
            what = type(cell).__name__
            raise DataError(
                f"{where}: row {row} (counted from 0), column {shown(name)}: a {what}; a cell must be a "
                "number, text, a truth value or a date"
            )
    return ["" if gone else str(cell) for cell, gone in zip(column, missing, strict=True)]
