"""Copies of rows in several parts of a split are told before training."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts
from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.data_lines import (
    copy_lines,
    data_lines,
    leak_lines,
    rare_lines,
    renumbered_lines,
    unlabelled_lines,
)
from sweeper.training.setup import Task

SHARES = (0.6, 0.2, 0.2)
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((60, 3)), np.arange(60) % 2


def test_copies_in_other_parts_are_counted() -> None:
    """Fifty copies of one row: as many as a comparison of all rows finds."""
    x, y = np.concatenate([np.repeat(X[:1], 49, 0), X]), np.concatenate([np.repeat(Y[:1], 49), Y])
    data = load(lambda: (x, y), loss_task="classification")
    train, *others = rows_of_parts(data, SHARES, seed=3, test_seed=3)
    apart = np.concatenate(others)
    equal = (data.inputs[apart][:, None] == data.inputs[train][None]).all(2).any(1)
    (line,) = copy_lines(data, SHARES, 3)
    assert line.startswith(f"data: {equal.sum()} of {len(apart)} validation and test rows are copies")
    assert line.endswith("leave copies out")


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (X, Y),  # no copies
        (np.concatenate([X, X[:1]]), np.concatenate([Y, Y[:1]])),  # a single one
        (np.concatenate([X, X]), np.concatenate([Y, 1 - Y])),  # other targets
        (RNG.integers(2, size=(60, 2)).astype(float), Y),  # a lattice of few values
    ],
)
def test_what_is_no_leak_is_not_told(x: np.ndarray, y: np.ndarray) -> None:
    """Distinct rows, one chance copy, the same inputs with other targets, data of few values."""
    assert copy_lines(load(lambda: (x, y), loss_task="classification"), SHARES, 0) == []


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"group": "who"},
            "column 'who': rows with the same of its 12 values stay in one part; it is no input",
        ),
        (
            {"time": "day"},
            "column 'day': splits the rows in its order, the last ones are test rows; it is no input",
        ),
        (
            {"time": "day", "columns": {"day": "number"}},
            "column 'day': splits the rows in its order, the last ones are test rows",
        ),
    ],
)
def test_what_splits_the_rows_is_told(keys: dict[str, object], line: str) -> None:
    """The column, what it does, and whether it is an input."""
    frame = pd.DataFrame({"x": X[:, 0], "who": np.arange(60) // 5, "day": np.arange(60), "y": Y})
    study = Study(name="told", data={"source": frame, "target": "y", **keys}, model={"source": "mlp"})
    assert line in data_lines(Task(study, data_of(study)))


def test_a_column_that_gives_the_target_away_is_told_with_its_key() -> None:
    """Named as the key of the study file takes it."""
    frame = pd.DataFrame({"x": X[:, 0], "paid back": Y * 2.0, "y": Y})
    (line,) = leak_lines(load(lambda: frame, target="y", loss_task="classification"))
    assert line.startswith("column 'paid back': gives the target of every row by itself;")
    assert line.endswith('data.drop = ["paid back"]')


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"a": 30, "b": 3}, ""),
        ({"a": 30, "b": 29, "c d": 1}, "class 'c d' (1 row)"),
        ({"a": 30, "b": 2, "c": 1}, "classes 'b' (2 rows) and 'c' (1 row)"),
        (
            {"a": 30, "b": 1, "c": 1, "d": 1, "e": 2},
            "classes 'b' (1 row), 'c' (1 row), 'd' (1 row) and 1 more",
        ),
    ],
)
def test_classes_that_cannot_be_in_each_part_are_told(counts: dict[str, int], said: str) -> None:
    """Before anything is trained; a class of three rows may be."""
    labels = [name for name, rows in counts.items() for _ in range(rows)]
    frame = pd.DataFrame({"x": np.random.default_rng(1).standard_normal(len(labels)), "y": labels})
    few = f"{said}: too few for training, validation and test rows to have one each"
    assert rare_lines(load(lambda: frame, target="y", loss_task="classification")) == ([few] if said else [])


def own(output: object, target: object) -> object:
    """A loss of the user's."""
    return ((output - target) ** 2).mean()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("values", "columns", "loss", "line"),
    [
        (
            [0, 10, 20],
            {},
            own,
            "target 'y': taken for 3 classes, so the loss gets their numbers, 0 is 0, 10 is 1",
        ),
        (
            [1, 2],
            {},
            own,
            "target 'y': taken for 2 classes, so the loss gets their numbers, 1 is 0 and 2 is 1",
        ),
        ([0, 10, 20], {"y": "number"}, own, ""),
        ([0, 1, 2], {}, own, ""),
        ([0, 10, 20], {}, "cross_entropy", ""),
        (range(0, 300, 10), {}, own, ""),
        (range(30), {}, own, ""),
    ],
)
def test_whole_numbers_that_a_loss_of_ones_own_gets_otherwise_are_told(
    values: Sequence[int], columns: dict[str, str], loss: object, line: str
) -> None:
    """Class numbers are no amounts: said, with the key that gives the loss the amounts; many are amounts."""
    frame = pd.DataFrame({"x": X[:, 0], "y": np.resize(list(values), 60)})
    source = {"source": frame, "target": "y", "columns": columns}
    study = Study(name="own", data=source, model={"source": "mlp"}, training={"loss": loss})
    data = data_of(study)
    told = renumbered_lines(Task(study, data))
    assert [text.startswith(line) and 'data.columns = {y = "number"}' in text for text in told] == [
        True
    ] * bool(line)
    amounts = bool(columns) or (len(values) == 30 and values[1] == 10)
    assert (data.targets.dtype == float) is amounts
    if amounts:
        assert data.targets.ravel().tolist() == frame["y"].tolist()


@pytest.mark.parametrize(("empty", "ignored", "told"), [(40, -100, True), (40, 0, False), (10, -100, False)])
def test_sequences_without_a_label_that_may_fill_a_batch_are_told(
    empty: int, ignored: int, told: bool
) -> None:
    """The mean over no label is no number, and no lower rate mends that."""
    y = RNG.integers(1, 4, size=(60, 5))
    y[:empty] = -100
    x = RNG.integers(0, 4, size=(60, 5))
    training = {"loss": "cross_entropy", "batch_size": 32, "ignore_index": ignored}
    study = Study(name="few", data=lambda: (x, y), model={"source": "rnn"}, training=training)
    lines = unlabelled_lines(Task(study, data_of(study)))
    assert [line.startswith(f"targets: {empty} of 60 rows have no label") for line in lines] == [True] * told


@pytest.mark.parametrize(
    ("sizes", "told"),
    [({}, [50]), ({"training.batch_size.adam": [40, 60]}, [50, 60]), ({"training.batch_size": 40}, [])],
)
def test_batches_larger_than_the_training_part_are_told(sizes: dict[str, object], told: list[int]) -> None:
    """Of single optimizers too, and of the section where an optimizer has no key."""
    space = {"optimizer": ["sgd", "adam"], **sizes}
    frame = pd.DataFrame({"x": X[:, 0], "y": X[:, 1]})
    data = {"source": frame, "target": "y", "split": [0.75, 0.125, 0.125]}
    training = {"loss": "mse", "batch_size": 50}
    study = Study(name="few", data=data, model="mlp", training=training, search={"space": space})
    lines = [line for line in data_lines(Task(study, data_of(study))) if "every step takes all" in line]
    whole = "is more than the 45 training rows: every step takes all of them"
    assert lines == [f"training.batch_size = {size} {whole}" for size in told]
