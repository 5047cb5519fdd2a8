"""Data that do not fit into memory: read once into a file, and every number as that of data in memory."""

import gc
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils import data as torch_data

from sweeper.components.tree import leaves, passes
from sweeper.data import disk, streamed
from sweeper.data.column_words import column_lines
from sweeper.data.data import Data, of_this_process
from sweeper.data.facts import input_facts
from sweeper.data.load import load
from sweeper.data.splits import split, standardize_columns
from sweeper.errors import DataError

N, WIDTH = 600, 40
X = torch.randn(N, WIDTH, generator=torch.Generator().manual_seed(0)) * 9 + 3
Y = (X.sum(1) > 120).long()
SET = torch_data.TensorDataset(X, Y)


class Rows(torch_data.Dataset[Any]):
    """Items that are made one by one."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, index: int) -> Any:
        return X[index], Y[index]


class Stream(torch_data.IterableDataset[Any]):
    """Items in their order, with or without a length."""

    def __iter__(self) -> Iterator[Any]:
        return iter(SET)


class Counted(Stream):
    """It says how many will come."""

    def __init__(self, rows: int = N) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows


def in_parts() -> Any:
    """Two data sets."""
    return {
        "train": torch_data.Subset(Rows(), range(500)),
        "validation": torch_data.Subset(Rows(), range(500, N)),
    }


def in_a_file(folder: Path) -> Any:
    """A slice of a file of numpy's."""
    np.save(folder / "x.npy", np.concatenate([np.zeros((3, WIDTH), np.float32), X.numpy()]))
    return np.load(folder / "x.npy", mmap_mode="r")[3:], Y.numpy()


