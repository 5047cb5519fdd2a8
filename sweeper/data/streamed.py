"""Rows of a part that stay on disk: read, standardized and made tensors where a batch needs them.

Their numbers are those of rows in memory to the last bit: statistics are summed in the same order.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.data.disk import CHUNK, mapping_of

Scale = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Divisor, mean and deviation of each column: (x / divisor − mean) / deviation."""
CPU = torch.device("cpu")
TINY = 1e-140
"""Below it squares are no normal numbers."""


@dataclass(frozen=True, eq=False)
class Streamed:
    """Some rows of a mapped array, in the place of a tensor of which only rows are taken: ``x[index]``."""

    array: np.ndarray
    """(n, …) mapped."""
    rows: np.ndarray
    """Row numbers of the part."""
    scale: Scale | None = None
    dtype: torch.dtype = torch.float64
    device: torch.device = CPU

    def to(self, dtype: torch.dtype, device: torch.device) -> "Streamed":
        """The same rows as tensors of this type, there."""
        return replace(self, dtype=dtype, device=device)

    @property
    def shape(self) -> tuple[int, ...]:
        """As a tensor of all rows would have it."""
        return (len(self.rows), *self.array.shape[1:])

    @property
    def ndim(self) -> int:
        """Axes, the rows among them."""
        return self.array.ndim

    @property
    def nbytes(self) -> int:
        """Bytes of a tensor of all rows."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        """A tensor of some rows."""
        chosen = self.rows[index.cpu().numpy() if isinstance(index, Tensor) else index]
        some = self.array[chosen]
        if self.scale is not None:
            divisor, mean, std = self.scale
            some = (some.astype(np.float64, copy=False) / divisor - mean) / std
        return torch.tensor(some, dtype=self.dtype, device=self.device)

    def clone(self) -> Tensor:
        """A tensor of all rows."""
        return self[:]

    def is_floating_point(self) -> bool:
        """As of tensors."""
        return self.dtype.is_floating_point


_scales: dict[Any, Scale] = {}
"""Those of the last replicates: trials of one come one after the other."""
MOST_KEPT = 64


def scale_of(array: np.ndarray, rows: np.ndarray) -> Scale:
    """What `splits.standardize_columns` computes of these rows, in three passes over them."""
    found = mapping_of(array)
    place = (
        None
        if found is None
        else (str(found.filename), found.offset, array.dtype.str, _state(found.filename))
    )
    key = (place, array.shape, blake2b(rows.tobytes()).digest())
    if found is None or key not in _scales:
        while len(_scales) >= MOST_KEPT:
            _scales.pop(next(iter(_scales)))
        _scales[key] = _scale(array, rows)
    return _scales[key]


def _state(file: Any) -> tuple[int, ...]:
    """Another one when the file was replaced or written to."""
    found = os.stat(file)
    return found.st_ino, found.st_size, found.st_mtime_ns


def _scale(array: np.ndarray, rows: np.ndarray) -> Scale:
    low = np.full(array[0].size, np.inf)
    high = -low
    for part in _parts(array, rows):
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(axis=0))
    largest = np.maximum(np.abs(low), np.abs(high))
    divisor = np.where((largest > 0) & (largest < TINY), largest, 1.0)
    mean = _sum(array, rows, lambda part: part / divisor) / len(rows)
    squares = _sum(array, rows, lambda part: (part / divisor - mean) ** 2)
    std = np.where(high > low, np.sqrt(squares / len(rows)), 1.0)
    shape = array.shape[1:]
    return divisor.reshape(shape), mean.reshape(shape), std.reshape(shape)


def _sum(array: np.ndarray, rows: np.ndarray, of: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The sum over rows, added in the order in which numpy adds the rows of one array."""
    if array[0].size == 1:  # numpy adds a single column pair by pair
        whole: np.ndarray = of(array[rows].astype(np.float64).reshape(-1, 1)).sum(axis=0)
        return whole
    total: np.ndarray | None = None
    for part in _parts(array, rows):
        addends = of(part) if total is None else np.concatenate([total[None], of(part)])
        total = addends.sum(axis=0)
    assert total is not None
    return total


def _parts(array: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """The rows as (some, columns) float64, piece by piece."""
    step = max(1, CHUNK // (8 * array[0].size))
    for start in range(0, len(rows), step):
        some = array[rows[start : start + step]].astype(np.float64)
        yield some.reshape(len(some), -1)
