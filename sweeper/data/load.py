"""What ``[data] source`` names -> `Data`, checked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sweeper.data.data import Data
from sweeper.data.files import ENDINGS, TABLES, find, read_arrays
from sweeper.data.sources import DATASETS
from sweeper.data.table_files import read_table
from sweeper.data.targets import fit_targets, word_problem
from sweeper.errors import DataError, SweeperError, did_you_mean, shown
from sweeper.user_code.calls import message_of, name_of, user_code
from sweeper.user_code.lookup import resolve
from sweeper.user_code.process_state import process_kept

FEWEST = 10
"""Rows below which there is nothing to split."""
HUGE = 1e150
"""From here on squares overflow."""
PARTS = ("train", "validation", "test")
TOKENS = (torch.int64, torch.int32)
"""Tensors of these types are token numbers, what ``nn.Embedding`` takes; all others are numbers."""


def load(
    source: str | Callable[..., Any],
    *,
    target: str | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    loss_task: str | None = None,
) -> Data:
    """Built-in name, file, ``package.module:function`` or function -> `Data` that fits the loss.

    `loss_task` is ``classification``, ``regression``, ``binary``, or ``None`` for a loss of the user's.

    Raises:
        DataError: naming file, row, column and value, and what is allowed.
    """
    name = source if isinstance(source, str) else name_of(source)
    ending = Path(source).suffix.lower() if isinstance(source, str) and source not in DATASETS else ""
    features: tuple[str, ...] = ()
    if isinstance(source, str) and ending in TABLES:
        numeric = loss_task in ("regression", "binary")
        inputs, targets, features = read_table(find(source, folder), target, numeric_target=numeric)
        found: Any = (inputs, targets)
    elif isinstance(source, str) and ending in ENDINGS:
        found = read_arrays(find(source, folder))
    else:
        found = _called(source, name, folder, dict(options or {}))
    try:
        with user_code():  # what a function gave may do anything when it is read
            return _data(found, name, features, loss_task, target or "targets")
    except SweeperError:
        raise
    except Exception as error:
        raise DataError(f"{name}: what it gave cannot be read: {message_of(error)}") from error


def _called(source: str | Callable[..., Any], name: str, folder: Path | None, options: dict[str, Any]) -> Any:
    if isinstance(source, str) and source not in DATASETS and ":" not in source:
        allowed = [*DATASETS, *(f"a {ending} file" for ending in ENDINGS), "package.module:function"]
        raise DataError(f"data.source = {source!r}: {did_you_mean(source, allowed)}")
    function = DATASETS.get(source) or resolve(source, folder) if isinstance(source, str) else source
    try:
        with process_kept(), user_code():
            return function(**options)
    except Exception as error:  # the user's function may raise anything
        raise DataError(f"data function {name!r} failed: {message_of(error)}") from error


def _data(found: Any, name: str, features: tuple[str, ...], loss_task: str | None, column: str) -> Data:
    fixed = None
    if isinstance(found, Mapping):
        inputs, targets, fixed = _joined(found, name)
    elif isinstance(found, tuple | list) and len(found) == 2:
        inputs, targets = _inputs(found[0], name, "inputs"), _targets(found[1], name, "targets")
        features = features or tuple(map(str, getattr(found[0], "columns", ())))  # of a DataFrame
    else:
        what = f"{len(found)} things" if isinstance(found, tuple | list) else type(found).__name__
        raise DataError(
            f"{name}: gave {what}; must give (inputs, targets), or a dict of such pairs: train, validation "
            "and test"
        )
    _check_rows(inputs, targets, name)
    inputs = inputs.reshape(len(inputs), 1) if inputs.ndim == 1 else inputs
    for what, array in (("inputs", inputs), ("targets", targets)):
        if not array[0].size:
            raise DataError(f"{name}: {what} have shape {array.shape}; every row needs at least one number")
    targets, classes = fit_targets(targets, loss_task, name, column)
    return Data(inputs, targets, classes, fixed, name, features)


def _joined(parts: Mapping[str, Any], name: str) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Inputs and targets of all parts, one below the other, and which rows are whose."""
    for part in ("train", "validation"):
        if part not in parts:
            there = ", ".join(map(str, parts)) or "nothing"
            raise DataError(
                f"{name}: part {part!r} is missing; found: {there}. Data without parts are split by the study"
            )
    unknown = [str(key) for key in parts if key not in PARTS]
    if unknown:
        raise DataError(f"{name}: unknown part {unknown[0]!r}; {did_you_mean(unknown[0], list(PARTS))}")
    inputs: list[np.ndarray] = []
    targets: list[np.ndarray] = []
    fixed, start = {part: np.arange(0) for part in PARTS}, 0
    for part in (part for part in PARTS if part in parts):
        x, y = _pair(parts[part], name, part)
        if inputs and (x.shape[1:] != inputs[0].shape[1:] or y.shape[1:] != targets[0].shape[1:]):
            raise DataError(f"{name}: part {part!r} has rows of another shape than part 'train'")
        if inputs and (x.dtype != inputs[0].dtype or (y.dtype.kind == "U") != (targets[0].dtype.kind == "U")):
            raise DataError(f"{name}: part {part!r} has another type of values than part 'train'")
        inputs.append(x)
        targets.append(y)
        fixed[part] = np.arange(start, start + len(x))
        start += len(x)
    return np.concatenate(inputs), np.concatenate(targets), fixed


