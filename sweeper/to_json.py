"""Values of any kind as JSON that every reader takes: JSON has neither NaN nor infinity."""

import json
import math
import sys
from collections.abc import Mapping
from typing import Any


def to_json(value: Any, *, indent: int | None = 2) -> str:
    """`value` as JSON text. Numbers that are NaN or infinite and missing values of pandas become ``null``,
    other objects their text."""
    return json.dumps(_plain(value), indent=indent, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, tensors
        return _plain(value.tolist())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if _is_missing(value):
        return None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _is_missing(value: Any) -> bool:
    """Whether it is one of pandas, which need not be loaded: then there is none."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)
