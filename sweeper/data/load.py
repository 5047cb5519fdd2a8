"""What ``[data] source`` names -> `Data`, checked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.components.tree import Tree, alike, leaves, mapped, named_leaves, rows_in
from sweeper.data.arrays import alike_rows, alike_types, check_rows, inputs_of, targets_of
from sweeper.data.data import Data
from sweeper.data.files import ENDINGS, TABLES, find, read_arrays
from sweeper.data.in_memory import PARTS, InMemory
from sweeper.data.objects import read_objects
from sweeper.data.sources import DATASETS
from sweeper.data.table_files import read_table
from sweeper.data.targets import fit_targets
from sweeper.errors import DataError, SweeperError, did_you_mean
from sweeper.user_code.calls import message_of, name_of, user_code
from sweeper.user_code.lookup import resolve
from sweeper.user_code.process_state import process_kept


def load(
    source: str | Callable[..., Any] | InMemory,
    *,
    target: str | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    loss_task: str | None = None,
) -> Data:
    """Built-in name, file, ``package.module:function``, function or data in memory -> `Data` for the loss.

    `loss_task` is ``classification``, ``regression``, ``binary``, or ``None`` for a loss of the user's.

    Raises:
        DataError: naming file, row, column and value, and what is allowed.
    """
    name = source if isinstance(source, str) else name_of(source)
    if isinstance(source, InMemory):
        name = source.words
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
        with process_kept(), user_code():  # what a function gave may do anything when it is read
            found = read_objects(found, name, target)
            return _data(found, name, features, loss_task, target or "targets")
    except SweeperError:
        raise
    except Exception as error:
        raise DataError(f"{name}: what it gave cannot be read: {message_of(error)}") from error


def _called(
    source: str | Callable[..., Any] | InMemory, name: str, folder: Path | None, options: dict[str, Any]
) -> Any:
    if isinstance(source, str) and source not in DATASETS and ":" not in source:
        allowed = [*DATASETS, *(f"a {ending} file" for ending in ENDINGS), "package.module:function"]
        raise DataError(f"data.source = {source!r}: {did_you_mean(source, allowed)}")
    if isinstance(source, InMemory):
        return _held(source)
    function = DATASETS.get(source) or resolve(source, folder) if isinstance(source, str) else source
    try:
        with process_kept(), user_code():
            return function(**options)
    except Exception as error:  # the user's function may raise anything
        raise DataError(f"data function {name!r} failed: {message_of(error)}") from error


def _held(source: InMemory) -> Any:
    if source.value is None:
        raise DataError(
            f"data {source}: they stayed in the process that made the study; make it again there, or give a "
            "data function"
        )
    return source.value


def _data(found: Any, name: str, features: tuple[str, ...], loss_task: str | None, column: str) -> Data:
    fixed = None
    if isinstance(found, Mapping):
        inputs, targets, fixed = _joined(found, name)
    elif isinstance(found, tuple | list) and len(found) == 2:
        targets = targets_of(found[1], name, "targets")
        inputs = inputs_of(found[0], name, "inputs", targets.size)
        features = features or tuple(map(str, getattr(found[0], "columns", ())))  # of a DataFrame
    else:
        what = f"{len(found)} things" if isinstance(found, tuple | list) else type(found).__name__
        raise DataError(
            f"{name}: gave {what}; must give (inputs, targets), or a dict of such pairs: train, validation "
            "and test"
        )
    check_rows(inputs, targets, name)
    if not isinstance(inputs, tuple | dict) and inputs.ndim == 1:
        inputs = inputs.reshape(len(inputs), 1)
    for what, array in (*named_leaves(inputs), ("targets", targets)):
        if not array[0].size:
            raise DataError(f"{name}: {what} have shape {array.shape}; every row needs at least one number")
    targets, classes = fit_targets(targets, loss_task, name, column)
    return Data(inputs, targets, classes, fixed, name, features)


def _joined(parts: Mapping[str, Any], name: str) -> tuple[Tree, np.ndarray, dict[str, np.ndarray]]:
    """Inputs and targets of all parts, one below the other, and which rows are whose."""
    for part in ("train", "validation"):
        if part not in parts:
            there = ", ".join(map(str, parts)) or "nothing"
            raise DataError(
                f"{name}: part {part!r} is missing; found: {there}. Data without parts are split by the "
                "study; of a data set, torch.utils.data.random_split makes two"
            )
    unknown = [str(key) for key in parts if key not in PARTS]
    if unknown:
        raise DataError(f"{name}: unknown part {unknown[0]!r}; {did_you_mean(unknown[0], list(PARTS))}")
    inputs: list[Tree] = []
    targets: list[np.ndarray] = []
    fixed, start = {part: np.arange(0) for part in PARTS}, 0
    for part in (part for part in PARTS if part in parts):
        x, y = _pair(parts[part], name, part)
        if inputs:
            _check_like_train(part, (x, y), (inputs[0], targets[0]), name)
        inputs.append(x)
        targets.append(y)
        fixed[part] = np.arange(start, start + len(y))
        start += len(y)
    return mapped(_below, *inputs), np.concatenate(targets), fixed


def _below(*arrays: np.ndarray) -> np.ndarray:
    return np.concatenate(arrays)


def _check_like_train(part: str, found: Tree, train: Tree, name: str) -> None:
    if not alike(found, train):
        raise DataError(f"{name}: part {part!r} has other inputs than part 'train'")
    in_order = mapped(lambda _, array: array, train, found)
    pairs = list(zip(leaves(in_order), leaves(train), strict=True))
    if not all(alike_rows(a, b) for a, b in pairs):
        raise DataError(f"{name}: part {part!r} has rows of another shape than part 'train'")
    if not all(alike_types(a, b) for a, b in pairs[:-1]) or _is_words(found[1]) != _is_words(train[1]):
        raise DataError(f"{name}: part {part!r} has another type of values than part 'train'")


def _is_words(array: np.ndarray) -> bool:
    return array.dtype.kind == "U"


def _pair(pair: Any, name: str, part: str) -> tuple[Tree, np.ndarray]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DataError(f"{name}: part {part!r} must be a pair (inputs, targets)")
    y = targets_of(pair[1], name, f"{part} targets")
    x = inputs_of(pair[0], name, f"{part} inputs", y.size)
    for what, array in named_leaves(x, "inputs"):
        if array.ndim == 0 or y.ndim == 0 or len(array) != len(y):
            rows = [len(a) if a.ndim else "no" for a in (array, y)]
            raise DataError(f"{name}: part {part!r} has {rows[0]} rows of {what} and {rows[1]} of targets")
    if rows_in(x) == 0 and part != "test":
        raise DataError(f"{name}: part {part!r} has no rows")
    return x, y