def _pair(pair: Any, name: str, part: str) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DataError(f"{name}: part {part!r} must be a pair (inputs, targets)")
    x, y = _inputs(pair[0], name, f"{part} inputs"), _targets(pair[1], name, f"{part} targets")
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        rows = [len(a) if a.ndim else "no" for a in (x, y)]
        raise DataError(f"{name}: part {part!r} has {rows[0]} rows of inputs and {rows[1]} of targets")
    if len(x) == 0 and part != "test":
        raise DataError(f"{name}: part {part!r} has no rows")
    return x, y


def _inputs(values: Any, name: str, what: str) -> np.ndarray:
    """float64, or int64 for tokens."""
    array = _array(values, name, what)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}: {what} must be numbers, found {_kind(array)}")
    tokens = isinstance(values, torch.Tensor) and values.dtype in TOKENS
    return array.astype(np.int64) if tokens else _doubles(array)


def _targets(values: Any, name: str, what: str) -> np.ndarray:
    """Numbers or text."""
    array = _array(values, name, what)
    if array.dtype.kind not in "biufU":
        raise DataError(f"{name}: {what} must be numbers or words, found {_kind(array)}")
    return _doubles(array) if array.dtype.kind == "f" else array


def _doubles(array: np.ndarray) -> np.ndarray:
    """float64; what is too large for it is infinite, and refused as such."""
    with np.errstate(over="ignore"):
        return array.astype(np.float64)


def _array(values: Any, name: str, what: str) -> np.ndarray:
    try:
        if isinstance(values, torch.Tensor):
            tensor = values.detach().cpu().resolve_conj().resolve_neg()
            return tensor.double().numpy() if tensor.is_floating_point() else tensor.numpy()
        array = np.asarray(values)
        if array.dtype.kind == "U" and not isinstance(values, np.ndarray):
            array = np.asarray(values, dtype=object)  # numpy writes a missing number among words as "nan"
    except (ValueError, TypeError, RuntimeError) as error:  # rows of unlike length, sparse tensors …
        raise DataError(f"{name}: {what} cannot be made an array: {str(error).splitlines()[0]}") from None
    if array.dtype.kind == "O" and array.size:  # pandas and lists keep words and mixed numbers as objects
        if all(isinstance(value, str) for value in array.flat):
            return _words(array, name, what)
        if all(isinstance(value, int | float | np.number | np.bool_) for value in array.flat):
            return _mixed_numbers(array, name, what)
    return _words(array, name, what) if array.dtype.kind == "U" else array


def _words(array: np.ndarray, name: str, what: str) -> np.ndarray:
    """Words as numpy keeps them, all as long as the longest."""
    for place, word in enumerate(array.flat):
        if problem := word_problem(str(word)):
            row = f"row {place * len(array) // array.size} (counted from 0)"
            raise DataError(f"{name}: {what} of {row} are {shown(str(word))}: {problem}")
    return array.astype(str)


def _mixed_numbers(array: np.ndarray, name: str, what: str) -> np.ndarray:
    """float64, which would take different integers beyond 64 bits for the same."""
    for place, value in enumerate(array.flat):
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            row = f"row {place * len(array) // array.size} (counted from 0)"
            raise DataError(f"{name}: {what} of {row} are {shown(value)}: an integer has at most 64 bits")
    return array.astype(np.float64)


def _kind(array: np.ndarray) -> str:
    if array.dtype.kind == "O":
        return ", ".join(sorted({type(value).__name__ for value in array.flat}))
    return {"U": "words", "M": "dates", "m": "durations", "c": "complex numbers", "S": "bytes"}.get(
        array.dtype.kind, str(array.dtype)
    )


def _check_rows(inputs: np.ndarray, targets: np.ndarray, name: str) -> None:
    if inputs.ndim == 0 or targets.ndim == 0:
        raise DataError(f"{name}: inputs and targets must be arrays with one entry per row")
    if len(inputs) != len(targets):
        raise DataError(
            f"{name}: {len(inputs)} rows of inputs and {len(targets)} of targets; they must be equal"
        )
    if len(inputs) < FEWEST:
        rows = "1 row" if len(inputs) == 1 else f"{len(inputs)} rows"
        raise DataError(f"{name}: {rows}; at least {FEWEST} are needed for training and validation")
    for what, array in (("inputs", inputs), ("targets", targets)):
        if array.dtype.kind == "f" and not (np.abs(array) < HUGE).all():
            place = np.argwhere(~(np.abs(array) < HUGE))[0]
            where = f"row {place[0]}" + "".join(f", column {i}" for i in place[1:2])
            value = array[tuple(place)]
            raise DataError(
                f"{name}: {what} of {where} (counted from 0) are {value}; every value must be finite and "
                f"below {HUGE:g}"
            )
