"""What ``[data] source`` names -> `Data`, checked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sweeper.components.data import Data
from sweeper.components.datasets import DATASETS
from sweeper.components.files import read_arrays, read_table
from sweeper.components.lookup import resolve
from sweeper.errors import DataError, did_you_mean

FEWEST = 10
"""Rows below which there is nothing to split."""
PARTS = ("train", "validation", "test")


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
    name = source if isinstance(source, str) else getattr(source, "__qualname__", repr(source))
    ending = Path(source).suffix.lower() if isinstance(source, str) else ""
    features: tuple[str, ...] = ()
    if isinstance(source, str) and ending in (".csv", ".parquet"):
        inputs, targets, features = read_table(_find(source, folder), target)
        found: Any = (inputs, targets)
    elif isinstance(source, str) and ending in (".npz", ".pt"):
        found = read_arrays(_find(source, folder))
    else:
        found = _called(source, name, folder, dict(options or {}))
    return _data(found, name, features, loss_task, target or "target")


def _find(source: str, folder: Path | None) -> Path:
    places = [folder / source] if folder and not Path(source).is_absolute() else []
    for path in (*places, Path(source)):
        if path.is_file():
            return path
    looked = " nor ".join(str(path.parent) for path in (*places, Path(source).absolute()))
    raise DataError(f"data.source = {source!r}: no such file (looked in {looked})")


def _called(source: str | Callable[..., Any], name: str, folder: Path | None, options: dict[str, Any]) -> Any:
    if isinstance(source, str) and source not in DATASETS and ":" not in source:
        allowed = [*DATASETS, "a .csv, .parquet, .npz or .pt file", "package.module:function"]
        raise DataError(f"data.source = {source!r}: {did_you_mean(source, allowed)}")
    function = DATASETS.get(source) or resolve(source, folder) if isinstance(source, str) else source
    try:
        return function(**options)
    except Exception as error:  # the user's function may raise anything
        raise DataError(f"data function {name!r} raised {type(error).__name__}: {error}") from error


def _data(found: Any, name: str, features: tuple[str, ...], loss_task: str | None, column: str) -> Data:
    fixed = None
    if isinstance(found, Mapping):
        found, fixed = _joined(found, name)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise DataError(f"{name}: must give (inputs, targets) or a dict of train, validation and test pairs")
    inputs, targets = _array(found[0], name, "inputs"), _array(found[1], name, "targets")
    _check_rows(inputs, targets, name)
    inputs = inputs.reshape(len(inputs), 1) if inputs.ndim == 1 else inputs
    targets, classes = fit_targets(targets, loss_task, name, column)
    tokens = np.issubdtype(inputs.dtype, np.integer) and not features and _is_tokens(found[0])
    return Data(inputs if tokens else inputs.astype(np.float64), targets, classes, fixed, name, features)


def _is_tokens(inputs: Any) -> bool:
    """Integer tensors (torch.int64) are token numbers; integer numpy arrays are numbers like any other."""
    return isinstance(inputs, torch.Tensor)


def _joined(parts: Mapping[str, Any], name: str) -> tuple[tuple[Any, Any], dict[str, np.ndarray]]:
    """Parts one below the other, and which rows are whose."""
    for part in ("train", "validation"):
        if part not in parts:
            raise DataError(f"{name}: part {part!r} is missing; found: {', '.join(map(str, parts)) or 'nothing'}")
    unknown = [str(key) for key in parts if key not in PARTS]
    if unknown:
        raise DataError(f"{name}: unknown part {unknown[0]!r}; {did_you_mean(unknown[0], list(PARTS))}")
    inputs, targets, fixed, start = [], [], {part: np.arange(0) for part in PARTS}, 0
    for part in PARTS:
        if part not in parts:
            continue
        pair = parts[part]
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(f"{name}: part {part!r} must be a pair (inputs, targets)")
        x, y = _array(pair[0], name, f"{part} inputs"), _array(pair[1], name, f"{part} targets")
        if len(x) != len(y):
            raise DataError(f"{name}: part {part!r} has {len(x)} rows of inputs and {len(y)} of targets")
        if inputs and (x.shape[1:] != inputs[0].shape[1:] or y.shape[1:] != targets[0].shape[1:]):
            raise DataError(f"{name}: part {part!r} has rows of another shape than part 'train'")
        inputs.append(x)
        targets.append(y)
        fixed[part] = np.arange(start, start + len(x))
        start += len(x)
    whole = np.concatenate(inputs)
    kept = torch.from_numpy(whole) if isinstance(parts["train"][0], torch.Tensor) and whole.dtype == np.int64 else whole
    return (kept, np.concatenate(targets)), fixed


def _array(values: Any, name: str, what: str) -> np.ndarray:
    if isinstance(values, torch.Tensor):
        return values.detach().cpu().numpy()
    array = np.asarray(values)
    if array.dtype == object or (array.dtype.kind not in "biuf" and what.endswith("inputs")):
        raise DataError(f"{name}: {what} must be numbers, found {array.dtype}")
    return array


def _check_rows(inputs: np.ndarray, targets: np.ndarray, name: str) -> None:
    if inputs.ndim == 0 or targets.ndim == 0:
        raise DataError(f"{name}: inputs and targets must be arrays with one entry per row")
    if len(inputs) != len(targets):
        raise DataError(f"{name}: {len(inputs)} rows of inputs and {len(targets)} of targets; they must be equal")
    if len(inputs) < FEWEST:
        raise DataError(f"{name}: {len(inputs)} rows; at least {FEWEST} are needed for training and validation")
    for what, array in (("inputs", inputs), ("targets", targets)):
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.argwhere(~np.isfinite(array))[0][0])
            raise DataError(f"{name}: {what} of row {row} (counted from 0) are not finite; every value must be a number")


def fit_targets(
    targets: np.ndarray, loss_task: str | None, name: str, column: str
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Targets in the form that the loss needs, and the class names if they are classes.

    Raises:
        DataError: if they cannot be: real numbers for classes, strings for numbers, values outside 0 … 1.
    """
    flat = targets.reshape(len(targets)) if targets.ndim == 2 and targets.shape[1] == 1 else targets
    text = flat.dtype.kind in "USO"
    whole = text or flat.dtype.kind in "biu" or bool(np.all(flat == np.round(flat)))
    if loss_task == "classification" or (loss_task is None and (text or flat.dtype.kind in "biu")):
        if flat.ndim != 1 or not whole:
            example = flat.reshape(-1)[np.argmax(flat.reshape(-1) != np.round(flat.reshape(-1)))]
            what = f"has real values such as {example:.6g}" if flat.ndim == 1 else f"has shape {targets.shape}"
            raise DataError(f"{name}: {column!r} {what}, but training.loss needs one class per row; use mse, l1 or huber")
        return _encoded(flat if text else flat.astype(np.int64), name, column)
    if text:
        words = np.unique(flat.astype(str))
        raise DataError(
            f"{name}: {column!r} holds words ({', '.join(words[:3])} …), but training.loss needs numbers; "
            "use cross_entropy" + (", or 0 and 1" if loss_task == "binary" else "")
        )
    numbers = targets.reshape(len(targets), -1).astype(np.float64)
    if loss_task == "binary" and (numbers.min() < 0 or numbers.max() > 1):
        wrong = numbers[(numbers < 0) | (numbers > 1)][0]
        raise DataError(f"{name}: {column!r} has the value {wrong:.6g}, but loss bce needs targets from 0 to 1")
    if numbers.min() == numbers.max():
        raise DataError(f"{name}: {column!r} has the same value {numbers.min():.6g} in every row; nothing can be learnt")
    return numbers, None


def _encoded(labels: np.ndarray, name: str, column: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers 0 … k − 1 in sorted order of the labels, and the labels as text."""
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"{name}: {column!r} has one class only, {classes[0]}; at least two are needed")
    if len(classes) > len(labels) // 2 and len(classes) > 20:
        raise DataError(
            f"{name}: {column!r} has {len(classes)} classes in {len(labels)} rows; is it a number to predict? "
            "Then use loss mse, l1 or huber"
        )
    return numbers.astype(np.int64).reshape(-1), tuple(str(label) for label in classes)
