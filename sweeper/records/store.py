"""The crash-safe Parquet store of a run: ``records/{trials,curves,layers}-NNNNNN.parquet``.

Every append writes three files of one number, a part: curves, layers and last trials, each to a
temporary file that is synced and renamed. The trials file is the commit: a number without one never
happened. When `MANY` parts of about one size have gathered they are merged into a larger one, as in
a log-structured merge tree (O'Neil et al. 1996), so a row is rewritten about once for every factor
of `MANY` that the run grows. The merged part names those it replaces: a crash between the two leaves
nothing twice.
"""

import contextlib
import itertools
import math
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sweeper.errors import RunFailed
from sweeper.records.schema import CURVES, LAYERS, TRIALS, curve_rows, layer_rows, trial_rows
from sweeper.training.result import TrialResult

SCHEMAS = {"curves": CURVES, "layers": LAYERS, "trials": TRIALS}
"""In the order of writing: trials commit."""
REPLACES = b"replaces"
MANY = 32
"""Parts of one size class at which they are merged."""
LARGE = 250_000
"""Rows (of all three tables) from which a part is left alone: a merge holds its parts in memory."""
DICTIONARIES = ["trial", "seed", "step", "layer", "metric", "measure", "phase", "outcome", "engine"]
"""Columns of few values."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Records:
    """What a run has recorded so far, as frames; columns as in `schema`."""

    trials: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame


@dataclass(frozen=True)
class Part:
    """Three files of one number."""

    number: int
    rows: int

    @property
    def size_class(self) -> int:
        """0 below `MANY` rows, 1 below ``MANY**2`` …"""
        return int(math.log(max(self.rows, 1), MANY))


class Store:
    """The records folder of one run; only the driver writes to it."""

    def __init__(self, folder: Path, parameters: pa.Schema) -> None:
        self.folder, self.parameters = folder, parameters
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob("*.tmp"):
            leftover.unlink()
        committed = _parts(folder)
        for file in folder.glob("*.parquet"):
            if _number(file) not in committed:
                file.unlink()
        self._parts = [Part(number, _row_count(folder, number)) for number in committed]
        self._next = max(committed, default=-1) + 1

    def append(self, results: Sequence[TrialResult]) -> None:
        """Keep finished trials; when this returns they are on the disk.

        Raises:
            RunFailed: if they cannot be written. What was there before is whole.
        """
        if not results:
            return
        self._keep(curve_rows(results), layer_rows(results), trial_rows(results, self.parameters))

    def append_curves(self, results: Sequence[TrialResult]) -> None:
        """Keep the curves of `results` beside those of trials that are on record, and nothing else of them.

        Raises:
            RunFailed: as `append`.
        """
        if results:
            self._keep(curve_rows(results), LAYERS.empty_table(), trial_rows([], self.parameters))

    def replace(self, result: TrialResult) -> None:
        """Put `result` in the place of what is on record for its trial and seed.

        Raises:
            RunFailed: as `append`.
        """
        key = {"trial": result.trial.number, "seed": result.trial.seed}
        part = next(p for p in self._parts if len(_rows_of(_concat(self.folder, "trials", [p.number]), key)))
        fresh = {
            "curves": curve_rows([result]),
            "layers": layer_rows([result]),
            "trials": trial_rows([result], self.parameters),
        }
        kept = {n: _rows_of(_concat(self.folder, n, [part.number]), key, without=True) for n in SCHEMAS}
        joined = {n: pa.concat_tables([kept[n], fresh[n]], promote_options="permissive") for n in SCHEMAS}
        with self._refusing():
            self._write(joined, {REPLACES: str(part.number).encode()})
            self._parts.remove(part)
            _remove(self.folder, part.number)

    def _keep(self, curves: pa.Table, layers: pa.Table, trials: pa.Table) -> None:
        with self._refusing():
            self._write({"curves": curves, "layers": layers, "trials": trials}, {})
            self._merge_if_many()

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunFailed(
                f"{self.folder} cannot be written: {error.strerror or error}. "
                "Trials recorded before are kept; the same command goes on from there"
            ) from error

    def _merge_if_many(self) -> None:
        """Merge size classes that are full; each merge may fill the next."""
        while parts := _due(self._parts):
            numbers = [part.number for part in parts]
            merged = {name: _concat(self.folder, name, numbers) for name in SCHEMAS}
            self._write(merged, {REPLACES: ",".join(map(str, numbers)).encode()})
            self._parts = [part for part in self._parts if part not in parts]
            for number in numbers:
                _remove(self.folder, number)

    def _write(self, tables: dict[str, pa.Table], metadata: dict[bytes, bytes]) -> None:
        for name in SCHEMAS:
            final = _file(self.folder, name, self._next)
            temporary = final.with_suffix(".tmp")
            table = tables[name].replace_schema_metadata(metadata)
            dictionaries = [column for column in DICTIONARIES if column in table.column_names]
            with temporary.open("wb") as sink:
                pq.write_table(table, sink, compression="zstd", use_dictionary=dictionaries)
                sink.flush()
                os.fsync(sink.fileno())
            temporary.replace(final)
        _sync_folder(self.folder)
        self._parts.append(Part(self._next, sum(len(table) for table in tables.values())))
        self._next += 1


def _due(parts: Sequence[Part]) -> list[Part]:
    """The oldest parts of a full size class, up to `LARGE` rows; none if no class is full."""
    classes: dict[int, list[Part]] = {}
    for part in parts:
        if part.rows < LARGE:
            classes.setdefault(part.size_class, []).append(part)
    full = next((members for members in classes.values() if len(members) >= MANY), [])
    before = itertools.accumulate((part.rows for part in full), initial=0)
    return [part for part, rows in zip(full, before, strict=False) if rows < LARGE]


def load(folder: Path) -> Records:
    """All committed records of a run folder's ``records/``; a run that is being written may be read."""

    def read(parts: Sequence[int]) -> dict[str, pd.DataFrame]:
        return {name: _concat(folder, name, parts).to_pandas() for name in SCHEMAS}

    frames = _steadily(folder, read)
    return Records(_in_order(frames["trials"]), frames["curves"], frames["layers"])


