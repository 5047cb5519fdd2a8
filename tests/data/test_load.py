"""Data from functions, checked."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sweeper.data.load import load
from sweeper.errors import DataError

N = 12
X, Y = np.arange(N * 3.0).reshape(N, 3), np.arange(N) % 3
TX, TY = torch.from_numpy(X), torch.from_numpy(Y)


def loaded(found: Any, task: str | None = "classification") -> Any:
    """What a data function gave, as data."""
    return load(lambda: found, loss_task=task)


def fault(found: Any, task: str | None = "classification") -> str:
    """The message, without the name of the function."""
    with pytest.raises(DataError) as caught:
        loaded(found, task)
    return str(caught.value).rpartition("<lambda>: ")[2]


@pytest.mark.parametrize(
    "found",
    [
        (X, Y),
        [X, Y],
        (X.tolist(), Y.tolist()),
        (TX, TY),
        (TX.float().requires_grad_(), TY.to(torch.uint8)),
        (TX.bfloat16(), TY),
        (X.astype(np.int64), Y.astype(float)),
        (pd.DataFrame(X), pd.Series(Y)),
        (X.astype(object), Y.reshape(-1, 1)),
    ],
)
def test_pairs_of_anything_like_arrays(found: Any) -> None:
    """Lists, arrays, tensors and frames: inputs floats, class numbers int64."""
    data = loaded(found)
    assert data.inputs.dtype in (np.float64, np.float32)
    assert data.targets.dtype == np.int64
    assert data.inputs.tolist() == X.tolist()
    assert data.targets.tolist() == Y.tolist()
    assert data.classes == ("0", "1", "2")
    assert data.fixed is None


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "c", "a"] * 4,
        np.array(["b", "c", "a"] * 4, dtype=object),
        pd.Series(["b", "c", "a"] * 4),
        pd.Series(["b", "c", "a"] * 4, dtype="category"),
    ],
)
def test_words_are_classes(labels: Any) -> None:
    """Classes are numbered in the order of their names, however the words come."""
    data = loaded((X, labels))
    assert data.classes == ("a", "b", "c")
    assert data.targets.tolist() == [1, 2, 0] * 4


def test_columns_of_a_frame_are_feature_names() -> None:
    """A DataFrame brings them; other inputs have none."""
    frame = pd.DataFrame({"u": range(N), "v": 1.5, "w": [True, False] * 6})
    assert loaded((frame, Y)).feature_names == ("u", "v", "w")
    assert loaded((X, Y)).feature_names == ()


@pytest.mark.parametrize(
    ("inputs", "dtype"),
    [
        (torch.arange(N * 3).reshape(N, 3), np.int64),
        (torch.arange(N * 3, dtype=torch.int32).reshape(N, 3), np.int64),
        (torch.arange(N * 3, dtype=torch.uint8).reshape(N, 3), np.uint8),
        (torch.ones(N, 3, dtype=torch.bool), np.float64),
        (np.arange(N * 3).reshape(N, 3), np.float64),
    ],
)
def test_tokens_are_whole_tensors(inputs: Any, dtype: type) -> None:
    """int64 and int32 tensors are what nn.Embedding takes; images of bytes and numpy's integers are "
    "numbers."""
    assert loaded((inputs, Y)).inputs.dtype == dtype
    parts = {"train": (inputs, Y), "validation": (inputs, Y)}
    assert loaded(parts).inputs.dtype == dtype


def test_shapes_stay() -> None:
    """Images and sequences keep their axes; one number a row is one feature; columns of targets stay."""
    assert loaded((np.zeros((N, 1, 4, 5)) + Y.reshape(-1, 1, 1, 1), Y)).inputs.shape == (N, 1, 4, 5)
    assert loaded((X[:, 0], Y)).inputs.shape == (N, 1)
    assert loaded((X, X[:, :2]), "regression").targets.shape == (N, 2)
    assert loaded((X, X[:, 0]), "regression").targets.shape == (N, 1)


