"""The crash-safe Parquet store of a run: ``records/{trials,curves,layers}-NNNNNN.parquet``.

Every append writes three files of one number, a part: curves, layers and last trials, each to a
temporary file that is synced and renamed. The trials file is the commit: a number without one never
happened. When `MANY` parts of about one size have gathered they are merged into a larger one, as in
a log-structured merge tree (O'Neil et al. 1996), so a row is rewritten about once for every factor
of `MANY` that the run grows. The merged part names those it replaces: a crash between the two leaves
nothing twice. A part that is damaged is put aside when the store is opened: its trials run again.
"""

import contextlib
import itertools
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from sweeper.errors import StateKept
from sweeper.records.atomic import remove_leftovers, set_aside, write_atomically
from sweeper.records.damage import Damage
from sweeper.records.part import (
    PART,
    REPLACES,
    SCHEMAS,
    STUDY,
    Part,
    Unsound,
    file_of,
    number_of,
    read_file,
    to_bytes,
)
from sweeper.records.reading import Records, export, load, load_curves, load_trials, read
from sweeper.records.rules import Rules
from sweeper.records.schema import LAYERS, curve_rows, layer_rows, trial_rows
from sweeper.trial import SharpnessResult, TrialResult

__all__ = ["MANY", "Records", "Store", "export", "load", "load_curves", "load_trials"]

MANY = 32
"""Parts of one size class at which they are merged."""
LARGE = 250_000
"""Rows (of all three tables) from which a part is left alone: a merge holds its parts in memory."""
_OLD_TEMPORARY = re.compile(r"\w+-\d+\.tmp")
"""Names of temporary files of earlier releases."""


