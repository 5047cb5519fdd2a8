"""Arrays that do not fit into memory: files in the user's cache, which every process maps.

A process writes into a folder of its own. It is deleted when the process ends; that of a process which was
killed is deleted by the next one that needs the cache. `adopted` takes files over from a process that ends.
"""

import atexit
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from sweeper.components.tree import Tree, mapped
from sweeper.data.memory import allowed, budget_words
from sweeper.errors import DataError
from sweeper.wording import memory_size

PLACE = "SWEEPER_CACHE"
"""Environment variable that names another folder than the user's cache."""
PREFIX, LOCK = "streamed-", "lock"
SPARE = 2**30
"""Bytes of the disk that stay free, at most a tenth of what is free."""
CHUNK = 2**24
"""Bytes that are read or converted at once."""


def cache_folder() -> Path:
    """Where files are kept while they are needed."""
    if named := os.environ.get(PLACE):
        return Path(named)
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "sweeper"


def own_folder() -> Path:
    """The folder of this process.

    Raises:
        DataError: if it cannot be made.
    """
    return _folder_of(os.getpid(), cache_folder())


@cache
def _folder_of(pid: int, base: Path) -> Path:
    try:
        base.mkdir(parents=True, exist_ok=True)
        for folder in base.glob(f"{PREFIX}*"):
            _delete_if_left(folder)
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        lock = FileLock(made / LOCK)
        lock.acquire()
    except OSError as error:
        raise DataError(
            f"{base}: no files can be written there ({error.strerror}), and data that do not fit into memory "
            f"need some; name another folder with {PLACE}"
        ) from None
    atexit.register(_delete, made, lock)
    return made


def _delete(folder: Path, lock: FileLock) -> None:
    lock.release()
    shutil.rmtree(folder, ignore_errors=True)


def _delete_if_left(folder: Path) -> None:
    with suppress(OSError, Timeout):  # in use, gone meanwhile, or not ours
        if not folder.is_symlink() and (folder / LOCK).exists():
            with FileLock(folder / LOCK, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)


