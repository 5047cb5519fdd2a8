"""Rows that come one by one -> arrays; where they are of unlike length, padded arrays and the lengths."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from sweeper.components.tree import Tree, alike, leaves, mapped
from sweeper.data import disk
from sweeper.data.disk import ArrayFile, is_streamed
from sweeper.data.images import in_bytes
from sweeper.data.memory import allowed
from sweeper.errors import DataError, shown

CHUNK = 1024
"""Rows that are put together at once."""
MASKS = ("attention_mask", "mask", "padding_mask", "lengths")
"""Names of inputs that say by themselves how long a padded row is."""
LOOKED_AFTER = 64
"""Items of a stream after which its size is looked at again."""


class Item(NamedTuple):
    """One row."""

    inputs: Any
    target: Any
    names: tuple[str, str] = ("", "")
    """In a dict: of an only input, and of the target."""


class Pair(tuple[Any, Any]):
    """(inputs, targets) of all items, and the names of `Item`."""

    names: tuple[str, str] = ("", "")

    @classmethod
    def of(cls, inputs: Any, targets: Any, names: tuple[str, str]) -> "Pair":
        """A pair with names."""
        pair = cls((inputs, targets))
        pair.names = names
        return pair


@dataclass(frozen=True)
class Ragged:
    """Rows of unlike length."""

    rows: list[np.ndarray]


def array_of(value: Any, where: str) -> np.ndarray:
    """One leaf of one row as an array; an image as (channels, height, width) of bytes.

    Raises:
        DataError: for what is no numbers and no word.
    """
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        short = tensor.is_floating_point() and tensor.element_size() < 4
        return (tensor.float() if short else tensor).numpy()
    if hasattr(value, "getbands"):  # an image of Pillow's
        try:
            return image_array(value)
        except ValueError as error:
            raise DataError(f"{where} is an image: {error}") from None
    try:
        array = np.asarray(value)
    except ValueError:  # a list of lists of unlike length
        array = np.asarray(None)
    if array.dtype.kind not in "biufU":
        what = "None (a gap)" if value is None else f"a {type(value).__name__}, {shown(value)}"
        raise DataError(f"{where} is {what}; numbers, arrays and tensors are allowed")
    return array


def image_array(image: Any) -> np.ndarray:
    """(channels, height, width) bytes of an image of Pillow's.

    Raises:
        ValueError: if its numbers have more than 16 bits.
    """
    image = in_bytes(image)
    if image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    array = np.asarray(image)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(np.moveaxis(array, -1, 0))


class Column:
    """The values of one place in all rows."""

    def __init__(self, rows: int | None) -> None:
        """`rows`: how many will come, if that is known."""
        self._rows, self._pending, self._done = rows, list[np.ndarray](), 0
        self._whole: np.ndarray | None = None
        self._chunks: list[np.ndarray] = []
        self._ragged: list[np.ndarray] | None = None

    def add(self, value: np.ndarray) -> None:
        """The value of the next row."""
        self._pending.append(value)
        if len(self._pending) == CHUNK:
            self._flush()

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        if not pending:
            return
        if self._ragged is None and not self._fits(pending):
            self._ragged = [row for chunk in self._parts() for row in chunk]
        if self._ragged is not None:
            self._ragged += pending
            return
        stacked = np.stack(pending)
        if self._rows is None:
            self._chunks.append(stacked)
            return
        if self._whole is None:
            self._whole = np.empty((self._rows, *stacked.shape[1:]), stacked.dtype)
        if not np.can_cast(stacked.dtype, self._whole.dtype):  # a longer word, a number that is not whole
            self._whole = self._whole.astype(np.promote_types(self._whole.dtype, stacked.dtype))
        self._whole[self._done : self._done + len(stacked)] = stacked
        self._done += len(stacked)

    def _fits(self, pending: Sequence[np.ndarray]) -> bool:
        before = self._parts()
        first = before[0][0] if before else pending[0]
        return all(value.shape == first.shape for value in pending)

    def _parts(self) -> list[np.ndarray]:
        return self._chunks if self._whole is None else [self._whole[: self._done]]

    def to_disk(self, name: str) -> "DiskColumn":
        """A column in a file that goes on after these rows."""
        self._flush()
        column = DiskColumn(name)
        for part in [[row] for row in self._ragged] if self._ragged else self._parts():
            column.extend(np.asarray(part))
        return column

    def close(self) -> np.ndarray | Ragged:
        """All of them."""
        self._flush()
        if self._ragged is not None:
            return Ragged(self._ragged)
        parts = self._parts()
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


class DiskColumn(Column):
    """The same in a file; all values have one shape."""

    def __init__(self, name: str) -> None:
        super().__init__(None)
        self._file, self._bytes = ArrayFile(name), 0

    def add(self, value: np.ndarray) -> None:
        """The value of the next row."""
        self._pending.append(value)
        self._bytes += value.nbytes
        if self._bytes >= disk.CHUNK:
            self._flush()

    def _flush(self) -> None:
        pending, self._pending, self._bytes = self._pending, [], 0
        other = [value for value in pending if value.shape != pending[0].shape]
        for some in (pending[: len(pending) if not other else 1], other[:1]):
            if some:
                self.extend(np.stack(some))

    def extend(self, rows: np.ndarray) -> None:
        """The values of the next rows."""
        self._file.append(rows)

    def close(self) -> np.ndarray | Ragged:
        """All of them, mapped."""
        self._flush()
        return self._file.close()


def collected(items: Iterable[tuple[int, Item]], name: str, rows: int | None, on_disk: bool = False) -> Pair:
    """(inputs, targets) of numbered items, which all have one arrangement.

    Inputs are written to a file if `on_disk`, or as soon as more of them have come than fit into memory.

    Raises:
        DataError: naming the item that differs, and how.
    """
    columns: Any = None
    names, size, is_kept = ("", ""), 0, False
    for index, item in items:
        names = item.names
        values = _values(item, f"{name}: item {index}")
        columns = mapped(lambda _: Column(rows), values) if columns is None else columns
        size += sum(value.nbytes for value in leaves(values[0]))
        if not is_kept and (on_disk or (rows is None and index % LOOKED_AFTER == 0 and size > allowed())):
            is_kept, columns = True, (mapped(lambda column: column.to_disk(name), columns[0]), columns[1])
        if not alike(columns, values):
            raise DataError(f"{name}: item {index} is {_words(item)}, unlike the items before it")
        mapped(lambda column, value: column.add(value), columns, values)
    if columns is None:
        raise DataError(f"{name}: there is not one item in it")
    inputs, target = mapped(lambda column: column.close(), columns)
    if any(isinstance(leaf, Ragged) for leaf in leaves(target)):
        raise DataError(f"{name}: targets of unlike length; give each item a target of one shape")
    targets = _tensors(target) if isinstance(target, tuple | dict) else target
    return Pair.of(padded(inputs, name), targets, names)


def _values(item: Item, where: str) -> tuple[Tree, Tree]:
    return _arrays(item.inputs, where), _arrays(item.target, f"{where}: its target")


def _arrays(value: Any, where: str) -> Tree:
    if isinstance(value, Mapping):
        return {str(key): _arrays(part, f"{where}: {key!r}") for key, part in value.items()}
    if isinstance(value, tuple):
        return tuple(_arrays(part, where) for part in value)
    return array_of(value, where)


def _words(item: Item) -> str:
    if isinstance(item.inputs, Mapping):
        return f"a dict of {', '.join(map(str, item.inputs))}"
    return f"a tuple of {len(item.inputs)} inputs" if isinstance(item.inputs, tuple) else "one input"


def padded(inputs: Tree, name: str) -> Tree:
    """Rows of unlike length filled up with zeros at their end, and inputs that say how long they were.

    One such input becomes ``(padded, lengths)``; in a tuple the lengths come last, in a dict as ``lengths``,
    unless an input says them already.
    """
    ragged = [leaf for leaf in leaves(inputs) if isinstance(leaf, Ragged)]
    if not ragged:
        return _tensors(inputs)
    lengths = [_lengths(leaf, name) for leaf in ragged]
    if not all(np.array_equal(each, lengths[0]) for each in lengths):
        raise DataError(f"{name}: inputs of an item have unlike lengths; pad them to one")
    filled = mapped(_filled, inputs)
    if any(np.array_equal(leaf, lengths[0]) for leaf in leaves(filled)):
        return _tensors(filled)
    if isinstance(filled, dict):
        return _tensors(filled if set(MASKS) & set(filled) else {**filled, "lengths": lengths[0]})
    return _tensors((*filled, lengths[0]) if isinstance(filled, tuple) else (filled, lengths[0]))


def _filled(leaf: np.ndarray | Ragged) -> np.ndarray:
    if not isinstance(leaf, Ragged):
        return leaf
    longest = max(len(row) for row in leaf.rows)
    dtype = np.result_type(*{row.dtype for row in leaf.rows})
    whole = np.zeros((len(leaf.rows), longest, *leaf.rows[0].shape[1:]), dtype)
    for row, values in zip(whole, leaf.rows, strict=True):
        row[: len(values)] = values
    return whole


def _lengths(ragged: Ragged, name: str) -> np.ndarray:
    first = ragged.rows[0]
    for index, row in enumerate(ragged.rows):
        if row.ndim == 0 or row.ndim != first.ndim or row.shape[1:] != first.shape[1:]:
            raise DataError(
                f"{name}: item {index} has shape {row.shape} and item 0 {first.shape}; items may differ in "
                "the length of their first axis alone (images: bring them to one size)"
            )
    return np.array([len(row) for row in ragged.rows], dtype=np.int64)


def _tensors(tree: Tree) -> Tree:
    """Whole numbers as tensors: codes, also where they are the only input."""
    return mapped(lambda a: torch.from_numpy(a) if is_code(a) and not is_streamed(a) else a, tree)


def is_code(array: np.ndarray) -> bool:
    """Whole numbers, but for bytes."""
    return array.dtype.kind in "iu" and array.dtype != np.uint8


def is_ragged(values: Any) -> bool:
    """Whether a list, or an array of objects, holds rows of unlike length."""
    objects = isinstance(values, np.ndarray) and values.dtype.kind == "O" and values.ndim == 1
    if not (isinstance(values, list | tuple) or objects):
        return False
    sized = [hasattr(row, "__len__") and not isinstance(row, str | Mapping) for row in values]
    return all(sized) and len({len(row) for row in values}) > 1