KINDS: dict[str, Any] = {
    "arrays": lambda folder: (X.numpy(), Y.numpy()),
    "file": in_a_file,
    "map-style": lambda folder: Rows(),
    "stream": lambda folder: Stream(),
    "stream with a length": lambda folder: Counted(),
    "loader": lambda folder: torch_data.DataLoader(Rows(), batch_size=7, shuffle=True),
    "loader of its own": lambda folder: torch_data.DataLoader(
        Rows(), 7, collate_fn=lambda i: torch_data.default_collate(i)
    ),
    "loader of a stream": lambda folder: torch_data.DataLoader(Stream(), 7),
    "parts": lambda folder: in_parts(),
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Data may take 40 KiB; the cache lies in a folder of the test."""
    monkeypatch.setenv("SWEEPER_DATA_MEMORY", "40 KiB")
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(disk, "CHUNK", 2**12)
    monkeypatch.setattr(streamed, "CHUNK", 2**12)
    return tmp_path


def loaded(given: Any) -> Data:
    """As a data function gives it."""
    return load(lambda: given, loss_task="classification")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_streamed(kind: str, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of each part are those of the same data in memory, to the last bit; a line says so."""
    data = loaded(KINDS[kind](small))
    assert data.is_streamed
    assert (
        "of inputs do not fit into memory (SWEEPER_DATA_MEMORY allows 0.0 MiB)"
        in column_lines(data, (0.6, 0.2, 0.2), 0)[0]
    )
    monkeypatch.delenv("SWEEPER_DATA_MEMORY")
    held = loaded(KINDS[kind](small))
    assert not held.is_streamed
    parts = [split(one, (0.6, 0.2, 0.2), seed=1, test_seed=0, standardize=True) for one in (data, held)]
    for part in ("x_train", "x_validation", "x_test"):
        there, wanted = (getattr(one, part) for one in parts)
        assert len(there) == len(wanted)
        assert np.array_equal(there.clone().numpy(), wanted)
    assert np.array_equal(parts[0].y_train, parts[1].y_train)


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (17,), (2, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_statistics_are_those_of_rows_in_memory(shape: tuple[int, ...], dtype: Any) -> None:
    """Means and deviations are summed in numpy's order; constant and tiny columns too."""
    draw = np.random.default_rng(0)
    array = (draw.random((900, *shape)) * 200).astype(dtype)
    array.reshape(900, -1)[:, 0] = 1e-200 if dtype == np.float64 and shape == (17,) else 7
    rows = draw.permutation(900)[:700]
    wanted = standardize_columns(array[rows].astype(np.float64))[0]
    found = streamed.Streamed(array, rows, streamed.scale_of(array, rows))
    assert np.array_equal(found[:].numpy(), wanted)
    index = torch.tensor([3, 5, 3])
    assert np.array_equal(found[index].numpy(), wanted[index.numpy()])


def test_codes_and_several_inputs(small: Path) -> None:
    """Codes stay whole numbers; an input that is small stays in memory."""
    items = [((X[i], torch.arange(WIDTH) + i), int(Y[i])) for i in range(N)]
    dataset = [(x, codes, y) for (x, codes), y in items]
    data = loaded(dataset)
    numbers, codes = data.inputs
    assert isinstance(numbers, np.memmap)
    assert (codes.dtype, codes[5].tolist()) == (np.int64, list(range(5, 5 + WIDTH)))
    assert input_facts(data).rows == N
    train = split(data, (0.6, 0.2, 0.2), seed=0, test_seed=0, standardize=True).x_train
    pieces = list(passes(tuple(leaf.to(torch.float32, streamed.CPU) for leaf in train), 100))
    assert [len(leaves(piece)[0]) for piece in pieces] == [100, 100, 100, 60]


def test_other_processes_map_the_file(small: Path) -> None:
    """What is sent is small; who needs the data no more deletes them, and then there is nothing to map."""
    data = of_this_process(loaded(Rows()))
    sent = pickle.dumps(data)
    assert len(sent) < 20_000
    assert np.array_equal(pickle.loads(sent).inputs, X.numpy())
    file = Path(str(data.inputs.filename))
    del data
    gc.collect()
    assert not file.exists()
    with pytest.raises(
        DataError, match="which is not seen here; for other machines let SWEEPER_CACHE name a"
    ):
        pickle.loads(sent)


def test_files_of_killed_processes_are_deleted(small: Path) -> None:
    """By the next process that needs the cache; those in use stay."""
    left = disk.cache_folder() / f"{disk.PREFIX}left"
    left.mkdir(parents=True)
    (left / disk.LOCK).touch()
    (left / "array-1").touch()
    mine = disk.own_folder()
    assert not left.exists()
    disk._folder_of.__wrapped__(0, disk.cache_folder())
    assert mine.exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Counted(50), "it gives more than the 50 items that its length says"),
        (
            [(X[i][: 30 + i % 2], 0) for i in range(N)],
            "rows have shapes (30,) and (31,); they do not fit into memory (SWEEPER_DATA_MEMORY allows "
            "0.0 MiB), and on disk all need one shape: pad or resize them",
        ),
    ],
)
def test_what_cannot_be_streamed(given: Any, message: str) -> None:
    """The message says what is there and what is allowed."""
    with pytest.raises(DataError) as caught:
        loaded(given)
    assert message in str(caught.value)


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    """All three sizes are named, and what to do, before anything is written."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=50_000))
    with pytest.raises(DataError) as caught:
        loaded(Rows())
    assert str(caught.value).partition("<lambda>: ")[2] == (
        "its 600 items take 0.1 MiB; SWEEPER_DATA_MEMORY allows 0.0 MiB, and 0.0 MiB of the disk "
        f"of {small / 'cache'} are free: give fewer or smaller rows (float32 or uint8 in the place of "
        "float64), or name a folder on a larger disk with SWEEPER_CACHE"
    )


@pytest.mark.parametrize("name", ["t.csv", "t.npz"])
def test_files_that_are_read_whole(name: str, small: Path) -> None:
    """Those that cannot fit are refused before they are read."""
    (small / name).write_bytes(b"0" * 50_000)
    with pytest.raises(
        DataError, match=r"files like this are read whole.*give a data function that returns a data set"
    ):
        load(str(small / name), target="y")


def test_a_budget_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, with what it may be."""
    monkeypatch.setenv("SWEEPER_DATA_MEMORY", "much")
    with pytest.raises(
        DataError, match="SWEEPER_DATA_MEMORY = 'much': must be a number of bytes, or such as 500 MiB"
    ):
        loaded(Rows())


def test_statistics_of_a_file_that_was_replaced_are_computed_anew(tmp_path: Path) -> None:
    """A process may outlive a run, and the next one bring other rows under the same name."""
    rows, file = np.arange(40), tmp_path / "x.npy"
    found = []
    for level in (5.0, 50.0):
        (tmp_path / "new.npy").unlink(missing_ok=True)
        np.save(tmp_path / "new.npy", np.random.default_rng(0).normal(level, size=(50, 2)))
        (tmp_path / "new.npy").replace(file)
        found.append(streamed.scale_of(np.load(file, mmap_mode="r"), rows)[1].mean())
    assert found == pytest.approx([5.0, 50.0], abs=0.5)
