"""The Parquet store: what was kept is there, whole and once, whatever happened in between."""

import math
import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from made_up import MIXED, study

from sweeper.errors import RunFailed
from sweeper.records import store as module
from sweeper.records.schema import parameter_columns
from sweeper.records.store import MANY, Store, export, load, load_curves, load_trials
from sweeper.search import explore
from sweeper.trial import Outcome, Trial, TrialResult

SPACE = study(MIXED).space
COLUMNS = parameter_columns(SPACE)
POINTS = explore.points(SPACE, (), 400, 0, "random")


NAMES = ("net.0", "net.2")


def result(number: int, seed: int = 0, phase: str = "explore") -> TrialResult:
    """A trial with two evaluation points and two layers."""
    curves = tuple(
        (step, name, number + step / 10) for step in (0, 5) for name in ("train_loss", "validation_loss")
    )
    layers = tuple((5, layer, "dead", number / 7) for layer in (0, 1))
    trial = Trial(number, phase, seed, POINTS[number])
    return TrialResult(
        trial, Outcome.COMPLETED, number + 0.5, 5, 0.25, "reference", "", curves, layers, {}, NAMES
    )


def numbers(folder: Path) -> list[int]:
    """Trials on record; the three tables must agree."""
    records = load(folder)
    found = records.trials["trial"].tolist()
    for frame, rows in ((records.curves, 4), (records.layers, 2)):
        assert sorted(frame["trial"].tolist()) == sorted(found * rows)
    return found


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    """Every column of every table, with its value."""
    store = Store(tmp_path, COLUMNS)
    store.append([result(3), result(1)])
    store.append([result(2, seed=9, phase="confirm")])
    records = load(tmp_path)
    assert records.trials["trial"].tolist() == load_trials(tmp_path)["trial"].tolist() == [1, 2, 3]
    row = records.trials.iloc[1]
    assert (row["phase"], row["seed"], row["outcome"], row["objective"]) == ("confirm", 9, "completed", 2.5)
    assert (row["steps"], row["seconds"], row["engine"], row["reason"]) == (5, 0.25, "reference", "")
    assert row["learning_rate"] == POINTS[2]["learning_rate"]
    curve = records.curves[records.curves["trial"] == 2]
    assert list(curve.itertuples(index=False, name=None)) == [(2, 9, *point) for point in result(2).curves]
    layer = records.layers[records.layers["trial"] == 3]
    assert list(layer.itertuples(index=False, name=None)) == [
        (3, 0, step, number, NAMES[number], measure, value)
        for step, number, measure, value in result(3).layers
    ]


def test_one_metric_can_be_read_alone(tmp_path: Path) -> None:
    """In the order of trials, seeds and steps."""
    store = Store(tmp_path, COLUMNS)
    for number in (4, 0, 2):
        store.append([result(number)])
    found = load_curves(tmp_path, "validation_loss").to_pandas()
    assert found["metric"].unique().tolist() == ["validation_loss"]
    assert found[["trial", "step"]].to_numpy().tolist() == [[n, s] for n in (0, 2, 4) for s in (0, 5)]
    assert len(load_curves(tmp_path, "no such metric")) == 0


def test_an_empty_store_has_all_columns(tmp_path: Path) -> None:
    """Nothing recorded is no error."""
    Store(tmp_path, COLUMNS).append([])
    records = load(tmp_path)
    assert list(records.curves.columns) == ["trial", "seed", "step", "metric", "value"]
    assert records.trials.empty
    assert "outcome" in records.trials.columns


