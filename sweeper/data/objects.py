"""What a data function gives or a caller has in hand, with data sets and loaders in it as pairs of arrays."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils import data as torch_data

from sweeper.data.data_sets import read_dataset
from sweeper.data.items import Ragged, is_ragged, padded
from sweeper.data.loaders import read_loader
from sweeper.user_code.observing import seed_all


def are_arrays(found: Any) -> bool:
    """Whether `read_objects` leaves it as it is: a pair, or a dict of pairs by part."""
    if isinstance(found, Mapping):
        return all(map(are_arrays, found.values()))
    return not isinstance(found, torch_data.DataLoader) and not _is_dataset(found)


def read_objects(found: Any, name: str, target: str | None) -> Any:
    """`found` with every data set and loader in it as a pair (inputs, targets); all else as it is.

    Raises:
        DataError: naming the item that is wrong, or why it cannot be read as a whole.
    """
    with drawn_alike():
        return _read(found, name, target)


def _read(found: Any, name: str, target: str | None) -> Any:
    if isinstance(found, Mapping):
        return {part: _read(each, f"{name}: {part}", target) for part, each in found.items()}
    if isinstance(found, tuple | list) and len(found) == 2 and is_ragged(found[0]):
        return padded(Ragged([np.asarray(row) for row in found[0]]), name), found[1]
    if isinstance(found, torch_data.DataLoader):
        return read_loader(found, name, target)
    if _is_dataset(found):
        return read_dataset(found, name, target)
    return found


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


def _is_dataset(found: Any) -> bool:
    if isinstance(found, torch_data.Dataset):
        return True
    if isinstance(found, tuple | list):
        return len(found) != 2 and bool(found) and all(isinstance(item, tuple | Mapping) for item in found)
    if isinstance(found, str | bytes) or hasattr(found, "dtype") or hasattr(found, "dtypes"):
        return False  # text, arrays and frames
    return hasattr(found, "__getitem__") or hasattr(found, "__iter__")
