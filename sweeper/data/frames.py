"""A pandas DataFrame, wherever it comes from, as a `Table`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sweeper.data.cells import plain
from sweeper.data.table import Cells, Table, check_repeated
from sweeper.errors import DataError, shown

NO_CELLS = (list, tuple, dict, set, np.ndarray, complex, bytes)


def table_of(frame: pd.DataFrame, name: str, parts: Mapping[str, int] | None = None) -> Table:
    """The columns of `frame`; its index is left out. `name` is what messages call it.

    `parts`: rows of each part, where it came split.

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
    return Table(name, columns, categories=categories, parts=parts or {})


def cells_of(column: pd.Series, name: str, where: str) -> Cells:
    """One column, as `cells.plain`.

    Raises:
        DataError: for cells that are lists or the like.
    """
    if column.dtype.kind == "O":
        missing = column.isna().tolist()
        for row, (cell, gone) in enumerate(zip(column, missing, strict=True)):
            if not gone and isinstance(cell, NO_CELLS):
                what = type(cell).__name__
                raise DataError(
                    f"{where}: row {row} (counted from 0), column {shown(name)}: a {what}; a cell must be a "
                    "number, text, a truth value or a date"
                )
    return plain(column)