def load_trials(folder: Path) -> pd.DataFrame:
    """The ``trials`` table alone."""
    return _in_order(_steadily(folder, lambda parts: _concat(folder, "trials", parts)).to_pandas())


def load_curves(folder: Path, metric: str) -> pa.Table:
    """The rows of one metric of the ``curves`` table, by trial, seed and step."""

    def read(parts: Sequence[int]) -> pa.Table:
        rows = [("metric", "=", metric)]
        tables = [pq.read_table(_file(folder, "curves", number), filters=rows) for number in parts]
        return pa.concat_tables([CURVES.empty_table(), *tables])

    return _steadily(folder, read).sort_by([(name, "ascending") for name in ("trial", "seed", "step")])


def export(folder: Path, target: Path, *, csv: bool = False) -> list[Path]:
    """Write ``trials``, ``curves`` and ``layers`` to `target`, one file each, and return the files."""
    target.mkdir(parents=True, exist_ok=True)
    records = load(folder)
    written = []
    for name in ("trials", "curves", "layers"):
        file = target / f"{name}.{'csv' if csv else 'parquet'}"
        frame = getattr(records, name)
        frame.to_csv(file, index=False) if csv else frame.to_parquet(file, index=False)
        written.append(file)
    return written


def _in_order(trials: pd.DataFrame) -> pd.DataFrame:
    return trials.sort_values(["trial", "seed"], ignore_index=True)


def _steadily(folder: Path, read: Callable[[Sequence[int]], Found], attempts: int = 20) -> Found:
    """What `read` gives for the parts of a folder; again if they were merged in the meantime."""
    for _ in range(attempts - 1):
        with contextlib.suppress(FileNotFoundError):
            return read(_parts(folder))
        time.sleep(0.05)
    return read(_parts(folder))


def _file(folder: Path, name: str, number: int) -> Path:
    return folder / f"{name}-{number:06d}.parquet"


def _number(file: Path) -> int:
    found = re.fullmatch(r"\w+-(\d+)\.parquet", file.name)
    return int(found.group(1)) if found else -1


def _parts(folder: Path) -> list[int]:
    """Numbers of the committed parts that no other part replaces, in order."""
    files = sorted(folder.glob("trials-*.parquet"))
    replaced: set[int] = set()
    for file in files:
        metadata = pq.read_schema(file).metadata or {}
        replaced |= {int(number) for number in metadata.get(REPLACES, b"").split(b",") if number}
    return sorted({_number(file) for file in files} - replaced)


def _row_count(folder: Path, number: int) -> int:
    return sum(pq.read_metadata(_file(folder, name, number)).num_rows for name in SCHEMAS)


def _concat(folder: Path, name: str, parts: Sequence[int]) -> pa.Table:
    tables = [pq.read_table(_file(folder, name, number)) for number in parts]
    if not tables:
        return SCHEMAS[name].empty_table()
    return pa.concat_tables(tables, promote_options="permissive")


def _rows_of(table: pa.Table, key: Mapping[str, int], *, without: bool = False) -> pa.Table:
    """The rows of one trial and seed, or all others."""
    mask = pc.and_(*(pc.equal(table[name], value) for name, value in key.items()))
    return table.filter(pc.invert(mask) if without else mask)


def _remove(folder: Path, number: int) -> None:
    for name in reversed(SCHEMAS):  # trials first: what is left then never happened
        _file(folder, name, number).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make renames durable, where the platform lets folders be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