def test_data_that_come_split() -> None:
    """Parts are kept: which rows are whose is known; test may be left out."""
    parts = {"train": (X, Y), "validation": (X[:5], Y[:5]), "test": (X[:4], Y[:4])}
    data = loaded(parts)
    assert data.inputs.shape == (N + 9, 3)
    assert {name: rows.tolist() for name, rows in data.fixed.items()} == {
        "train": list(range(12)),
        "validation": list(range(12, 17)),
        "test": list(range(17, 21)),
    }
    del parts["test"]
    assert len(loaded(parts).fixed["test"]) == 0


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            (X, Y, Y),
            "gave 3 things; must give (inputs, targets), or a dict of such pairs: train, validation and test",
        ),
        (
            X,
            "gave ndarray; must give (inputs, targets), or a dict of such pairs: train, validation and test",
        ),
        ((X, Y[:-1]), "12 rows of inputs and 11 of targets; they must be equal"),
        ((X[:9], Y[:9]), "9 rows; at least 10 are needed for training and validation"),
        ((X[:, :0], Y), "inputs have shape (12, 0); every row needs at least one number"),
        ((np.float64(3), Y), "inputs and targets must be arrays with one entry per row"),
        ((X * 1j, Y), "inputs must be numbers, found complex numbers"),
        ((X, Y * 1j), "targets must be numbers or words, found complex numbers"),
        (
            (X, pd.Series([1, None, "a"] * 4, dtype=object)),
            "targets must be numbers or words, found NoneType, int, str",
        ),
        (
            (TX.to_sparse(), TY),
            "inputs cannot be made an array: can't convert Sparse layout tensor to numpy. "
            "Use Tensor.to_dense() first.",
        ),
        (
            {"train": (X, Y)},
            "part 'validation' is missing; found: train. Data without parts are split by the study; of "
            "a data set, torch.utils.data.random_split makes two",
        ),
        (
            {"train": (X, Y), "validation": (X, Y), "tst": (X, Y)},
            "unknown part 'tst'; did you mean 'test'? allowed: train, validation, test",
        ),
        ({"train": (X, Y), "validation": X}, "part 'validation' must be a pair (inputs, targets)"),
        (
            {"train": (X, Y), "validation": (X, Y[:3])},
            "part 'validation' has 12 rows of inputs and 3 of targets",
        ),
        ({"train": (X, Y), "validation": (X[:0], Y[:0])}, "part 'validation' has no rows"),
        (
            {"train": (X, Y), "validation": (X[:, :2], Y)},
            "part 'validation' has rows of another shape than part 'train'",
        ),
        (
            {"train": (X, Y), "validation": (X, Y.astype(str))},
            "part 'validation' has another type of values than part 'train'",
        ),
    ],
)
def test_what_is_no_data(found: Any, message: str) -> None:
    """The message says what came and what must come."""
    assert fault(found) == message


def test_ragged_rows() -> None:
    """Rows of unlike depth are no array; those of unlike length alone are sequences, which are padded."""
    assert fault(([[1, 2], 3] * 6, Y)).startswith("inputs cannot be made an array: ")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_values_that_are_not_finite(value: float) -> None:
    """Row and column are named; so are values whose squares overflow."""
    x = X.copy()
    x[7, 2] = value
    assert fault((x, Y)) == (
        f"inputs of row 7, column 2 (counted from 0) are {value}; every value must be finite and below 1e+150"
    )
    y = X[:, 0].copy()
    y[3] = value
    assert fault((X, y), "regression").startswith(f"targets of row 3 (counted from 0) are {value}")


def raises() -> None:
    """A function that fails in two lines."""
    raise KeyError("one\ntwo")


def exits() -> None:
    """A function that ends the program."""
    raise SystemExit(2)


def test_functions_that_fail() -> None:
    """What they raised is told in one line; nobody ends the program."""
    with pytest.raises(DataError, match=r"^data function 'raises' failed: KeyError: 'one\\ntwo'$"):
        load(raises)
    with pytest.raises(
        DataError, match=r"^data function 'exits' failed: it ended the program \(exit code 2\)$"
    ):
        load(exits)


def test_an_array_that_says_nothing_of_its_error_is_named_all_the_same() -> None:
    """An exception without a message, of somebody's ``__array__``."""

    class Broken:
        def __array__(self, *_: object, **__: object) -> None:
            raise ValueError

    assert fault((Broken(), Y)) == "inputs cannot be made an array: ValueError"
