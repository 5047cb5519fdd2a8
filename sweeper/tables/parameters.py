"""The parameters of a recorded trial."""

from typing import Any

import pandas as pd

from sweeper.records.schema import TRIALS, decode


def parameters_of(row: "pd.Series[Any]") -> dict[str, Any]:
    """The parameters of one row of the ``trials`` table, those that its optimizer does not take left out."""
    names = [name for name in row.index if name not in TRIALS.names]
    return {name: decode(_plain(row[name])) for name in names if not pd.isna(row[name])}


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
