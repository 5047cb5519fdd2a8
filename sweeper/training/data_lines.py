"""What is told of a study's data before anything is trained."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from sweeper.components.losses import LOSSES
from sweeper.components.tree import leaves
from sweeper.data.column_words import column_lines, drop_lines, item_lines
from sweeper.data.data import Data
from sweeper.data.leaks import leaks
from sweeper.data.splits import rows_of_parts
from sweeper.errors import shown
from sweeper.printable import one_line
from sweeper.split_names import SPLITS
from sweeper.study.study import Study
from sweeper.toml_text import in_toml
from sweeper.training.guessing import few_rows
from sweeper.training.setup import Task
from sweeper.wording import count, listing

MOST_ROWS = 200_000
"""Rows above which copies are not looked for."""
LATTICE = 0.25
"""Share of distinct rows below which data are a lattice of few values, where copies mean nothing."""
PARTS, NAMED = 3, 3
"""Rows of a class that each part can have one of; classes that are named."""
NOTICED = 0.01
"""Share of validation and test rows from which copies are worth a line."""


def data_lines(task: Task) -> list[str]:
    """Sentences without a full stop: columns, how rows are split, items, copies of rows, whole batches."""
    data, study = task.data, task.study
    split = data, study.data.split, study.search.seed
    dropped = tuple(study.data.drop or ())
    lines = [*column_lines(*split), *drop_lines(data, dropped), *split_lines(task), *rare_lines(data)]
    lines += [*leak_lines(data, dropped), *renumbered_lines(task), *unlabelled_lines(task)]
    lines += [*item_lines(data, study.data.standardize), *copy_lines(*split)]
    return lines + _whole_batches(task)


def split_lines(task: Task) -> list[str]:
    """By which column the rows are split; nothing where by none."""
    data, section = task.data, task.study.data
    by, inputs = section.group or section.time, {column.name for column in data.columns}
    if not isinstance(by, str):
        return []
    also = "" if by in inputs else "; it is no input"
    if section.time:
        if data.order_note and by not in inputs:  # of an input it is said with the others
            also += f"; {data.order_note} in data.columns"
        return [f"column {shown(by)}: splits the rows in its order, the last ones are test rows{also}"]
    values = 0 if data.groups is None else len(np.unique(data.groups))
    return [f"column {shown(by)}: rows with the same of its {count(values, 'value')} stay in one part{also}"]


def rare_lines(data: Data) -> list[str]:
    """Classes that cannot be in each part; nothing where every one can."""
    if data.classes is None or data.targets.dtype.kind not in "iu" or data.fixed is not None:
        return []
    labels = data.targets[data.targets >= 0].ravel()
    rare = [(name, rows) for name, _, rows in few_rows([("", labels)], data.classes, PARTS) if rows]
    named = [f"{shown(one_line(name))} ({count(rows, 'row')})" for name, rows in rare[:NAMED]]
    named += [f"{len(rare) - NAMED} more"] if len(rare) > NAMED else []
    few = "too few for training, validation and test rows to have one each"
    return [f"{'class' if len(rare) == 1 else 'classes'} {listing(named)}: {few}"] if rare else []


def renumbered_lines(task: Task) -> list[str]:
    """That a loss of the user's gets other whole numbers than the data have, as these are taken for classes;
    nothing where they are the same."""
    data, loss = task.data, task.study.training.loss
    names = data.classes or ()
    if (isinstance(loss, str) and loss in LOSSES) or not data.classes_are_numbers:
        return []
    if not names or list(names) == [str(k) for k in range(len(names))]:
        return []
    column = next(iter(data.target_how), "")
    who = f"target {shown(one_line(column))}" if column else "targets"
    how = f"say data.columns = {in_toml({column: 'number'})}" if column else "give them as floats"
    numbers = f"{names[0]} is 0, {names[1]} is 1 … {names[-1]} is {len(names) - 1}"
    if len(names) == 2:
        numbers = f"{names[0]} is 0 and {names[1]} is 1"
    return [
        f"{who}: taken for {len(names)} classes, so the loss gets their numbers, {numbers}; for amounts {how}"
    ]


def unlabelled_lines(task: Task) -> list[str]:
    """Sequences without any label that may fill a whole batch; nothing where there are fewer."""
    data, training = task.data, task.study.training
    tokens = data.targets.ndim == 2 and data.targets.dtype.kind in "iu"
    if not tokens or not (sizes := _batch_sizes(task.study)):
        return []
    empty = int((data.targets == training.ignore_index).all(axis=1).sum())
    if empty < min(sizes):
        return []
    return [
        f"targets: {empty:,} of {count(data.rows, 'row')} have no label, and a batch of "
        f"{min(sizes)} such rows has no loss, which ends a training: leave these rows out"
    ]


def leak_lines(data: Data, dropped: Sequence[str] = ()) -> list[str]:
    """Columns that give the target away; nothing where none does. `dropped`: those left out already."""
    return [
        f"column {shown(one_line(column.name))}: gives the target of every row by itself; if it is not known "
        f"when you predict, leave it out: data.drop = {in_toml([*dropped, column.name])}"
        for column in leaks(data)
    ]


def _whole_batches(task: Task) -> list[str]:
    """Batch sizes that are larger than the training part."""
    study, seed = task.study, task.study.search.seed
    train, *_ = rows_of_parts(task.data, study.data.split, seed=seed, test_seed=seed)
    rows = count(len(train), "training row")
    return [
        f"training.batch_size = {size} is more than the {rows}: every step takes all of them"
        for size in _batch_sizes(study)
        if size > len(train)
    ]


def _batch_sizes(study: Study) -> list[int]:
    """Each number of rows that a batch of some trial has; none of a range that is as good as continuous."""
    keyed = study.space.keyed("training.batch_size", study.training.batch_size).values()
    sizes = [size for values in keyed for size in values.values or ()]
    return [int(size) for size in dict.fromkeys(sizes) if size != "full"]


def copy_lines(data: Data, shares: tuple[float, float, float], seed: int) -> list[str]:
    """A sentence where many validation and test rows equal a training row, input and target; else nothing."""
    if data.is_streamed or data.groups is not None or data.rows > MOST_ROWS:
        return []
    train, *others = rows_of_parts(data, shares, seed=seed, test_seed=seed)
    numbers = _numbered(data)
    if numbers.max(initial=0) + 1 < LATTICE * data.rows:
        return []
    apart = np.concatenate(others)
    parts = [name for name, rows in zip(SPLITS[1:], others, strict=True) if len(rows)]
    by_group = ", or keep them in one part by data.group" * bool(data.columns and data.fixed is None)
    copies = int(np.isin(numbers[apart], numbers[train]).sum())
    if copies < max(2, NOTICED * len(apart)):
        return []
    return [
        f"data: {copies} of {count(len(apart), f'{listing(parts)} row')} are copies of training rows, so "
        f"scores look better than on new rows: leave copies out{by_group}"
    ]


def _numbered(data: Data) -> np.ndarray:
    """(n,) the same number for rows whose inputs and targets are equal."""
    parts = [np.ascontiguousarray(part) for part in (*leaves(data.inputs), data.targets)]
    found: dict[bytes, int] = {}
    return np.array([found.setdefault(_digest(parts, row), len(found)) for row in range(data.rows)])


def _digest(parts: Sequence[np.ndarray], row: int) -> bytes:
    sums = blake2b(digest_size=16)
    for part in parts:
        cells = part[row]
        sums.update(repr(cells.tolist()).encode() if part.dtype == object else cells.tobytes())
    return sums.digest()
