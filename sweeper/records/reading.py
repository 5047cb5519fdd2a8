"""Reading the records of a run: each part is checked, what is sound is used, what is not is named.

A run that is being written may be read: when a file has vanished because its part was merged into
another one, the folder is read again.
"""

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweeper.records.atomic import write_atomically
from sweeper.records.damage import DAMAGED, Damage, unreadable
from sweeper.records.part import (
    PART,
    SCHEMAS,
    STUDY,
    Part,
    Unsound,
    file_of,
    number_of,
    numbers_replaced,
    read_file,
    word_of,
)
from sweeper.records.rules import KEYS, Mask, Rules, broken, contradicting, repeated
from sweeper.spreadsheet import to_csv

ATTEMPTS = 20
"""Readings of a folder whose parts change under way."""


@dataclass(frozen=True)
class Records:
    """What a run has recorded so far, as frames; columns as in `schema`."""

    trials: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    findings: tuple[Damage, ...] = ()
    """What was left out."""


@dataclass(frozen=True)
class Reading:
    """The sound rows of a records folder, and what was found on the way."""

    tables: Mapping[str, pa.Table]
    parts: tuple[Part, ...]
    """Those that count, by number."""
    damaged: Mapping[int, Sequence[Damage]] = field(default_factory=dict)
    """number of a part -> what is wrong with it"""
    strangers: tuple[Path, ...] = ()
    """Parquet files whose name is not that of a part: copies that a program for syncing made, say."""
    unusable: tuple[Damage, ...] = ()
    """What is wrong with the folder itself."""

    @property
    def findings(self) -> tuple[Damage, ...]:
        """All of them, by number."""
        named = [finding for number in sorted(self.damaged) for finding in self.damaged[number]]
        return (
            *self.unusable,
            *named,
            *(Damage(file, "does not belong to these records") for file in self.strangers),
        )


def read(
    folder: Path, names: Collection[str] = tuple(SCHEMAS), rules: Rules | None = None, *, strict: bool = False
) -> Reading:
    """The tables `names` of a records folder, which need not exist.

    Raises:
        OSError: with `strict`, if a file cannot be read for a reason that may pass (a disk's error, say).
    """
    for _ in range(ATTEMPTS):
        before, reader = _committed(folder), _Reader(folder, names, rules, strict)
        reading = reader.read(before)
        if {*before} <= {*_committed(folder)}:  # nothing was merged meanwhile: what is missing is lost
            break
        time.sleep(0.05)
    return reading


def load(folder: Path, rules: Rules | None = None) -> Records:
    """All sound records of a run folder's ``records/``; of trials that are not on record, nothing.

    With `rules` neither confirmations of trials whose search was lost: nothing says what they confirm.
    """
    reading = read(folder, rules=rules)
    trials = _in_order(reading.tables["trials"].to_pandas())
    if rules is not None:
        trials = _with_search(trials)
    pairs = pd.MultiIndex.from_frame(trials[["trial", "seed"]])

    def of_these(name: str) -> pd.DataFrame:
        frame = reading.tables[name].to_pandas()
        known = pd.MultiIndex.from_frame(frame[["trial", "seed"]]).isin(pairs)
        return frame if known.all() else frame[known].reset_index(drop=True)

    return Records(trials, of_these("curves"), of_these("layers"), reading.findings)


def load_trials(folder: Path, rules: Rules | None = None, *, alone: bool = False) -> pd.DataFrame:
    """The ``trials`` table; with `alone` also confirmations of trials whose search was lost."""
    trials = _in_order(read(folder, ["trials"], rules).tables["trials"].to_pandas())
    return trials if alone or rules is None else _with_search(trials)


def load_curves(folder: Path, metric: str) -> pa.Table:
    """The rows of one metric of the ``curves`` table, by trial, seed and step."""
    table = read(folder, ["curves", "trials"]).tables["curves"]
    rows = table.filter(pc.equal(table["metric"], metric))
    return rows.sort_by([(name, "ascending") for name in ("trial", "seed", "step")])


def export(records: Records, target: Path, *, csv: bool = False) -> list[Path]:
    """Write ``trials``, ``curves`` and ``layers`` to `target`, one file each, and return the files.

    Raises:
        OSError: if they cannot be written.
    """
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for name in ("trials", "curves", "layers"):
        file, frame = target / f"{name}.{'csv' if csv else 'parquet'}", getattr(records, name)
        write_atomically(file, to_csv(frame) if csv else frame.to_parquet(index=False))
        written.append(file)
    return written


def _in_order(trials: pd.DataFrame) -> pd.DataFrame:
    return trials.sort_values(["trial", "seed"], ignore_index=True)


def _with_search(trials: pd.DataFrame) -> pd.DataFrame:
    """Without confirmations of trials whose search is not on record."""
    searched = trials.loc[trials["phase"] != "confirm", "trial"]
    known = (trials["phase"] != "confirm") | trials["trial"].isin(searched)
    return trials if known.all() else trials[known].reset_index(drop=True)


def _committed(folder: Path) -> list[str]:
    """Names of the Parquet files that may be a commit; none where there is not a folder."""
    try:
        return sorted(name for name in os.listdir(folder) if name.startswith("trials-"))
    except OSError:
        return []


