"""The crash-safe Parquet store of a run: ``records/{trials,curves,layers}-NNNNNN.parquet``.

Every append writes three files of one number: curves, layers and last trials, each to a temporary
file that is synced and renamed. The trials file is the commit: a number without one never happened.
When many parts have gathered they are merged; the merged part names those it replaces, so that a
crash between the two leaves nothing twice.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sweeper.records.schema import curve_rows, layer_rows, trial_rows
from sweeper.training.result import TrialResult

TABLES = ("curves", "layers", "trials")  # in the order of writing: trials commit
REPLACES = b"replaces"
MANY = 64
"""Parts at which they are merged into one."""


@dataclass(frozen=True)
class Records:
    """What a run has recorded so far, as frames; columns as in `schema`."""

    trials: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame


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
        self._next = max((_number(file) for file in folder.glob("*.parquet")), default=-1) + 1

    def append(self, results: Sequence[TrialResult]) -> None:
        """Keep finished trials; when this returns they are on the disk."""
        if not results:
            return
        tables = {
            "curves": curve_rows(results),
            "layers": layer_rows(results),
            "trials": trial_rows(results, self.parameters),
        }
        self._write(tables, {})
        parts = _parts(self.folder)
        if len(parts) >= MANY:
            self._merge(parts)

    def _merge(self, parts: Sequence[int]) -> None:
        names = ",".join(map(str, parts)).encode()
        self._write({name: _concat(self.folder, name, parts) for name in TABLES}, {REPLACES: names})
        for number in parts:
            _remove(self.folder, number)

    def _write(self, tables: dict[str, pa.Table], metadata: dict[bytes, bytes]) -> None:
        for name in TABLES:
            final = self.folder / f"{name}-{self._next:06d}.parquet"
            temporary = final.with_suffix(".tmp")
            with temporary.open("wb") as sink:
                pq.write_table(tables[name].replace_schema_metadata(metadata), sink, compression="zstd")
                sink.flush()
                os.fsync(sink.fileno())
            temporary.replace(final)
        _sync_folder(self.folder)
        self._next += 1


def load(folder: Path) -> Records:
    """All committed records of a run folder's ``records/``."""
    parts = _parts(folder)
    frames = {name: _concat(folder, name, parts).to_pandas() for name in TABLES}
    trials = frames["trials"].sort_values(["trial", "seed"], ignore_index=True)
    return Records(trials, frames["curves"], frames["layers"])


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


def _concat(folder: Path, name: str, parts: Sequence[int]) -> pa.Table:
    tables = [pq.read_table(folder / f"{name}-{number:06d}.parquet") for number in parts]
    if not tables:
        from sweeper.records import schema

        columns = {"trials": schema.TRIALS, "curves": schema.CURVES, "layers": schema.LAYERS}[name]
        return columns.empty_table()
    return pa.concat_tables(tables, promote_options="permissive")


def _remove(folder: Path, number: int) -> None:
    for name in reversed(TABLES):  # trials first: what is left then never happened
        (folder / f"{name}-{number:06d}.parquet").unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make renames durable, where the platform lets folders be opened."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
