"""Damaged parts: what is sound is read, what is not is named; a run puts them aside, and nothing else."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up import MIXED, bowl, study
from made_up import result as made

from sweeper.records import part as parts
from sweeper.records.reading import load
from sweeper.records.rules import fingerprint, rules_of
from sweeper.records.schema import parameter_columns
from sweeper.records.store import Store
from sweeper.search import explore
from sweeper.study.study import Study
from sweeper.trial import Trial

ASKED = study(MIXED, seed=3)
RULES = rules_of(ASKED)
POINTS = explore.points(ASKED.space, (), 12, 0, "random")


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_is_missing_was_not_put_aside(gone: bool, tmp_path: Path) -> None:
    """One that is damaged was, and a warning says so."""
    started(tmp_path)
    curves = file(tmp_path, "curves")
    curves.unlink() if gone else curves.write_bytes(b"no")
    (found,) = started_again(tmp_path).findings
    assert str(found).endswith("its trials run again")
    assert ("put aside" in str(found)) is not gone


def started_again(folder: Path) -> Store:
    """The store of a call that goes on."""
    return Store(folder, parameter_columns(ASKED.space), RULES)


def started(folder: Path, *, asked: Study = ASKED, old: bool = False) -> Store:
    """Four parts of three trials; `old`: as earlier releases wrote them, without a word about the study."""
    rules = None if old else rules_of(asked)
    store = Store(folder, parameter_columns(asked.space), rules)
    for first in range(0, 12, 3):
        numbers = range(first, first + 3)
        seed = asked.search.seed
        store.append([made(Trial(n, "explore", seed, POINTS[n]), min(bowl(POINTS[n]), 3.0)) for n in numbers])
    return store


def file(folder: Path, name: str, number: int = 1) -> Path:
    """One file of a part."""
    return parts.file_of(folder, name, number)


def edited(path: Path, change: Callable[[dict[str, list[Any]]], object]) -> None:
    """Write a file anew with other values, as another program would."""
    table = pq.read_table(path)
    columns = table.to_pydict()
    change(columns)
    kinds = {field.name: field.type for field in table.schema}
    arrays = {k: pa.array(v, kinds.get(k)) if k in kinds else pa.array(v) for k, v in columns.items()}
    pq.write_table(pa.table(arrays), path)


def set_first(name: str, value: Any) -> Callable[[dict[str, list[Any]]], object]:
    """Another value in the first row."""
    return lambda columns: columns[name].__setitem__(0, value)


def as_folder(path: Path) -> None:
    """A folder in the place of a file."""
    path.unlink()
    path.mkdir()


def as_loop(path: Path) -> None:
    """A link to itself."""
    path.unlink()
    path.symlink_to(path.name)


def flipped(path: Path) -> None:
    """One bit of the last page."""
    content = bytearray(path.read_bytes())
    column = pq.ParquetFile(path).metadata.row_group(0).column(1)
    content[column.data_page_offset + column.total_compressed_size - 30] ^= 4
    path.write_bytes(content)


WHOLE_FILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda p: p.write_bytes(b""), "is empty"),
    "torn": (lambda p: p.write_bytes(p.read_bytes()[:200]), "is incomplete or not a Parquet file"),
    "text": (lambda p: p.write_text("trial,seed\n", encoding="utf-8"), "is incomplete or not a Parquet file"),
    "flipped": (flipped, "is incomplete or not a Parquet file"),
    "folder": (as_folder, "cannot be read: Is a directory"),
    "loop": (as_loop, "cannot be read: Too many levels of symbolic links"),
    "column": (lambda p: edited(p, lambda c: c.pop("seed")), "lacks the column seed"),
    "type": (lambda p: edited(p, lambda c: c.update(seed2=c.pop("seed"), seed=["3"] * 99)), "column seed"),
}
IN_A_ROW: dict[str, tuple[str, str, Any, str]] = {
    "outcome": ("trials", "outcome", "finished", "1 row: unknown outcome 'finished'"),
    "phase": ("trials", "phase", "warm-up", "1 row: unknown phase 'warm-up'"),
    "engine": ("trials", "engine", "steam", "1 row: unknown engine 'steam'"),
    "objective": ("trials", "objective", float("nan"), "1 row: no objective"),
    "no reason": ("trials", "reason", None, "1 row: no reason"),
    "steps": ("trials", "steps", -1, "1 row: negative steps"),
    "seed": ("trials", "seed", 4, "1 row: seed of another study"),
    "rate": ("trials", "learning_rate", 1e9, "1 row: parameters that the study does not search"),
    "option": ("trials", "optimizer", "lion", "1 row: parameters that the study does not search"),
    "twice": ("trials", "trial", 0, "1 row: trial and seed are on record already"),
    "value": ("curves", "value", float("nan"), "1 row: no value"),
}


def check(folder: Path, named: str, problem: str, left: set[int]) -> None:
    """Reading names the file and uses the rest; a run puts the part aside, whole, and no other."""
    before = sorted(path.name for path in folder.iterdir())
    records = load(folder, RULES)
    assert [(f.file.name, f.problem[: len(problem)]) for f in records.findings] == [(named, problem)]
    assert set(records.trials["trial"]) == left
    assert sorted(path.name for path in folder.iterdir()) == before
    store = Store(folder, RULES.columns, RULES)
    assert [(f.file.name, f.problem[: len(problem)]) for f in store.findings] == [(named, problem)]
    kept = sorted(path.name for path in folder.iterdir() if ".aside-" in path.name)
    assert [name.split(".aside-")[0] for name in kept] == [
        file(folder, name).name for name in ("curves", "layers", "trials")
    ]
    assert set(load(folder, RULES).trials["trial"]) == {*range(12)} - {3, 4, 5}
    assert load(folder, RULES).findings == ()


@pytest.mark.parametrize("name", ["trials", "curves", "layers"])
@pytest.mark.parametrize("damage", WHOLE_FILE)
def test_a_file_that_is_damaged_as_a_whole(tmp_path: Path, damage: str, name: str) -> None:
    """It is named; its trials stay readable unless it is the one that holds them; the part runs again."""
    started(tmp_path)
    spoil, problem = WHOLE_FILE[damage]
    if damage == "type":
        rows = pq.read_metadata(file(tmp_path, name)).num_rows
        edited(file(tmp_path, name), lambda c: c.update(seed=[3] * rows))
        table = pq.read_table(file(tmp_path, name))
        pq.write_table(
            table.set_column(1 if name != "trials" else 2, "seed", pa.array(["3"] * rows)),
            file(tmp_path, name),
        )
    else:
        spoil(file(tmp_path, name))
    lost = {3, 4, 5} if name == "trials" else set()
    check(tmp_path, file(tmp_path, name).name, problem, {*range(12)} - lost)


@pytest.mark.parametrize("damage", IN_A_ROW)
def test_a_row_that_breaks_a_rule(tmp_path: Path, damage: str) -> None:
    """It is left out alone by who only reads."""
    started(tmp_path)
    name, column, value, problem = IN_A_ROW[damage]
    edited(file(tmp_path, name), set_first(column, value))
    lost = {3} if name == "trials" else set()
    check(tmp_path, file(tmp_path, name).name, problem, {*range(12)} - lost)


@pytest.mark.parametrize("old", [False, True])
def test_trials_of_another_study_are_foreign(tmp_path: Path, old: bool) -> None:
    """By the word that its files carry, or, without one, by seed, columns and parameters."""
    started(tmp_path / "mine", old=old)
    other = study(MIXED, seed=8)
    started(tmp_path / "other", asked=other, old=old)
    for name in ("trials", "curves", "layers"):
        shutil.copy(file(tmp_path / "other", name), file(tmp_path / "mine", name))
    problem = "3 rows: seed of another study" if old else "was written by another study"
    found = load(tmp_path / "mine", RULES)
    assert found.findings[0].problem == problem
    assert set(found.trials["trial"]) == {*range(12)} - {3, 4, 5}
    assert len(found.curves[found.curves["trial"].isin([3, 4, 5])]) == 0


def test_a_file_of_another_part_is_noticed(tmp_path: Path) -> None:
    """A copy of other curves in the place of a part's own."""
    started(tmp_path)
    shutil.copy(file(tmp_path, "curves", 2), file(tmp_path, "curves"))
    check(tmp_path, file(tmp_path, "curves").name, "belongs to another part", {*range(12)})


