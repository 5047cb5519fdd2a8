"""Data files: where they lie, and .npz and .pt arrays. Nothing is unpickled."""

import os
import zipfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.errors import DataError, FileType, first_line, shortened, shown, what_lies_at
from sweeper.suggestions import suggestion
from sweeper.wording import memory_size

TABLES = (".csv", ".parquet")
ENDINGS = (*TABLES, ".npz", ".pt")
PAIRS = (("inputs", "targets"), ("x", "y"), ("X", "y"), ("data", "target"))
TRIPLES = (
    ("x_train", "y_train", "train"),
    ("x_validation", "y_validation", "validation"),
    ("x_test", "y_test", "test"),
)

MAX_NAMES = 10_000
"""Files beside a missing one among which a name like its own is looked for."""
OBJECTS = "Object arrays"
"""How numpy begins to refuse them."""
MAX_EXPANDED, MAX_RATIO = 2**30, 100
"""Bytes that every archive may expand to, and how many times its size a larger one may."""


def find(source: str, folder: Path | None) -> Path:
    """The data file, looked up in `folder` first, then in the working directory.

    Raises:
        DataError: if there is no such file, naming the places.
    """
    there = _what_lies_at(source, folder)
    for path, what in there.items():
        if what == FileType.REGULAR:
            return path
    others = [what for what in there.values() if what != FileType.MISSING]
    if others:
        raise DataError(f"{shortened(source)} is {others[0]}; give a file")
    raise _not_found("file", source, there)


def names_folder(source: object) -> bool:
    """Whether `source` names a folder of images: it ends in a slash."""
    return isinstance(source, str) and ":" not in source[2:] and source.endswith(("/", "\\"))


def find_folder(source: str, folder: Path | None) -> Path:
    """The folder, looked up in `folder` first, then in the working directory.

    Raises:
        DataError: if there is no such folder, naming the places.
    """
    there = _what_lies_at(source, folder)
    for path, what in there.items():
        if what == FileType.FOLDER:
            return path
    raise _not_found("folder", source, there)


def _what_lies_at(source: str, folder: Path | None) -> dict[Path, FileType]:
    """What lies at each path that `source` may mean, the first one first."""
    beside = [folder / source] if folder and not Path(source).is_absolute() else []
    return {path: what_lies_at(path) for path in (*beside, Path(source).absolute())}


def _not_found(wanted: str, source: str, paths: Iterable[Path]) -> DataError:
    folders = dict.fromkeys(path.parent for path in paths)
    looked = " and ".join(shortened(str(folder)) for folder in folders)
    near = suggestion(Path(source).name, [name for folder in folders for name in _names_in(folder)])
    hint = f"; did you mean {shown(str(Path(source).with_name(near)))}?" if near else ""
    return DataError(f"no such {wanted} {shortened(source)} (looked in {looked}){hint}")


def _names_in(folder: Path) -> list[str]:
    """Some of what lies there; nothing where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, MAX_NAMES)]
    except OSError:
        return []


def read_arrays(path: Path) -> Any:
    """``(inputs, targets)`` or a dict of such pairs by part, from .npz or .pt.

    Raises:
        DataError: if the file is not one of plain arrays, or holds no inputs and targets.
    """
    content = _read_npz(path) if path.suffix.lower() == ".npz" else _read_pt(path)
    if isinstance(content, tuple | list) and len(content) == 2:
        return tuple(content)
    if not isinstance(content, dict):
        raise DataError(f"{path}: must hold a pair or a dict of tensors, not {type(content).__name__}")
    if "train" in content:
        return content
    for inputs, targets in PAIRS:
        if inputs in content and targets in content:
            return content[inputs], content[targets]
    if "x_train" in content and "y_train" in content:
        return {part: (content[x], content[y]) for x, y, part in TRIPLES if x in content and y in content}
    raise DataError(
        f"{path}: no inputs and targets in it; found: {', '.join(map(str, content)) or 'nothing'}; allowed: "
        "inputs and targets, x and y, or x_train, y_train, x_validation, y_validation, x_test, y_test"
    )


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        _refuse_bombs(path)
        with path.open("rb") as file:  # numpy leaves damaged files open
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise ValueError("it is a single array (.npy); use np.savez(file, inputs=…, targets=…)")
            with archive:
                return {name: _array(archive, name, path) for name in archive.files}
    except DataError:
        raise
    except Exception as error:  # numpy and zipfile raise many kinds for what is no archive of arrays
        raise DataError(f"{path}: not a readable .npz file of plain arrays: {_reason(error)}") from None


def _array(archive: Any, name: str, path: Path) -> np.ndarray:
    try:
        return np.asarray(archive[name])
    except Exception as error:  # as many kinds
        reason = (
            "it holds Python objects, which are never unpickled" if OBJECTS in str(error) else _reason(error)
        )
        raise DataError(f"{path}: array {shown(name)} cannot be read: {reason}") from None


def _read_pt(path: Path) -> Any:
    import torch  # loaded late: study files are found before torch is there

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling junk can raise anything
        raise DataError(f"{path}: not a readable .pt file of plain tensors: {_reason(error)}") from None


def _refuse_bombs(path: Path) -> None:
    """Small files that fill the memory when they are read; zeros alone compress that well."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > max(MAX_EXPANDED, MAX_RATIO * path.stat().st_size):
        raise DataError(
            f"{path}: its arrays take {memory_size(size)}, more than {MAX_RATIO} times the size of the "
            "file; if that is meant, save them uncompressed, with np.savez"
        )


def _reason(error: Exception) -> str:
    text = str(error).strip()
    if isinstance(error, KeyError | IndexError) or not text:
        return "it is damaged, or something else"
    if "pickle" in text.lower():  # what libraries say then is advice that nobody should follow
        return "it is damaged, or holds Python objects, which are never unpickled"
    return first_line(error)
