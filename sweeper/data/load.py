"""What ``[data] source`` names -> `Data`, checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.components.target_form import form_of
from sweeper.components.tree import Tree, alike, leaves, mapped, named_leaves, rows_in
from sweeper.data.arrays import alike_rows, alike_types, check_rows, inputs_of, kept, targets_of
from sweeper.data.data import Data
from sweeper.data.disk import empty, forget, is_streamed, require_space, written
from sweeper.data.files import ENDINGS, TABLES, find, find_folder, names_folder, read_arrays
from sweeper.data.images import image_folder
from sweeper.data.in_memory import InMemory
from sweeper.data.items import Pair
from sweeper.data.keys import Keys
from sweeper.data.memory import refuse_larger
from sweeper.data.objects import are_arrays, read_objects
from sweeper.data.sources import DATASETS
from sweeper.data.table_files import read_file
from sweeper.data.table_objects import table_in
from sweeper.data.tables import data_of, read_frame
from sweeper.data.targets import fit_targets
from sweeper.errors import DataError, SweeperError, did_you_mean, shown
from sweeper.split_names import SPLITS
from sweeper.user_code.calls import message_of, name_of, user_code
from sweeper.user_code.lookup import is_built_in, resolve
from sweeper.user_code.observing import drawn_alike
from sweeper.user_code.process_state import process_kept


def load(
    source: str | Callable[..., Any] | InMemory,
    *,
    target: str | Sequence[str] | None = None,
    folder: Path | None = None,
    options: Mapping[str, Any] | None = None,
    loss_task: str | None = None,
    keys: Keys | None = None,
) -> Data:
    """Built-in name, file, ``package.module:function``, function or data in memory -> `Data` for the loss.

    `loss_task` is ``classification``, ``regression``, ``binary``, or ``None`` for a loss of the user's.
    `keys` are what the study says of the columns of a table, of the split and of the classes.

    Raises:
        DataError: naming file, row, column and value, and what is allowed.
    """
    keys = keys or Keys()
    name = source if isinstance(source, str) else name_of(source)
    if isinstance(source, InMemory):
        name = source.words
    ending = Path(source).suffix.lower() if isinstance(source, str) and source not in DATASETS else ""
    if isinstance(source, str) and ending in TABLES:
        return _split_by(data_of(read_file(_fitting(source, folder)), target, keys, loss_task), keys)
    if isinstance(source, str) and ending in ENDINGS:
        given = read_arrays(_fitting(source, folder))
    elif isinstance(source, InMemory):
        given = _held(source)
    elif isinstance(source, str) and names_folder(source):
        given = _images(source, folder, options or {})
    else:
        function = _function(source, folder)
        taken = keys.taken_by(function)
        keys = keys.without(taken)
        given = _called(function, name, {**(options or {}), **taken})
    try:
        with process_kept(), user_code():  # what a function gave may do anything when it is read
            if (table := _table(given, target, keys, name)) is not None:
                return _split_by(read_frame(table[0], table[1], keys, loss_task, name, table[2]), keys)
            read = "arrays" if are_arrays(given) else "items"
            given = read_objects(given, name, target)
            return _split_by(replace(_data(given, name, loss_task, target, keys), read=read), keys)
    except SweeperError:
        raise
    except Exception as error:
        raise DataError(f"{name}: what it gave cannot be read: {message_of(error)}") from error


def _fitting(source: str, folder: Path | None) -> Path:
    path = find(source, folder)
    refuse_larger(path)
    return path


def _table(given: Any, target: Any, keys: Keys, name: str) -> tuple[pd.DataFrame, Any, dict[str, int]] | None:
    try:
        return table_in(given, target, bool(keys.about_columns))
    except ValueError as error:
        raise DataError(f"{name}: {error}") from None


def _images(source: str, folder: Path | None, options: Mapping[str, Any]) -> Any:
    try:
        return image_folder(str(find_folder(source, folder)), **options, empty=empty)
    except (ValueError, OSError) as error:
        raise DataError(f"{source}: {error}") from None


def _function(source: str | Callable[..., Any], folder: Path | None) -> Callable[..., Any]:
    if is_built_in(source) and source not in DATASETS:
        allowed = [*DATASETS, *(f"a {ending} file" for ending in ENDINGS), "package.module:function"]
        raise DataError(f"data.source = {source!r}: {did_you_mean(source, allowed)}")
    if not isinstance(source, str):
        return source
    function: Callable[..., Any] = DATASETS.get(source) or resolve(source, folder)
    return function


def _called(function: Callable[..., Any], name: str, options: dict[str, Any]) -> Any:
    try:
        with process_kept(), user_code(), drawn_alike():
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


def _split_by(data: Data, keys: Keys) -> Data:
    """Whether classes are stratified, as the study says."""
    if keys.stratify is True and data.classes is None:
        raise DataError(
            f"{data.name}: data.stratify = true is for classes, and training.loss takes numbers; name a "
            "column, or leave it out"
        )
    return data if keys.stratify is None else replace(data, stratified=bool(keys.stratify))


def _data(
    given: Any, name: str, loss_task: str | None, target: str | Sequence[str] | None, keys: Keys
) -> Data:
    for key, value in keys.about_columns.items():
        raise DataError(f"{name}: data.{key} = {shown(value)} names columns, and only a table has them")
    fixed, column = None, target if isinstance(target, str) else "targets"
    features: tuple[str, ...] = ()
    if isinstance(given, Mapping):
        inputs, every, fixed = _joined(given, name)
        targets = leaves(every)[0]
    elif isinstance(given, tuple | list) and len(given) == 2:
        every = _targets(given, name, "targets")
        targets = leaves(every)[0]
        inputs = inputs_of(given[0], name, "inputs", targets.size)
        features = tuple(map(str, getattr(given[0], "columns", ())))  # of a DataFrame
    else:
        what = f"{len(given)} things" if isinstance(given, tuple | list) else type(given).__name__
        raise DataError(
            f"{name}: gave {what}; must give (inputs, targets), or a dict of such pairs: train, validation "
            "and test"
        )
    check_rows(inputs, targets, name)
    if several := isinstance(every, tuple | dict):
        _check_several(every, name, loss_task)
    inputs = kept(inputs, name)
    if not isinstance(inputs, tuple | dict) and inputs.ndim == 1:
        inputs = inputs.reshape(len(inputs), 1)
    for what, array in (*named_leaves(inputs), ("targets", targets)):
        if not array[0].size:
            raise DataError(f"{name}: {what} have shape {array.shape}; every row needs at least one number")
    came, pair = targets, given["train"] if fixed is not None else given
    names = pair.names if isinstance(pair, Pair) else ("", "")
    targets, classes = fit_targets(came, loss_task, name, column, keys.classes)
    form = form_of(came, targets, classes is not None, keys.classes is not None)
    return Data(
        inputs,
        targets,
        classes,
        fixed,
        name,
        features,
        item_names=names,
        target_form=form,
        several=every if several else None,
    )


def _targets(pair: Any, name: str, what: str) -> Tree:
    """Arrays of the targets; of items there may be several."""
    if isinstance(pair, Pair) and isinstance(pair[1], tuple | dict):
        return mapped(lambda leaf: targets_of(leaf, name, what), pair[1])
    return targets_of(pair[1], name, what)


def _check_several(targets: Tree, name: str, loss_task: str | None) -> None:
    for what, leaf in named_leaves(targets, "targets"):
        if leaf.dtype.kind == "U":
            raise DataError(f"{name}: {what} are words; of several targets all must be numbers")
        check_rows((), leaf, name)
    if loss_task is not None:
        raise DataError(
            f"{name}: an item has {len(leaves(targets))} targets, and training.loss takes one; a loss of "
            'your own, "package.module:function" of (output, target), gets all of them, arranged as they came'
        )


def _joined(parts: Mapping[str, Any], name: str) -> tuple[Tree, Tree, dict[str, np.ndarray]]:
    """Inputs and targets of all parts, one below the other, and which rows are whose."""
    for part in ("train", "validation"):
        if part not in parts:
            there = ", ".join(map(str, parts)) or "nothing"
            raise DataError(
                f"{name}: part {part!r} is missing; found: {there}. Data without parts are split by the "
                "study; of a data set, torch.utils.data.random_split makes two"
            )
    unknown = [str(key) for key in parts if key not in SPLITS]
    if unknown:
        raise DataError(f"{name}: unknown part {unknown[0]!r}; {did_you_mean(unknown[0], list(SPLITS))}")
    inputs: list[Tree] = []
    targets: list[Tree] = []
    fixed, start = {part: np.arange(0) for part in SPLITS}, 0
    for part in (part for part in SPLITS if part in parts):
        x, y = _pair(parts[part], name, part)
        if inputs:
            _check_like_train(part, (x, y), (inputs[0], targets[0]), name)
        inputs.append(x)
        targets.append(y)
        fixed[part] = np.arange(start, start + rows_in(y))
        start += rows_in(y)
    below = mapped(lambda *arrays: np.concatenate(arrays), *targets)
    return mapped(partial(_below, name), *inputs), below, fixed


def _below(name: str, *arrays: np.ndarray) -> np.ndarray:
    """One below the other; on disk if one of them is there."""
    if not any(map(is_streamed, arrays)):
        return np.concatenate(arrays)
    require_space(sum(array.nbytes for array in arrays), name)
    whole = written(arrays, name, np.result_type(*arrays))
    for array in arrays:
        forget(array)
    return whole


def _check_like_train(part: str, pair: Tree, train: Tree, name: str) -> None:
    if not alike(pair, train):
        raise DataError(f"{name}: part {part!r} has other inputs than part 'train'")
    in_order = mapped(lambda _, array: array, train, pair)
    pairs = list(zip(leaves(in_order), leaves(train), strict=True))
    if not all(alike_rows(a, b) for a, b in pairs):
        raise DataError(f"{name}: part {part!r} has rows of another shape than part 'train'")
    inputs = zip(leaves(in_order[0]), leaves(train[0]), strict=True)
    words = [_is_words(leaves(each[1])[0]) for each in (pair, train)]
    if not all(alike_types(a, b) for a, b in inputs) or words[0] != words[1]:
        raise DataError(f"{name}: part {part!r} has another type of values than part 'train'")


def _is_words(array: np.ndarray) -> bool:
    return array.dtype.kind == "U"


def _pair(pair: Any, name: str, part: str) -> tuple[Tree, Tree]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise DataError(f"{name}: part {part!r} must be a pair (inputs, targets)")
    every = _targets(pair, name, f"{part} targets")
    y = leaves(every)[0]
    x = inputs_of(pair[0], name, f"{part} inputs", y.size)
    for what, array in named_leaves(x, "inputs"):
        if array.ndim == 0 or y.ndim == 0 or len(array) != len(y):
            rows = [len(a) if a.ndim else "no" for a in (array, y)]
            raise DataError(f"{name}: part {part!r} has {rows[0]} rows of {what} and {rows[1]} of targets")
    if rows_in(x) == 0 and part != "test":
        raise DataError(f"{name}: part {part!r} has no rows")
    return x, every
