"""What splits the rows of a table: its groups, its order in time, its strata."""

from typing import Any

import numpy as np

from sweeper.data.cells import GAPS, categories, moments, texts
from sweeper.data.inference import form_of, kind_of
from sweeper.data.keys import Keys
from sweeper.data.splits import split_groups, split_in_order
from sweeper.data.table import Table
from sweeper.errors import DataError, shown


def splitting(table: Table, keys: Keys, wrong: list[str]) -> dict[str, Any]:
    """Fields of `Data` that say how its rows are split; `wrong` grows by cells that cannot do it."""
    given = {"time": keys.time, "group": keys.group, "stratify": keys.stratify}
    if table.parts and (named := {key: value for key, value in given.items() if value}):
        wrong += [
            f"data.{key} = {shown(value)}: the data came split into parts already"
            for key, value in named.items()
        ]
        return {}
    if keys.time is not None:
        order, how = _in_time(table, keys.time, wrong)
        return {} if wrong else {"fixed": _told_apart(table, keys, "time", order), "order_how": how}
    if keys.group is not None:
        groups = _without_gaps(table, keys.group, "group", wrong)
        if not wrong:
            _told_apart(table, keys, "group", groups)
        return {"groups": groups}
    if isinstance(keys.stratify, str):
        return {"strata": _strata(table, keys, wrong)}
    return {} if keys.stratify is None else {"stratified": keys.stratify}


def _told_apart(table: Table, keys: Keys, key: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """The split by order or group; whether there can be one is the same for every seed."""
    try:
        if key == "time":
            parts = split_in_order(values, keys.split)
        else:
            parts = split_groups(values, keys.split, 0, 0)
    except ValueError as error:
        raise DataError(f"{table.name}: data.{key} = {shown(getattr(keys, key))}: {error}") from None
    return dict(zip(("train", "validation", "test"), parts, strict=True))


def _without_gaps(table: Table, name: str, key: str, wrong: list[str]) -> np.ndarray:
    numbers, values = categories(table.columns[name])
    codes = numbers[:, 0].astype(np.int64)
    gaps = np.flatnonzero(codes == len(values))
    _tell_gaps(table, name, key, gaps, wrong)
    return codes


def _strata(table: Table, keys: Keys, wrong: list[str]) -> np.ndarray:
    name = str(keys.stratify)
    numbers, values = categories(table.columns[name])
    codes = numbers[:, 0].astype(np.int64)
    rows = dict(zip([*values, "missing"], np.bincount(codes).tolist(), strict=False))
    needed = 2 if keys.split[2] == 0 else 3
    rare = [value for value, times in rows.items() if 0 < times < needed]
    problem = ""
    if len(rows) > min(share for share in keys.split if share > 0) * table.rows:
        problem = f"{len(rows):,} different values are more than a part has rows; name a column of fewer"
    elif rare:
        more = f", as do {len(rare) - 1} more" if len(rare) > 1 else ""
        least = f"every value must occur in {needed} rows at least"
        problem = f"{least}; {shown(rare[0])} occurs in {rows[rare[0]]}{more}"
    if problem:
        wrong.append(f"data.stratify = {shown(name)}: {problem}")
    return codes


def _in_time(table: Table, name: str, wrong: list[str]) -> tuple[np.ndarray, str]:
    """The column as numbers that grow with time, and how it is read."""
    kind = kind_of(table, name)
    kind = kind if kind in ("date", "datetime") else "number"
    how = f"{kind} {form_of(table, name, kind)}".strip()
    instants = moments(table.columns[name], how)
    unread = np.flatnonzero(~np.isfinite(instants))
    words = texts(table.cells(name, unread))
    is_gap = np.array([word.lower() in GAPS for word in words], dtype=bool)
    _tell_gaps(table, name, "time", unread[is_gap], wrong)
    others = np.flatnonzero(~is_gap)
    if len(others):
        word = shown(words[others[0]])
        problem = f"{word} is neither a number nor a date, and data.time splits by this column"
        wrong.append(table.problem_at(int(unread[others[0]]), name, problem, len(others)))
    return instants, how


def _tell_gaps(table: Table, name: str, key: str, gaps: np.ndarray, wrong: list[str]) -> None:
    if len(gaps):
        problem = f"a value is missing, and data.{key} splits by this column; fill it in or drop the row"
        wrong.append(table.problem_at(int(gaps[0]), name, problem, len(gaps)))
