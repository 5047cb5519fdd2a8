"""What must hold of the rows of the three tables: each rule marks the rows that break it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sweeper.records.schema import ENGINES, PHASES, parameter_columns, restore
from sweeper.study.space import Range, Space, Values
from sweeper.study.study import Study, plain
from sweeper.trial import Outcome

Mask = npt.NDArray[np.bool_]
KEYS = {
    "trials": ["trial", "seed"],
    "curves": ["trial", "seed", "step", "metric"],
    "layers": ["trial", "seed", "step", "layer", "measure"],
}
"""Columns that together occur once in a table."""
NEVER_EMPTY = {
    "trials": ["trial", "phase", "seed", "outcome", "steps", "seconds", "engine", "reason"],
    "curves": ["trial", "seed", "step", "metric", "value"],
    "layers": ["trial", "seed", "step", "layer", "measure"],
}
COUNTS = ("trial", "steps", "step", "layer", "seconds")
"""Columns that are never negative."""
WORDS = {"phase": PHASES, "outcome": [str(outcome) for outcome in Outcome], "engine": ENGINES}
"""column -> words that it may hold."""
SCORED = ("completed", "pruned")


@dataclass(frozen=True)
class Rules:
    """What the study says of its own records."""

    space: Space
    seed: int
    """Of the search: its trials have no other."""
    study: bytes
    """Fingerprint, which files carry in their metadata."""

    @property
    def columns(self) -> pa.Schema:
        """Columns of ``trials`` beside those that all studies have."""
        return parameter_columns(self.space)


def rules_of(study: Study) -> Rules:
    """The rules for the records of `study`."""
    return Rules(study.space, study.search.seed, fingerprint(study))


def fingerprint(study: Study) -> bytes:
    """The same for studies whose records may lie in one folder, also with keys that later releases add."""
    raw = study.model_dump(exclude_none=True, exclude_defaults=True)
    kept = {name: plain(raw.get(name)) for name in ("name", "data", "model", "training")}
    text = json.dumps([kept, study.search.seed, sorted(study.search.space)], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16].encode()


def broken(
    name: str, table: pa.Table, rules: Rules | None, columns: pa.Schema | None
) -> Iterator[tuple[Mask, str]]:
    """(rows, what is wrong with them) for each rule that is broken; `columns` are those of `rules`."""
    for column in NEVER_EMPTY[name]:
        yield from _some(pc.is_null(table[column], nan_is_null=True), f"no {column}")
    for column in COUNTS:
        if column in table.column_names:
            yield from _some(_known(pc.less(table[column], 0)), f"negative {column}")
    for column, words in WORDS.items():
        if column in table.column_names:
            odd = pc.and_(pc.invert(pc.is_in(table[column], pa.array(words))), pc.is_valid(table[column]))
            first = repr(table[column].filter(odd)[0].as_py()) if pc.any(odd).as_py() else ""
            yield from _some(odd, f"unknown {column} {first}")
    if name == "curves":
        yield from _some(_known(pc.is_inf(table["value"])), "a value that is not finite")
    if name == "trials":
        yield from _broken_trials(table.to_pandas(), rules, columns)


def _broken_trials(
    frame: pd.DataFrame, rules: Rules | None, columns: pa.Schema | None
) -> Iterator[tuple[Mask, str]]:
    objective = frame["objective"].astype(float)
    yield from _some(frame["outcome"].isin(SCORED) & ~np.isfinite(objective), "no objective")
    yield from _some(~np.isfinite(frame["seconds"].astype(float)), "seconds that are not finite")
    if rules is None or columns is None:
        return
    yield from _some((frame["phase"] != "confirm") & (frame["seed"] != rules.seed), "seed of another study")
    rows = frame.to_dict("records")
    odd = [not _fits(rules.space, {str(k): v for k, v in row.items()}, columns) for row in rows]
    yield from _some(np.array(odd, dtype=bool), "parameters that the study does not search")


def _known(mask: pa.ChunkedArray) -> pa.ChunkedArray:
    """`mask`, false where it is null."""
    return pc.fill_null(mask, False)


def _some(mask: Any, problem: str) -> Iterator[tuple[Mask, str]]:
    rows = np.asarray(mask, dtype=bool)
    if rows.any():
        yield rows, problem


def _fits(space: Space, row: Mapping[str, Any], columns: pa.Schema) -> bool:
    """Whether the configuration of a row lies in the space, and names nothing that its optimizer lacks."""
    if row["optimizer"] not in space.accepted:
        return False
    active = space.active(row["optimizer"])
    absent = [name for name in columns.names if name not in active and name != "optimizer"]
    if not all(pd.isna(row[name]) or (name == "activation_penalty" and row[name] == 0) for name in absent):
        return False
    if any(pd.isna(row[name]) for name in active):
        return False
    try:
        parameters = restore(space, row, columns)
    except ValueError:  # of a pair that is no JSON
        return False
    return all(_inside(values, parameters[name]) for name, (_, values) in active.items())


def _inside(values: Values, value: Any) -> bool:
    if isinstance(values, Range):
        return (values.zero > 0 and value == 0) or values.low <= value <= values.high
    return value in values.values


def repeated(name: str, table: pa.Table) -> Mask:
    """Rows whose key is that of an earlier row."""
    frame = table.select(KEYS[name]).to_pandas()
    return np.asarray(frame.duplicated(keep="first"), dtype=bool)


def contradicting(table: pa.Table, columns: pa.Schema) -> Mask:
    """Confirmations whose parameters are not those of their trial's search."""
    names = [name for name in columns.names if name in table.column_names]
    trials, rows = table.select(["trial", "phase", *names]).to_pandas(), np.zeros(len(table), dtype=bool)
    fresh, numbers = (trials["phase"] == "confirm").to_numpy(bool), trials["trial"].tolist()
    searched = {numbers[row]: row for row in np.flatnonzero(~fresh)}
    mine = [row for row in np.flatnonzero(fresh) if numbers[row] in searched]
    if mine:
        theirs = [searched[numbers[row]] for row in mine]
        values, absent = trials[names].astype(object).to_numpy(), trials[names].isna().to_numpy()
        same = (values[mine] == values[theirs]) | (absent[mine] & absent[theirs])
        rows[mine] = ~same.all(axis=1)
    return rows