class Store:
    """The records folder of one run; only the driver writes to it."""

    def __init__(self, folder: Path, parameters: pa.Schema, rules: Rules | None = None) -> None:
        """Open or create it; what is damaged is put aside.

        Raises:
            OSError: if the folder cannot be written, or a file not be read for a reason that may pass.
        """
        self.folder, self.parameters, self.rules = folder, parameters, rules
        self.findings: list[Damage] = []
        """What was put aside."""
        if os.path.lexists(folder) and not folder.is_dir():
            self.findings.append(Damage(folder, "is not a folder", f"kept as {set_aside(folder).name}"))
        folder.mkdir(parents=True, exist_ok=True)
        reading = read(folder, rules=rules, strict=True)
        for number, findings in reading.damaged.items():
            self._put_aside(number, findings)
        for file in reading.strangers:
            kept = set_aside(file).name
            self.findings.append(Damage(file, "does not belong to these records", f"kept as {kept}"))
        self._parts = list(reading.parts)
        self._next = max((part.number for part in self._parts), default=-1) + 1
        self._remove_uncommitted()

    def _put_aside(self, number: int, findings: Sequence[Damage]) -> None:
        """Give the files of a part other names, the commit last: a crash in between leaves a damaged part."""
        again = "its trials run again"
        self.findings += [
            Damage(
                finding.file,
                finding.problem,
                f"put aside under another name; {again}" if os.path.lexists(finding.file) else again,
            )
            for finding in findings
        ]
        for name in SCHEMAS:
            if os.path.lexists(file := file_of(self.folder, name, number)):
                set_aside(file)

    def _remove_uncommitted(self) -> None:
        """Remove what appends and merges left that were cut short."""
        remove_leftovers(self.folder)
        committed = {part.number for part in self._parts}
        for file in list(self.folder.iterdir()):
            number = number_of(file)
            if _OLD_TEMPORARY.fullmatch(file.name) or (number is not None and number not in committed):
                file.unlink()

    def append(self, results: Sequence[TrialResult]) -> None:
        """Keep finished trials; when this returns they are on the disk.

        Raises:
            StateKept: if they cannot be written. What was there before is whole.
        """
        if not results:
            return
        self._keep(curve_rows(results), layer_rows(results), trial_rows(results, self.parameters))

    def append_curves(self, results: Sequence[SharpnessResult]) -> None:
        """Keep the curves of `results` beside those of their trials, which are on record.

        Raises:
            StateKept: as `append`.
        """
        if results:
            self._keep(curve_rows(results), LAYERS.empty_table(), trial_rows([], self.parameters))

    def replace(self, result: TrialResult) -> None:
        """Put `result` in the place of what is on record for its trial and seed.

        Raises:
            StateKept: as `append`.
        """
        key = {"trial": result.trial.number, "seed": result.trial.seed}
        fresh = {
            "curves": curve_rows([result]),
            "layers": layer_rows([result]),
            "trials": trial_rows([result], self.parameters),
        }
        with self._refusing():
            part = next(p for p in self._parts if len(_rows_of(self._concat("trials", [p.number]), key)))
            kept = {n: _rows_of(self._concat(n, [part.number]), key, without=True) for n in SCHEMAS}
            joined = {n: pa.concat_tables([kept[n], fresh[n]], promote_options="permissive") for n in SCHEMAS}
            self._write(joined, {REPLACES: str(part.number).encode()})
            self._parts.remove(part)
            self._remove(part.number)

    def _keep(self, curves: pa.Table, layers: pa.Table, trials: pa.Table) -> None:
        with self._refusing():
            self._write({"curves": curves, "layers": layers, "trials": trials}, {})
            self._merge_if_many()

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            gone = "" if self.folder.is_dir() else " (the folder was removed in mid-run)"
            raise StateKept(f"{self.folder} cannot be written: {error.strerror or error}{gone}") from error
        except Unsound as error:
            raise StateKept(
                f"{self.folder} was damaged in mid-run: a part {error}; the same command puts it aside and "
                "trains again what it held"
            ) from error

    def _merge_if_many(self) -> None:
        """Merge size classes that are full; each merge may fill the next."""
        while parts := _due(self._parts):
            numbers = [part.number for part in parts]
            merged = {name: self._concat(name, numbers) for name in SCHEMAS}
            self._write(merged, {REPLACES: ",".join(map(str, numbers)).encode()})
            self._parts = [part for part in self._parts if part not in parts]
            for number in numbers:
                self._remove(number)

    def _concat(self, name: str, parts: Sequence[int]) -> pa.Table:
        tables = [read_file(file_of(self.folder, name, number), name, None) for number in parts]
        plain = [table.replace_schema_metadata(None) for table in tables]
        return pa.concat_tables(plain, promote_options="permissive")

    def _write(self, tables: dict[str, pa.Table], metadata: Mapping[bytes, bytes]) -> None:
        words = {**metadata, PART: secrets.token_hex(8).encode()}
        if self.rules is not None:
            words[STUDY] = self.rules.study
        for name in SCHEMAS:
            write_atomically(file_of(self.folder, name, self._next), to_bytes(tables[name], words))
        _sync_folder(self.folder)
        self._parts.append(Part(self._next, sum(len(table) for table in tables.values())))
        self._next += 1

    def _remove(self, number: int) -> None:
        for name in reversed(SCHEMAS):  # trials first: what is left then never happened
            file_of(self.folder, name, number).unlink(missing_ok=True)


def _size_class(part: Part) -> int:
    """0 below `MANY` rows, 1 below ``MANY**2`` …"""
    return int(math.log(max(part.rows, 1), MANY))


def _due(parts: Sequence[Part]) -> list[Part]:
    """The oldest parts of a full size class, up to `LARGE` rows; none if no class is full."""
    classes: dict[int, list[Part]] = {}
    for part in parts:
        if part.rows < LARGE:
            classes.setdefault(_size_class(part), []).append(part)
    full = next((members for members in classes.values() if len(members) >= MANY), [])
    before = itertools.accumulate((part.rows for part in full), initial=0)
    return [part for part, rows in zip(full, before, strict=False) if rows < LARGE]


def _rows_of(table: pa.Table, key: Mapping[str, int], *, without: bool = False) -> pa.Table:
    """The rows of one trial and seed, or all others."""
    mask = pc.and_(*(pc.equal(table[name], value) for name, value in key.items()))
    return table.filter(pc.invert(mask) if without else mask)


def _sync_folder(folder: Path) -> None:
    """Make renames durable, where the platform lets folders be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