def require_space(size: int, what: str, there: int = 0) -> None:
    """Refuse `what`, which takes `size` bytes beside those that are `there`, where the disk is too full.

    Raises:
        DataError: naming all sizes and what to do.
    """
    folder = own_folder()
    free = shutil.disk_usage(folder).free
    if size > free - min(SPARE, free // 10):
        raise DataError(
            f"{what} take {memory_size(there + size)}; {budget_words()}, and {memory_size(free)} of the disk "
            f"of {folder.parent} are free: give fewer or smaller rows (float32 or uint8 in the place of "
            f"float64), or name a folder on a larger disk with {PLACE}"
        )


def new_file() -> Path:
    """An empty file in the folder of this process."""
    handle, name = tempfile.mkstemp(prefix="array-", dir=own_folder())
    os.close(handle)
    return Path(name)


class ArrayFile:
    """Rows written one below the other, then mapped."""

    def __init__(self, what: str) -> None:
        """`what`: how messages call the rows."""
        self._what, self._rows = what, 0
        self._path: Path | None = None
        self._shape: tuple[int, ...] = ()
        self._dtype = np.dtype(np.uint8)

    def append(self, rows: np.ndarray) -> None:
        """More rows, all of the shape of the first ones.

        Raises:
            DataError: for rows of another shape; if the disk is full.
        """
        rows = as_kept(rows)
        if self._path is None:
            self._shape, self._dtype = rows.shape[1:], rows.dtype
            self._path = new_file()
        if rows.shape[1:] != self._shape:
            raise DataError(
                f"{self._what}: rows have shapes {self._shape} and {rows.shape[1:]}; they do not fit into "
                f"memory ({budget_words()}), and on disk all need one shape: pad or resize them"
            )
        if not np.can_cast(rows.dtype, self._dtype):
            self._convert(np.promote_types(self._dtype, rows.dtype))
        self._write(rows)

    def _write(self, rows: np.ndarray) -> None:
        assert self._path is not None
        with self._path.open("ab") as file:
            for part in chunks(rows):
                self._require_space(part.nbytes, file.tell())
                file.write(np.ascontiguousarray(part, dtype=self._dtype).tobytes())
        self._rows += len(rows)

    def _require_space(self, size: int, there: int) -> None:
        assert self._path is not None
        try:
            require_space(size, f"{self._what}: more than {self._rows:,} rows", there)
        except DataError:
            self._path.unlink()
            raise

    def _convert(self, dtype: np.dtype[Any]) -> None:
        """All rows once more, in a type that holds the new ones too."""
        before = self.close()
        self._dtype, self._path, self._rows = dtype, new_file(), 0
        self._write(before)
        forget(before)

    def close(self) -> np.memmap[Any, Any]:
        """All rows."""
        if self._path is None:
            raise DataError(f"{self._what}: there is not one row")
        return np.memmap(self._path, self._dtype, "r", shape=(self._rows, *self._shape))


def as_kept(rows: np.ndarray) -> np.ndarray:
    """Codes as int64, short floats as float32, all else as it is."""
    if rows.dtype.kind in "iu" and rows.dtype != np.uint8:
        return rows.astype(np.int64, copy=False)
    return rows.astype(np.float32) if rows.dtype == np.float16 else rows


def chunks(array: np.ndarray) -> Iterator[np.ndarray]:
    """The rows in pieces of about `CHUNK` bytes."""
    step = max(1, CHUNK // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield array[start : start + step]


def written(arrays: Iterable[np.ndarray], what: str, dtype: Any = None) -> np.memmap[Any, Any]:
    """The rows of all arrays in a file, as `dtype` if that is given."""
    file = ArrayFile(what)
    for array in arrays:
        for part in chunks(array):
            file.append(part if dtype is None else part.astype(dtype))
    return file.close()


def mapping_of(array: np.ndarray) -> np.memmap[Any, Any] | None:
    """The file of which `array` is a part as it lies there; ``None`` for memory."""
    base: Any = array
    while not isinstance(base, np.memmap) and isinstance(base, np.ndarray):
        base = base.base
    while isinstance(base, np.memmap) and isinstance(base.base, np.memmap):
        base = base.base
    if not isinstance(base, np.memmap) or base.filename is None or base.mode == "c":
        return None
    if not (array.flags.c_contiguous and array.size):
        return None
    start = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return np.memmap(base.filename, array.dtype, "r", base.offset + start, array.shape)


def is_streamed(array: object) -> bool:
    """Whether an array stays on disk."""
    return isinstance(array, np.memmap)


@dataclass(frozen=True)
class Mapping:
    """Stands for a mapped array where data travel to another process."""

    path: str
    dtype: str
    offset: int
    shape: tuple[int, ...]

    def opened(self) -> np.ndarray:
        """The array.

        Raises:
            DataError: where its file is not seen.
        """
        try:
            return np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        except (OSError, ValueError):
            raise DataError(
                f"{self.path}: rows are streamed from this file, which is not seen here; for other machines "
                f"let {PLACE} name a folder that all of them see under one path"
            ) from None


def packed(array: np.ndarray) -> Any:
    """What travels of an array: of a mapped one where its file lies."""
    found = mapping_of(array) if is_streamed(array) else None
    if found is None:
        return array
    return Mapping(str(found.filename), found.dtype.str, found.offset, found.shape)


def unpacked(value: Any) -> np.ndarray:
    """The array that `packed` was given."""
    found: np.ndarray = value.opened() if isinstance(value, Mapping) else value
    return found


def forget(array: np.ndarray) -> None:
    """Delete the file of an array that was `written`; nothing else of the cache or of the user."""
    found = mapping_of(array)
    if found is not None and is_ours(found):
        Path(str(found.filename)).unlink(missing_ok=True)


def in_memory(array: np.ndarray) -> np.ndarray:
    """The same array, in memory."""
    if not is_streamed(array):
        return array
    copy = np.array(array)
    forget(array)
    return copy


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """As `numpy.empty`, on disk where that does not fit into memory."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if size <= allowed():
        return np.empty(shape, dtype)
    require_space(size, f"{shape[0]:,} rows")
    return np.memmap(new_file(), dtype, "w+", shape=shape)


def is_ours(array: Any) -> bool:
    """Whether a mapped array lies in the cache, and in no file of the user."""
    path = Path(str(array.filename))
    return path.parent.name.startswith(PREFIX) and path.name.startswith("array-")


def adopted(inputs: Tree) -> Tree:
    """`inputs`, whose files belong to this process from now on: they are deleted when nobody needs them."""
    return mapped(_adopted, inputs)


def _adopted(array: np.ndarray) -> np.ndarray:
    found = mapping_of(array) if is_streamed(array) else None
    if found is None or not is_ours(found):
        return array
    path = Path(str(found.filename))
    if path.parent != own_folder():
        with suppress(OSError):  # of Windows, where it is still open: it stays with the process that made it
            path = path.rename(own_folder() / path.name)
    kept = np.memmap(path, found.dtype, "r", found.offset, found.shape)
    weakref.finalize(kept, path.unlink, missing_ok=True)
    return kept
