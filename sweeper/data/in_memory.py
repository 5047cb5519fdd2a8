"""Data that a caller in Python has in hand: arrays, frames, data sets, loaders."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from sweeper.data.data_modules import is_data_module
from sweeper.split_names import SPLITS

LOOKED_AT = 2**20
"""Bytes of each end of an array that its check sum is taken of."""
PLAIN = (str, bytes, bool, int, float, complex, type(None))
"""What a study file can hold too, beside lists and tables of it."""


class InMemory:
    """Holds the object; copies in other processes, and what is kept of a run, have its description alone."""

    def __init__(self, value: Any, words: str = "") -> None:
        self.value = value
        self.words = words or f"in memory ({description(value)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return InMemory, (None, self.words)

    def __repr__(self) -> str:
        return self.words


def is_data(value: Any) -> bool:
    """Whether `value` is data, and nothing that a study file could say: a pair, a frame, a data set …"""
    if isinstance(value, PLAIN) or callable(value):
        return False
    if isinstance(value, Mapping):
        if "train" in value and all(key in SPLITS for key in value):
            return any(map(is_data, value.values()))
        return "source" not in value and any(hasattr(cells, "dtype") for cells in value.values())  # columns
    if isinstance(value, list):
        items = [cell for item in value for cell in (item.values() if isinstance(item, Mapping) else [item])]
        return any(map(_is_object, items))
    return hasattr(value, "__getitem__") or hasattr(value, "__iter__") or is_data_module(value)


def _is_object(value: Any) -> bool:
    return isinstance(value, tuple) or not isinstance(value, (*PLAIN, list, Mapping))


def description(value: Any) -> str:
    """What it is, so that other data of the same kind are told apart as far as that is cheap."""
    if isinstance(value, tuple | list) and len(value) <= len(SPLITS):
        return ", ".join(map(description, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {description(part)}" for key, part in value.items())
    name = type(value).__name__
    try:
        array = value.detach().cpu().numpy() if hasattr(value, "detach") else value
        if isinstance(array, np.ndarray):
            return f"{name} {' x '.join(map(str, array.shape))} {array.dtype} {_check_sum(array):08x}"
        return f"{name} of {len(value)}"
    except Exception:  # of the user's object: it may raise anything
        return name


def _check_sum(array: np.ndarray) -> int:
    if array.dtype.kind == "O":
        return 0
    flat = array.reshape(-1)
    count = LOOKED_AT // max(array.itemsize, 1)
    return zlib.crc32(np.ascontiguousarray(flat[-count:]).tobytes(), zlib.crc32(flat[:count].tobytes()))
