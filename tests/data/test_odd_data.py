"""Data of odd shapes, sizes and values: loaded as they are, or one message that names the place."""

import os
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sweeper.data.keys import Keys
from sweeper.data.load import load
from sweeper.data.splits import standardize_columns
from sweeper.data.table_files import read_file
from sweeper.data.tables import read_rows
from sweeper.errors import DataError

X = np.random.default_rng(0).normal(size=(30, 3))
Y = np.arange(30) % 3
CONJUGATE = (torch.tensor(X) * 1j).conj().imag


def refusal(inputs: Any, targets: Any, task: str = "classification") -> str:
    """The message for data of Python."""

    def made() -> tuple[Any, Any]:
        return inputs, targets

    with pytest.raises(DataError) as caught:
        load(made, loss_task=task)
    return str(caught.value).partition("made: ")[2]


@pytest.mark.parametrize("task", ["classification", "regression", "binary"])
@pytest.mark.parametrize("shape", [(30, 0), (30, 0, 2)])
def test_targets_without_numbers(task: str, shape: tuple[int, ...]) -> None:
    """Rows without a target are told by their shape, whatever the loss."""
    assert (
        refusal(X, np.zeros(shape), task)
        == f"targets have shape {shape}; every row needs at least one number"
    )


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        (X, [10**30, 1, 2] * 10, "targets of row 0 (counted from 0) are 1000000000000000000000000000000: an"),
        ([[1, 2]] * 29 + [[1, 10**400]], Y, "inputs of row 29 (counted from 0) are 1000"),
        (np.ma.masked_less(X, 0), Y, "inputs have masked values; fill them, or leave their rows out"),
        (X, np.ma.masked_equal(Y, 2), "targets have masked values; fill them, or leave their rows out"),
        (X, ["a", float("nan")] * 15, "targets must be numbers or words, found float, str"),
        (
            X,
            ["a", "\ud800"] * 15,
            "targets of row 1 (counted from 0) are '\\ud800': the name of a class is Unic",
        ),
        (
            X,
            ["a\0", "a"] * 15,
            "targets of row 0 (counted from 0) are 'a\\x00': the name of a class is Unicode",
        ),
        (X, ["a", "b" * 1000] * 15, "targets of row 1 (counted from 0) are 'bbb"),
        (X, [Decimal(1), Decimal(2)] * 15, "targets must be numbers or words, found Decimal"),
        (X[:1], Y[:1], "1 row; at least 10 are needed"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_values_that_would_be_changed_or_break_later(inputs: Any, targets: Any, message: str) -> None:
    """Different labels are never taken for the same, and no label breaks what is written of it."""
    told = refusal(inputs, targets)
    assert told.startswith(message)
    assert len(told) < 400


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.longdouble])
@pytest.mark.parametrize("task", ["regression", "binary", "classification", None])
def test_floats_of_every_width(kind: type, task: str | None) -> None:
    """Inputs and targets are the same numbers in float64, without a warning."""
    found = load(lambda: (X.astype(kind), (Y % 2).astype(kind)), loss_task=task)
    assert np.array_equal(found.inputs, X.astype(kind).astype(np.float64))
    assert found.targets.reshape(-1).tolist() == (Y % 2).tolist()


def test_numbers_beyond_float64() -> None:
    """They are told as infinite, not warned of."""
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        huge = np.full(30, np.longdouble(10) ** 400)
        assert refusal(X, huge, "regression").startswith("targets of row 0 (counted from 0) are inf;")


def test_tensors_with_lazy_bits() -> None:
    """A view that is negated only when it is read is read."""
    assert np.array_equal(load(lambda: (CONJUGATE, Y)).inputs, -X)


@pytest.mark.parametrize("scale", [1e-300, 5e-324, 1e-160, 1e100])
def test_columns_of_any_size_are_standardized(scale: float) -> None:
    """Squares of tiny values are 0, their deviation is not."""
    column = np.arange(30.0)[:, None] * scale
    train, other = standardize_columns(column, column[:5])
    assert train.mean() == pytest.approx(0, abs=1e-12)
    assert train.std() == pytest.approx(1)
    assert np.array_equal(other, train[:5])


def test_whole_numbers_beyond_64_bits_in_a_csv(tmp_path: Path) -> None:
    """As classes they are refused, since float64 would merge them; as numbers to predict they are numbers."""
    file = tmp_path / "d.csv"
    file.write_text("a,y\n" + "".join(f"{k},{10**20 + k % 2}\n" for k in range(30)), encoding="utf-8")
    with pytest.raises(DataError, match=r"line 2, column 'y': '1000+': a whole number that names a class"):
        read_rows(read_file(file), "y", Keys(), numeric=False)
    assert read_rows(read_file(file), "y", Keys(), numeric=True).labels.dtype == np.float64


def test_unsigned_integers_of_parquet(tmp_path: Path) -> None:
    """The upper half of uint64 does not come out negative."""
    file = tmp_path / "d.parquet"
    large = np.uint64(2**63) + (np.arange(30) % 2).astype(np.uint64)
    pd.DataFrame({"a": large, "y": large}).to_parquet(file)
    read = read_rows(read_file(file), "y", Keys(), numeric=False)
    assert read.raw.min() == 2.0**63
    assert sorted(set(read.labels.tolist())) == [2**63, 2**63 + 1]


def test_many_columns(tmp_path: Path) -> None:
    """Twenty thousand columns are read in seconds; a target that is not there is told shortly."""
    names = [f"c{k}" for k in range(20_000)]
    file = tmp_path / "wide.csv"
    rows = "".join(",".join(["1.5"] * 20_000) + "\n" for _ in range(3))
    file.write_text(",".join(names) + "\n" + rows, encoding="utf-8")
    assert read_rows(read_file(file), "c7", Keys(), numeric=True).raw.shape == (3, 19_999)
    with pytest.raises(
        DataError, match=r"no such column; did you mean 'c\d+'\? columns: c0, .* \(20000 in all\)$"
    ):
        read_rows(read_file(file), "c77777", Keys(), numeric=True)


def test_an_archive_that_expands_without_end(tmp_path: Path) -> None:
    """Two gigabytes of zeros in two megabytes are refused before they are read."""
    file = tmp_path / "bomb.npz"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"")
    with zipfile.ZipFile(file) as archive:
        member = archive.infolist()[0]
    size = (2 * 2**30).to_bytes(4, "little")
    content = bytearray(file.read_bytes())
    place = content.find(b"PK\x01\x02") + 24  # the size in the central directory
    content[place : place + 4] = size
    file.write_bytes(content)
    assert member.filename == "x.npy"
    with pytest.raises(DataError, match=r"its arrays take 2.0 GiB, more than 100 times the size of the file"):
        load(str(file), folder=tmp_path)


@pytest.mark.parametrize("ending", ["csv", "parquet", "npz", "pt"])
def test_what_is_no_file(ending: str, tmp_path: Path) -> None:
    """Pipes, devices and folders are told, and never opened: reading them would not end."""
    os.mkfifo(tmp_path / f"pipe.{ending}")
    (tmp_path / f"zero.{ending}").symlink_to("/dev/zero")
    (tmp_path / f"folder.{ending}").mkdir()
    device = "no regular file but a pipe or a device"
    for name, what in (("pipe", device), ("zero", device), ("folder", "a folder")):
        with pytest.raises(DataError, match=f"{name}.{ending} is {what}; give a file"):
            load(f"{name}.{ending}", target="y", folder=tmp_path)
