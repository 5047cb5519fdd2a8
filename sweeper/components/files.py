"""Data files: .csv and .parquet tables, .npz and .pt arrays; every fault is named with its row and column."""

import csv
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from sweeper.errors import DataError, did_you_mean

PAIRS = (("inputs", "targets"), ("x", "y"), ("X", "y"), ("data", "target"))
TRIPLES = (("x_train", "y_train", "train"), ("x_validation", "y_validation", "validation"), ("x_test", "y_test", "test"))


def read_table(path: Path, target: str | None) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Features (n, columns), target column (n,) and feature names of a table.

    Raises:
        DataError: naming file, row (line of the file for CSV), column, value and what is allowed.
    """
    is_csv = path.suffix.lower() == ".csv"
    frame = read_csv(path) if is_csv else _read_parquet(path)
    if target is None:
        raise DataError(f"{path}: data.target is missing: name the column to predict; columns: {_list(frame.columns)}")
    if target not in frame.columns:
        raise DataError(f"{path}: no column {target!r} (data.target); {did_you_mean(target, list(map(str, frame.columns)))}")
    features = frame.drop(columns=target)
    if features.shape[1] == 0:
        raise DataError(f"{path}: no column is left for the inputs beside the target {target!r}")
    first = 2 if is_csv else 0  # line 1 is the header
    columns = [_numbers(features[name], path, first) for name in features]
    labels = frame[target]
    empty = labels.isna() | (labels.astype(str).str.strip() == "")
    if empty.any():
        raise DataError(f"{path}: {_row(first, int(np.argmax(empty)))}, column {target!r}: the target is empty")
    return np.stack(columns, axis=1), _labels(labels, path, first), tuple(map(str, features.columns))


def read_csv(path: Path) -> pd.DataFrame:
    """A comma-, semicolon- or tab-separated file with a header, all cells as text."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a UTF-8 text file (byte {error.start}); save it as CSV in UTF-8") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if "\0" in text:
        raise DataError(f"{path}: not a text file (it has zero bytes); save it as CSV in UTF-8")
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    head = text.splitlines()[0]
    separator = max(",;\t", key=head.count)
    lines = csv.reader(text.splitlines(), delimiter=separator)
    header = [name.strip() for name in next(lines)]
    repeated = [name for i, name in enumerate(header) if name in header[:i]]
    if repeated:
        raise DataError(f"{path}: column {repeated[0]!r} is there twice; every column needs a name of its own")
    rows = []
    for row in lines:
        if not row:  # blank lines carry nothing
            raise_at_gap = any(line.strip() for line in text.splitlines()[lines.line_num :])
            if raise_at_gap:
                raise DataError(f"{path}: line {lines.line_num} is blank; remove it")
            continue
        if len(row) != len(header):
            raise DataError(f"{path}: line {lines.line_num} has {len(row)} fields, the header has {len(header)}")
        rows.append(row)
    if not rows:
        raise DataError(f"{path}: there is a header but not one row of data")
    return pd.DataFrame(rows, columns=header)


def _read_parquet(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds
        raise DataError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None
    if frame.empty:
        raise DataError(f"{path}: the file has no rows")
    return frame.reset_index(drop=True)


def _numbers(column: pd.Series, path: Path, first: int) -> np.ndarray:
    """A feature column as float64."""
    text = column.astype(str).str.strip() if column.dtype.kind not in "biuf" else column
    if text.dtype.kind not in "biuf":
        text = text.replace({"True": "1", "False": "0", "true": "1", "false": "0"})
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        at = int(np.argmax(wrong))
        value, where = str(column.iloc[at]), f"{_row(first, at)}, column {column.name!r}"
        if value.strip().lower() in ("", "nan", "na", "none", "null", "<na>"):
            raise DataError(f"{path}: {where}: a value is missing ({value!r}); fill it in or drop the row")
        if value.strip().lower().lstrip("+-") in ("inf", "infinity"):
            raise DataError(f"{path}: {where}: {value!r} is not finite; every feature must be a finite number")
        raise DataError(f"{path}: {where}: {value!r} is not a number; features must be numbers (encode text first)")
    return numbers


def _labels(column: pd.Series, path: Path, first: int) -> np.ndarray:
    """The target as numbers if all of it is, else as text."""
    if column.dtype.kind in "biuf":
        return column.to_numpy()
    numbers = pd.to_numeric(column.astype(str).str.strip(), errors="coerce").to_numpy(dtype=np.float64)
    if np.isfinite(numbers).all():
        return numbers
    words = column.astype(str).str.strip().to_numpy(dtype=str)
    if np.isfinite(numbers).mean() > 0.5:  # a column of numbers with a slip, not of names
        at = int(np.argmax(~np.isfinite(numbers)))
        raise DataError(f"{path}: {_row(first, at)}, column {column.name!r}: {words[at]!r} is not a number like the others")
    return words


def _row(first: int, index: int) -> str:
    return f"line {first + index}" if first else f"row {index} (counted from 0)"


def read_arrays(path: Path) -> Any:
    """``(inputs, targets)`` or a dict of such pairs by part, from .npz or .pt; nothing is unpickled."""
    found = _read_npz(path) if path.suffix.lower() == ".npz" else _read_pt(path)
    if isinstance(found, tuple | list) and len(found) == 2:
        return tuple(found)
    if not isinstance(found, dict):
        raise DataError(f"{path}: must hold a pair or a dict of tensors, not {type(found).__name__}")
    if "train" in found:
        return found
    for inputs, targets in PAIRS:
        if inputs in found and targets in found:
            return found[inputs], found[targets]
    if "x_train" in found and "y_train" in found:
        return {part: (found[x], found[y]) for x, y, part in TRIPLES if x in found and y in found}
    raise DataError(
        f"{path}: no inputs and targets in it; found {_list(found) or 'nothing'}; allowed: inputs and targets, "
        "x and y, or x_train, y_train, x_validation, y_validation, x_test, y_test"
    )


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise DataError(f"{path}: not a readable .npz file of plain arrays: {str(error).splitlines()[0]}") from None


def _read_pt(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a readable .pt file of tensors (weights only): {reason}") from None


def _list(names: Any) -> str:
    return ", ".join(map(str, names))