class _Reader:
    """One reading; its findings gather by part."""

    def __init__(self, folder: Path, names: Collection[str], rules: Rules | None, strict: bool) -> None:
        self.folder, self.rules, self.strict = folder, rules, strict
        self.names = {*names, "trials"}
        self.columns = rules.columns if rules is not None else None
        self.damaged: dict[int, list[Damage]] = {}

    def read(self, names: Sequence[str]) -> Reading:
        numbers = sorted(n for name in names if (n := number_of(self.folder / name)) is not None)
        sheets = {number: dict(self._sheets(number)) for number in numbers}
        self._without_replaced(sheets)
        whole = self._once(sheets)
        parts = tuple(
            Part(n, sum(len(table) for table in tables.values()))
            for n, tables in sheets.items()
            if n not in self.damaged
        )
        return Reading(whole, parts, self.damaged, self._strangers(), self._of_folder())

    def _note(self, number: int, name: str, problem: str) -> None:
        self.damaged.setdefault(number, []).append(Damage(file_of(self.folder, name, number), problem))

    def _sheets(self, number: int) -> Iterator[tuple[str, pa.Table]]:
        """(name, table) of the files of a part that can be read."""
        part: bytes | None = None
        for name in ("trials", "curves", "layers"):
            if name not in self.names:
                continue
            file = file_of(self.folder, name, number)
            try:
                table = read_file(file, name, self.columns)
                self._check_words(table, part)
            except FileNotFoundError:
                self._note(number, name, "is missing")
                continue
            except OSError as error:
                if self.strict and error.errno not in DAMAGED:
                    raise
                self._note(number, name, unreadable(error))
                continue
            except Unsound as error:
                self._note(number, name, str(error))
                continue
            part = word_of(table, PART) if name == "trials" else part
            yield name, table

    def _check_words(self, table: pa.Table, part: bytes | None) -> None:
        study, own = word_of(table, STUDY), word_of(table, PART)
        if self.rules is not None and study is not None and study != self.rules.study:
            raise Unsound("was written by another study")
        if part is not None and own is not None and own != part:
            raise Unsound("belongs to another part")

    def _without_replaced(self, sheets: dict[int, dict[str, pa.Table]]) -> None:
        """Leave out parts that a sound one replaces, and unsound ones whose predecessors are still there."""
        for number in sorted(sheets):
            old = numbers_replaced(sheets[number]["trials"]) if "trials" in sheets.get(number, {}) else set()
            if number in self.damaged and old and old <= set(sheets):
                del sheets[number]
            elif old and number not in self.damaged:
                for gone in old:
                    sheets.pop(gone, None)
                    self.damaged.pop(gone, None)

    def _once(self, sheets: dict[int, dict[str, pa.Table]]) -> dict[str, pa.Table]:
        """Each table whole, without rows that break a rule or are in an earlier part too."""
        whole = {}
        for name in self.names:
            mine = [(number, tables[name]) for number, tables in sorted(sheets.items()) if name in tables]
            table = pa.concat_tables(
                [self._empty(name), *(table.replace_schema_metadata(None) for _, table in mine)],
                promote_options="permissive",
            )
            numbers = np.repeat([number for number, _ in mine], [len(table) for _, table in mine])
            kept = np.ones(len(table), dtype=bool)
            for rows, problem in self._doubtful(name, table):
                for number in np.unique(numbers[rows]):
                    self._note(int(number), name, f"{_counted(rows & (numbers == number))}: {problem}")
                kept &= ~rows
            whole[name] = _without(table, ~kept)
        return whole

    def _doubtful(self, name: str, table: pa.Table) -> Iterator[tuple[Mask, str]]:
        """(rows, what is wrong with them); may be none."""
        wrong = list(broken(name, table, self.rules, self.columns))
        yield from wrong
        bad = np.logical_or.reduce([rows for rows, _ in wrong]) if wrong else np.zeros(len(table), dtype=bool)
        again = repeated(name, _without(table, bad))
        yield _spread(again, ~bad), f"{' and '.join(KEYS[name][:2])} are on record already"
        bad[~bad] = again
        if name == "trials" and self.columns is not None:
            other = contradicting(_without(table, bad), self.columns)
            yield _spread(other, ~bad), "parameters are not those of the trial's search"

    def _empty(self, name: str) -> pa.Table:
        columns = self.columns if self.columns is not None and name == "trials" else ()
        return pa.schema([*SCHEMAS[name], *columns]).empty_table()

    def _of_folder(self) -> tuple[Damage, ...]:
        try:
            os.listdir(self.folder)
        except OSError as error:
            if os.path.lexists(self.folder):
                return (Damage(self.folder, unreadable(error)),)
        return ()

    def _strangers(self) -> tuple[Path, ...]:
        try:
            files = sorted(self.folder.glob("*.parquet"))
        except OSError:
            return ()
        starts = tuple(f"{name}-" for name in SCHEMAS)
        return tuple(f for f in files if number_of(f) is None and f.name.startswith(starts))


def _without(table: pa.Table, rows: Mask) -> pa.Table:
    return table.filter(pa.array(~rows)) if rows.any() else table


def _spread(mask: Mask, among: Mask) -> Mask:
    """`mask`, which is about the rows of `among` alone, as one about all."""
    rows = np.zeros(len(among), dtype=bool)
    rows[among] = mask
    return rows


def _counted(rows: Mask) -> str:
    count = int(rows.sum())
    return "1 row" if count == 1 else f"{count} rows"
