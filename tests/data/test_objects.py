"""Data sets and loaders read once: every kind of `torch.utils.data`, and of Hugging Face."""

import multiprocessing
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils import data as torch_data

from sweeper.components.tree import mapped
from sweeper.data import data_sets, memory
from sweeper.data.objects import read_objects
from sweeper.errors import DataError

N = 30
X, Y = torch.arange(N * 2.0).reshape(N, 2), torch.arange(N) % 3
SET = torch_data.TensorDataset(X, Y)


class Items(torch_data.Dataset[Any]):
    """Items that a function makes."""

    def __init__(self, item: Callable[[int], Any], rows: int = N) -> None:
        self.item, self.rows = item, rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: int) -> Any:
        return self.item(index)


class Stream(torch_data.IterableDataset[Any]):
    """Items without a length."""

    def __init__(self, rows: int | None) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        index = 0
        while self.rows is None or index < self.rows:
            yield X[index % N], Y[index % N]
            index += 1


PAIRS = Items(lambda i: (X[i], Y[i]))


def in_batches(sampler: Any) -> Any:
    """Batches of seven rows."""
    return torch_data.BatchSampler(sampler, 7, drop_last=False)


def lists(found: Any, target: str | None = None) -> Any:
    """What is read, as lists."""
    return mapped(lambda array: np.asarray(array).tolist(), read_objects(found, "it", target))


@pytest.mark.parametrize(
    "found",
    [
        SET,
        PAIRS,
        Items(lambda i: [X[i].numpy(), int(Y[i])]),
        Items(lambda i: {"x": X[i], "label": Y[i]}),
        torch_data.ConcatDataset([torch_data.Subset(SET, range(9)), torch_data.Subset(SET, range(9, N))]),
        torch_data.ConcatDataset([PAIRS]),
        [(x, y) for x, y in zip(X, Y, strict=True)],
        ((x, y) for x, y in zip(X, Y, strict=True)),
        Stream(N),
        torch_data.DataLoader(SET, batch_size=7, shuffle=True),
        torch_data.DataLoader(PAIRS, batch_size=7, shuffle=True, drop_last=True),
        torch_data.DataLoader(PAIRS, batch_size=7, num_workers=2),
        torch_data.DataLoader(Stream(N), batch_size=7),
        torch_data.DataLoader(PAIRS, batch_size=None),
        torch_data.DataLoader(PAIRS, batch_sampler=in_batches(torch_data.RandomSampler(range(N)))),
    ],
)
def test_every_kind_gives_the_rows_in_their_order(found: Any) -> None:
    """Shuffled loaders too: a study draws its batches itself."""
    assert lists(found) == (X.tolist(), Y.tolist())


def test_parts_and_pairs() -> None:
    """A dict by part is read part by part; arrays and functions of other kinds are left alone."""
    parts = torch_data.random_split(SET, [20, 10], torch.Generator().manual_seed(0))
    read = read_objects({"train": parts[0], "validation": (X, Y)}, "it", None)
    assert read["train"][0].tolist() == [X[i].tolist() for i in parts[0].indices]
    assert read["validation"][0] is X
    assert read_objects((X, Y), "it", None)[0] is X


def test_several_inputs() -> None:
    """All but the last of an item are inputs; of a dict, all but the target."""
    three = torch_data.TensorDataset(X, X > 3, Y)
    assert lists(three)[0] == (X.tolist(), (X > 3).tolist())
    named = Items(lambda i: {"a": X[i], "b": i, "price": 2.0 * i})
    assert lists(named, "price") == ({"a": X.tolist(), "b": list(range(N))}, [2.0 * i for i in range(N)])


def collate(items: list[Any]) -> Any:
    """Pads with 9 and tells lengths."""
    sequences = [torch.ones(1 + int(y), dtype=torch.int64) for _, y in items]
    padded = torch.nn.utils.rnn.pad_sequence(sequences, batch_first=True, padding_value=9)
    return {"tokens": padded, "lengths": torch.tensor([len(s) for s in sequences])}, [
        int(y) for _, y in items
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 4, "shuffle": True},
        {"batch_sampler": in_batches(torch_data.SubsetRandomSampler([2, 1, 0]))},
    ],
)
def test_the_loaders_own_function_puts_rows_together(options: dict[str, Any]) -> None:
    """All rows at once, so that its padding value and lengths hold for all of them."""
    inputs, targets = lists(torch_data.DataLoader(PAIRS, collate_fn=collate, **options))
    assert len(targets) == (3 if "batch_sampler" in options else N)
    assert inputs["tokens"][:3] == [[1, 9, 9], [1, 1, 9], [1, 1, 1]]
    assert inputs["lengths"] == [1 + y for y in targets]


def test_random_items_are_the_same_every_time() -> None:
    """Augmentation is drawn once, alike in every process; the caller's generators are left alone."""
    noisy = Items(lambda i: (X[i] + torch.rand(2) + np.random.rand(), Y[i]))
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    assert lists(noisy) == lists(noisy)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == np.random.get_state()[1].tolist()


def raising(index: int) -> Any:
    """The seventh item is damaged."""
    if index == 7:
        raise KeyError("seven")
    return X[index], Y[index]


def ending(index: int) -> Any:
    """Ends its process."""
    raise SystemExit(3)


class NoLength(torch_data.Dataset[Any]):
    """A data set without a length."""

    def __getitem__(self, index: int) -> Any:
        return X[index], Y[index]


