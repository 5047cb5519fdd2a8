"""What a data function gives or a caller has in hand, with data sets and loaders in it as pairs of arrays."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils import data as torch_data

from sweeper.data.data_modules import is_data_module, parts_of
from sweeper.data.data_sets import Target, read_dataset
from sweeper.data.items import Ragged, is_ragged, padded
from sweeper.data.loaders import read_loader
from sweeper.user_code.observing import seed_all


def are_arrays(given: Any) -> bool:
    """Whether `read_objects` leaves it as it is: a pair, or a dict of pairs by part."""
    if isinstance(given, Mapping):
        return all(map(are_arrays, given.values()))
    if isinstance(given, torch_data.DataLoader) or is_data_module(given):
        return False
    return not _is_dataset(given)


def read_objects(given: Any, name: str, target: Target) -> Any:
    """`given` with every data set and loader in it as a pair (inputs, targets); all else as it is.

    Raises:
        DataError: naming the item that is wrong, or why it cannot be read as a whole.
    """
    with drawn_alike():
        return _read(given, name, target)


def _read(given: Any, name: str, target: Target) -> Any:
    if is_data_module(given):
        given = parts_of(given, name)
        given = given if len(given) > 1 else given["train"]
    if isinstance(given, Mapping):
        return {part: _read(each, f"{name}: {part}", target) for part, each in given.items()}
    if isinstance(given, tuple | list) and len(given) == 2 and is_ragged(given[0]):
        return padded(Ragged([np.asarray(row) for row in given[0]]), name), given[1]
    if isinstance(given, torch_data.DataLoader):
        return read_loader(given, name, target)
    if _is_dataset(given):
        return read_dataset(given, name, target)
    return given


@contextmanager
def drawn_alike() -> Iterator[None]:
    """While open, data sets that draw random numbers draw the same ones every time."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        seed_all(0)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _is_dataset(given: Any) -> bool:
    if isinstance(given, torch_data.Dataset):
        return True
    if isinstance(given, tuple | list):
        return len(given) != 2 and bool(given) and all(isinstance(item, tuple | Mapping) for item in given)
    if isinstance(given, str | bytes) or hasattr(given, "dtype") or hasattr(given, "dtypes"):
        return False  # text, arrays and frames
    return hasattr(given, "__getitem__") or hasattr(given, "__iter__")