def test_copies_of_a_program_for_syncing_are_put_aside(tmp_path: Path) -> None:
    """They count for nothing, are named, and lose no trial; other files are nobody's business."""
    started(tmp_path)
    copy = tmp_path / "trials-000001 (1).parquet"
    shutil.copy(file(tmp_path, "trials"), copy)
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    found = load(tmp_path, RULES)
    assert [(f.file, f.problem) for f in found.findings] == [(copy, "does not belong to these records")]
    assert found.trials["trial"].tolist() == list(range(12))
    assert [f.file for f in Store(tmp_path, RULES.columns, RULES).findings] == [copy]
    assert load(tmp_path, RULES).findings == ()
    assert load(tmp_path, RULES).trials["trial"].tolist() == list(range(12))
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_missing_file_of_a_part_is_named(tmp_path: Path) -> None:
    """Its trials are read; they run again, because their curves are lost."""
    started(tmp_path)
    file(tmp_path, "curves").unlink()
    found = load(tmp_path, RULES)
    assert [(f.file.name, f.problem) for f in found.findings] == [("curves-000001.parquet", "is missing")]
    assert found.trials["trial"].tolist() == list(range(12))
    Store(tmp_path, RULES.columns, RULES)
    assert set(load(tmp_path, RULES).trials["trial"]) == {*range(12)} - {3, 4, 5}