def loader(dataset: Any = SET, **options: Any) -> Any:
    """A loader of five rows a batch."""
    return torch_data.DataLoader(dataset, **{"batch_size": 5, **options})


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Items(raising), "it: item 7 cannot be read: KeyError: 'seven'"),
        (loader(Items(raising)), "it: item 7 cannot be read"),
        (loader(Items(raising), num_workers=1), "failed at the batch of item 5"),
        (loader(Items(ending), num_workers=1), "failed at the batch of item 0"),
        (NoLength(), "NoLength has no length; give it a method __len__"),
        (Items(lambda i: X[i]), "item 0 is a Tensor; must be (input, …, target), or a dict"),
        (Items(lambda i: (X[i],)), "item 0 is 1 things; must be"),
        (Items(lambda i: {"x": X[i], "cls": 1}), "is a dict of x, cls; say which of them is predicted"),
        (Items(lambda i: {"label": 1, "y": 1}), "say which of them is predicted"),
        (Items(lambda i: {"x": "some text", "y": 1}), "'x' holds text; turn it into numbers"),
        (loader(sampler=torch_data.WeightedRandomSampler([1.0] * N, N)), "by WeightedRandomSampler, and"),
        (
            torch_data.DataLoader(
                SET, batch_sampler=in_batches(torch_data.WeightedRandomSampler([1.0] * N, N))
            ),
            "by WeightedRandomSampler, and",
        ),
        (
            loader(sampler=torch_data.RandomSampler(range(N), True, 90)),
            "by RandomSampler with replacement, and",
        ),
        (
            loader(sampler=torch_data.RandomSampler(range(N), num_samples=9)),
            "by RandomSampler(num_samples=…), and",
        ),
        (loader(collate_fn=lambda items: 1 / 0), "collate_fn fails on all 30 items at once"),
        (
            loader(collate_fn=lambda items: (torch.ones(4, len(items)), torch.ones(len(items)))),
            "inputs of shape (4, 30) and 30 targets; the first axis must be the rows (batch_first=True",
        ),
        (Items(lambda i: (X[i], Y[i]), rows=0), "not one item"),
    ],
)
def test_faults_say_what_to_do(found: Any, words: str) -> None:
    """One sentence: which item, or why the whole cannot be read."""
    with pytest.raises(DataError) as caught:
        read_objects(found, "it", None)
    assert words in str(caught.value)


def test_a_loader_that_fails_leaves_no_process() -> None:
    """They end with the message, not seconds later when memory is collected."""
    before = set(multiprocessing.active_children())
    with pytest.raises(DataError, match="failed at the batch of item 5"):
        read_objects(loader(Items(raising), num_workers=1), "it", None)
    assert set(multiprocessing.active_children()) <= before


def test_a_target_that_no_item_has() -> None:
    """The nearest name is told."""
    with pytest.raises(DataError, match=r"has no 'prise' .*did you mean 'price'"):
        read_objects(Items(lambda i: {"x": X[i], "price": 1.0}), "it", "prise")


@pytest.mark.parametrize("found", [Stream(None), torch_data.DataLoader(Stream(None), batch_size=5)])
def test_a_stream_without_end(found: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading is given up after a while, with what would help."""
    monkeypatch.setattr(data_sets, "MAX_SECONDS", 0.1)
    with pytest.raises(DataError, match=r"had not ended after 0.1 s and \d+ items; .*itertools\.islice"):
        read_objects(found, "it", None)


@pytest.mark.parametrize(
    "found",
    [PAIRS, Stream(None), loader(PAIRS), loader(PAIRS, collate_fn=collate), loader(PAIRS, num_workers=1)],
)
def test_what_fits_nowhere(found: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor on the disk: size, memory and disk are told before anything is read to the end."""
    monkeypatch.setattr(memory, "free_memory", lambda: 100)
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10))
    sizes = r"(items|rows) take 0\.0 MiB; 0\.0 MiB of memory are free, of which data may take half, and 0"
    with pytest.raises(DataError, match=sizes):
        read_objects(found, "it", None)
    assert list(tmp_path.rglob("array-*")) == []


def test_hugging_face() -> None:
    """Columns become inputs by name, images channels first, lists of unlike length padded."""
    datasets = pytest.importorskip("datasets", reason="datasets is not installed")
    table = datasets.Dataset.from_dict(
        {"ids": [[1, 2, 3][: 1 + i % 3] for i in range(N)], "size": X[:, 0].tolist(), "label": Y.tolist()}
    )
    inputs, targets = lists(table)
    assert list(inputs) == ["ids", "size", "lengths"]
    assert inputs["ids"][:2] == [[1, 0, 0], [1, 2, 0]]
    assert targets == Y.tolist()
    parts = read_objects(datasets.DatasetDict(train=table, validation=table), "it", None)
    assert list(parts) == ["train", "validation"]
    torched = table.select_columns(["size", "label"]).with_format("torch")
    assert lists(torched) == (X[:, 0].tolist(), Y.tolist())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            (loader(PAIRS), loader(PAIRS)),
            'gave 2 loaders in a tuple; give them by name: {"train": …, "validation": …}',
        ),
        (
            [PAIRS, PAIRS, PAIRS],
            'gave 3 data sets in a list; give them by name: {"train": …, "validation": …, "test"',
        ),
        (list(loader(PAIRS, batch_size=2)), "batches in a row; give the loader itself, or all rows"),
    ],
)
def test_parts_without_names_and_batches_are_told_how_to_be_given(given: Any, words: str) -> None:
    """As people return them; nothing says which part is which."""
    with pytest.raises(DataError, match=re.escape(words)):
        read_objects(given, "it", None)