@pytest.mark.parametrize("groups", [[5] * 40, [1, 50, 2, 40, 3, 60] * 2, [1] * (MANY * 2 - 1)], ids=len)
def test_merging_keeps_every_row_once(
    tmp_path: Path, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few files stay, and all trials are in them, however they came."""
    monkeypatch.setattr(module, "LARGE", 1000)
    store, first = Store(tmp_path, COLUMNS), 0
    for count in groups:
        store.append([result(number) for number in range(first, first + count)])
        first += count
    assert numbers(tmp_path) == list(range(first))
    assert len(list(tmp_path.iterdir())) < 3 * 2 * MANY
    Store(tmp_path, COLUMNS)
    assert numbers(tmp_path) == list(range(first))


def test_a_row_is_rewritten_seldom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3 x MANY² single appends every row is written at most three times: itself and two merges."""
    monkeypatch.setattr(module, "MANY", 4)
    written, original = [], Store._write

    def counted(self: Store, tables: dict, metadata: dict) -> None:
        written.append(len(tables["trials"]))
        original(self, tables, metadata)

    monkeypatch.setattr(Store, "_write", counted)
    store = Store(tmp_path, COLUMNS)
    for number in range(48):
        store.append([result(number)])
    assert sum(written) <= 48 * 4
    assert numbers(tmp_path) == list(range(48))


def test_large_parts_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A merge never holds more than twice LARGE rows, so memory does not grow with the run."""
    monkeypatch.setattr(module, "LARGE", 35)
    monkeypatch.setattr(module, "MANY", 4)
    merged, original = Counter[tuple[int, ...]](), Store._concat

    def counted(self: Store, name: str, parts: list[int]) -> object:
        table = original(self, name, parts)
        merged[tuple(parts)] += len(table)
        return table

    monkeypatch.setattr(Store, "_concat", counted)
    store = Store(tmp_path, COLUMNS)
    for number in range(30):
        store.append([result(number)])
    assert 0 < max(merged.values()) <= 2 * 35
    assert numbers(tmp_path) == list(range(30))


class Crash(Exception):
    """The process ends here."""


@pytest.mark.parametrize("nth", range(9))
@pytest.mark.parametrize("what", ["fsync", "replace", "unlink"])
def test_a_crash_anywhere_loses_at_most_what_was_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, nth: int
) -> None:
    """Killed at any sync, rename or removal of an append that merges: the rest is whole, and it goes on."""
    monkeypatch.setattr(module, "MANY", 3)
    store = Store(tmp_path, COLUMNS)
    store.append([result(0)])
    store.append([result(1)])
    original: Callable[..., object] = getattr(os, what)
    calls = []

    def crashing(*arguments: object, **options: object) -> object:
        calls.append(what)
        if len(calls) == nth + 1:
            raise Crash
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, what, crashing)
        try:
            store.append([result(2)])
            crashed = False
        except Crash:
            crashed = True
    found = numbers(tmp_path)
    assert found in ([0, 1, 2], [0, 1]) if crashed else found == [0, 1, 2]
    again = Store(tmp_path, COLUMNS)
    again.append([result(3)])
    assert numbers(tmp_path) == [*found, 3]
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("nth", range(4))
def test_a_full_disk_is_one_message_and_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """At each of the files of an append: exit code 1, what was there is whole, and later it goes on."""
    store = Store(tmp_path, COLUMNS)
    store.append([result(0)])
    original, calls = os.fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) > nth:
            raise OSError(28, "No space left on device")
        original(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(RunFailed) as caught:
            store.append([result(1)])
    assert str(caught.value) == (
        f"{tmp_path} cannot be written: No space left on device; finished trials are kept"
    )
    assert caught.value.exit_code == 1
    assert numbers(tmp_path) == ([0] if nth < 3 else [0, 1])  # the last sync is that of the folder
    store.append([result(2)])
    assert 2 in numbers(tmp_path)


def test_a_part_without_its_trials_file_never_happened(tmp_path: Path) -> None:
    """Curves and layers of an append that was cut short are removed at the next start."""
    store = Store(tmp_path, COLUMNS)
    store.append([result(0)])
    store.append([result(1)])
    (tmp_path / "trials-000001.parquet").unlink()
    assert numbers(tmp_path) == [0]
    Store(tmp_path, COLUMNS)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}-000000.parquet" for name in ("trials", "curves", "layers")
    }


def test_replaced_parts_that_outlived_a_crash_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written by the merge, not yet deleted: read once all the same, and gone after the next start."""
    monkeypatch.setattr(module, "MANY", 3)
    monkeypatch.setattr(Store, "_remove", lambda self, number: None)
    store = Store(tmp_path, COLUMNS)
    for number in range(3):
        store.append([result(number)])
    assert len(list(tmp_path.glob("trials-*"))) == 4
    assert numbers(tmp_path) == [0, 1, 2]
    Store(tmp_path, COLUMNS)
    assert len(list(tmp_path.glob("trials-*"))) == 1
    assert numbers(tmp_path) == [0, 1, 2]


def test_reading_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads during appends and merges sees a whole prefix, never an error."""
    monkeypatch.setattr(module, "MANY", 3)
    store = Store(tmp_path, COLUMNS)

    def write() -> None:
        for number in range(20):
            store.append([result(number)])

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while writer.is_alive():
        found = load_trials(tmp_path)["trial"].tolist()
        assert found == list(range(len(found)))
        assert len(found) >= seen
        seen = len(found)
    assert numbers(tmp_path) == list(range(20))


def test_export_writes_one_file_a_table(tmp_path: Path) -> None:
    """As Parquet and as CSV, with the same content."""
    store = Store(tmp_path / "records", COLUMNS)
    for number in range(3):
        store.append([result(number)])
    export(load(tmp_path / "records"), tmp_path / "out")
    export(load(tmp_path / "records"), tmp_path / "out", csv=True)
    for name in ("trials", "curves", "layers"):
        frame = pd.read_parquet(tmp_path / "out" / f"{name}.parquet")
        text = pd.read_csv(tmp_path / "out" / f"{name}.csv")
        assert list(frame.columns) == list(text.columns)
        assert len(frame) == len(text) == {"trials": 3, "curves": 12, "layers": 6}[name]
        assert math.isclose(frame["trial"].sum(), text["trial"].sum())
    shutil.rmtree(tmp_path / "records")


def test_files_are_ordinary_parquet(tmp_path: Path) -> None:
    """Any reader sees the columns and types of the schema."""
    Store(tmp_path, COLUMNS).append([result(0)])
    schema = pq.read_schema(tmp_path / "layers-000000.parquet")
    assert [(field.name, str(field.type)) for field in schema] == [
        ("trial", "int64"),
        ("seed", "int64"),
        ("step", "int64"),
        ("layer", "int64"),
        ("layer_name", "string"),
        ("measure", "string"),
        ("value", "double"),
    ]