def test_a_damaged_merge_gives_way_to_what_it_replaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the old parts were removed, then damaged: the old parts count, and nothing is lost."""
    monkeypatch.setattr(Store, "_remove", lambda self, number: None)
    store = started(tmp_path)
    store.replace(replace(made(Trial(4, "explore", 3, POINTS[4]), 0.5), engine="reference"))
    merged = file(tmp_path, "curves", 4)
    merged.write_bytes(merged.read_bytes()[:-20])
    monkeypatch.undo()
    assert load(tmp_path, RULES).trials["trial"].tolist() == list(range(12))
    assert len(Store(tmp_path, RULES.columns, RULES).findings) == 1
    assert load(tmp_path, RULES).trials["trial"].tolist() == list(range(12))


def test_a_disk_that_fails_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that may pass ends the start of a run; whoever only reads is told what is missing."""
    started(tmp_path)
    original = Path.read_bytes

    def failing(self: Path) -> bytes:
        if self.name == "layers-000002.parquet":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", failing)
    assert [str(f) for f in load(tmp_path, RULES).findings] == [
        f"{file(tmp_path, 'layers', 2)}: cannot be read: Input/output error; left out"
    ]
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OSError, match="Input/output error"):
        Store(tmp_path, RULES.columns, RULES)
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_without_rights_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is torn."""
    started(tmp_path)
    original = Path.read_bytes

    def refused(self: Path) -> bytes:
        if self.name == "layers-000001.parquet":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return original(self)

    monkeypatch.setattr(Path, "read_bytes", refused)
    check(tmp_path, "layers-000001.parquet", "cannot be read: Permission denied", {*range(12)})


def test_confirmations_with_other_parameters_are_foreign(tmp_path: Path) -> None:
    """What is confirmed is what was searched."""
    store = started(tmp_path)
    store.append([made(Trial(0, "confirm", 4, POINTS[0]), 0.4), made(Trial(1, "confirm", 4, POINTS[5]), 0.4)])
    found = load(tmp_path, RULES)
    assert [f.problem for f in found.findings] == ["1 row: parameters are not those of the trial's search"]
    assert found.trials.query("phase == 'confirm'")["trial"].tolist() == [0]


def test_the_fingerprint_follows_what_may_not_change() -> None:
    """Totals, budgets and wider ranges leave it; data, model, seed and keys of the space do not."""
    wider = {**MIXED, "learning_rate": {"low": 1e-5, "high": 2.0, "log": True}}
    assert fingerprint(study(MIXED, trials=7, minutes=3.0)) == fingerprint(study(wider))
    others = [
        study(MIXED, seed=8),
        study({**MIXED, "momentum": 0.5}),
        Study(name="else", search=ASKED.search),
    ]
    assert len({fingerprint(other) for other in (ASKED, *others)}) == 4


def test_a_study_read_back_has_the_same_fingerprint() -> None:
    """From its file, with all defaults filled in."""
    import tomllib

    assert fingerprint(Study(trusted=True, **tomllib.loads(ASKED.to_toml()))) == fingerprint(ASKED)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    """A file in its place is put aside by a run; whoever only reads says so."""
    (tmp_path / "records").write_text("", encoding="utf-8")
    assert [f.problem for f in load(tmp_path / "records", RULES).findings] == [
        "cannot be read: Not a directory"
    ]
    store = Store(tmp_path / "records", RULES.columns, RULES)
    assert [f.problem for f in store.findings] == ["is not a folder"]
    assert (tmp_path / "records").is_dir()
    assert len(list(tmp_path.iterdir())) == 2
