"""What each column of a table is and becomes, as the study or its cells say; and those that split rows."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sweeper.data.cells import GAPS, as_numbers, categories, moments, texts
from sweeper.data.column import EMPTY, SAME, Column
from sweeper.data.faults import FAULTS, looks_like_a_number
from sweeper.data.inference import MOST, ambiguous, date_share, form_of, kind_of, present, read_either_way
from sweeper.data.keys import FORMATTED, Keys
from sweeper.data.splits import split_groups, split_in_order
from sweeper.data.table import Table, is_typed
from sweeper.errors import DataError, shown
from sweeper.split_names import SPLITS
from sweeper.wording import count, exact, listing

MOST_ONE_HOT = 20
"""Values of a category up to which each has an input of its own, by default."""
MOST_INPUTS = 1000
"""Values up to which that can be asked for."""
LOOKED_AT = 10_000
"""Wrong cells of a column that are counted at most."""


def read_column(
    table: Table, name: str, given: str, embeds: bool, wrong: list[str]
) -> tuple[Column, np.ndarray]:
    """What column `name` is, and its cells as numbers (n, k); `wrong` grows by what is wrong with it.

    `given` is what the study says of it, one of `KINDS` or empty; `embeds` whether the model takes codes.
    """
    kind, _, form = (given or kind_of(table, name)).partition(" ")
    if kind in ("category", "one_hot", "codes", "frequency"):
        return _category(table, name, kind, embeds, wrong, given)
    column = Column(name, kind, form=form or form_of(table, name, kind))
    cells = as_numbers(table.columns[name], column.how)
    unread = np.flatnonzero(~np.isfinite(cells).all(axis=1))
    column = replace(column, gaps=_gaps(table, column, unread, bool(given), wrong))
    other = ambiguous(table.columns[name], column.form) if not form else ""
    note = _month_first(kind, other) or _number_note(table, column)
    if note:
        return replace(column, note=note), cells
    useless, is_constant = _useless(table, column, cells)
    return replace(column, useless=useless, is_constant=is_constant), cells


def _category(
    table: Table, name: str, kind: str, embeds: bool, wrong: list[str], given_kind: str
) -> tuple[Column, np.ndarray]:
    raw, values = categories(table.columns[name])
    gaps, rows, many = int((raw == len(values)).sum()), len(raw), len(values)
    repeated = 2 * many <= rows - gaps
    if kind == "category":
        kind = "one_hot" if many <= MOST_ONE_HOT else "codes" if embeds and repeated else "frequency"
    if kind == "one_hot" and many > MOST_INPUTS:
        wrong.append(
            f"column {shown(name)}: {many:,} different values; one_hot takes at most {MOST_INPUTS:,}. Say "
            '"category", "codes", "frequency" or "drop" in data.columns'
        )
    note = useless = ""
    if many + (gaps > 0) == 1:
        useless = f"{SAME}, {shown(values[0])}" if many else EMPTY
    elif given_kind == "" and date_share(table, name) >= MOST:
        note = "read as text: dates in several formats; write all in one"
    elif given_kind == "" and (odd := _odd_among_numbers(table, name)):
        note = f"read as text, though most of it are numbers: {shown(odd)} is none"
        note += "; write numbers, or nothing where one is missing"
    elif alike := _alike(values):
        both = listing(list(map(shown, alike)))
        note = f"read as different values: {both}; write them alike if they are the same"
    elif many > MOST_ONE_HOT and not repeated:
        useless = f"an id or free text: {many:,} different values in {count(rows - gaps, 'row')}"
    is_constant = many == 1 and not gaps
    return Column(name, kind, gaps, tuple(values), "", note, useless, is_constant), raw


def _odd_among_numbers(table: Table, name: str) -> str:
    """The most frequent cell that is no number, where more than half of the others are; else empty."""
    if is_typed(table.columns[name]) or name in table.categories:
        return ""
    counted = present(table.columns[name])
    odd = {word: times for word, times in counted.items() if not looks_like_a_number(word)}
    few = 0 < 2 * sum(odd.values()) < sum(counted.values())
    return max(odd, key=lambda word: odd[word]) if few else ""


def _alike(values: Sequence[str]) -> list[str]:
    """Values that differ by case, blanks or the encoding of accents alone: the first such ones."""
    first: dict[str, str] = {}
    for value in values:
        plain = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
        if first.setdefault(plain, value) != value:
            return [first[plain], value]
    return []


def _gaps(table: Table, column: Column, unread: np.ndarray, is_given: bool, wrong: list[str]) -> int:
    """How many cells are missing; of those that cannot be read, each kind of fault is told with its first."""
    first: dict[str, tuple[int, str]] = {}
    counts: Counter[str] = Counter()
    gaps = 0
    words = texts(table.cells(column.name, unread))
    for row, word in zip(unread, words, strict=True):
        if word.lower() in GAPS:
            gaps += 1
        elif counts.total() < LOOKED_AT:
            problem = FAULTS[column.kind](word, column.form, is_given)
            fault = problem.replace(shown(word), "")
            first.setdefault(fault, (int(row), problem))
            counts[fault] += 1
    for fault, (row, problem) in first.items():
        wrong.append(table.problem_at(row, column.name, problem, counts[fault]))
    return gaps


def _number_note(table: Table, column: Column) -> str:
    """How numbers are read that may be meant as codes, or with other commas and points; else empty."""
    if column.kind != "number" or is_typed(table.columns[column.name]):
        return ""
    words = present(table.columns[column.name])
    if padded := next((word for word in words if re.fullmatch(r"0\d+", word)), ""):
        return f'read as numbers, {shown(padded)} as {int(padded)}; if these are codes, say "category"'
    word = read_either_way(table, column.name)
    if not word:
        return ""
    if "," in word:
        read, other = word.replace(",", "."), "the commas stand between thousands, leave them out"
        return f"read with decimal commas, {shown(word)} as {exact(float(read))}; if {other}"
    if column.form == ",":
        plain, other = word.replace(".", ""), "the points stand before decimals there, write commas"
        return f"read with decimal commas, {shown(word)} as {plain}; if {other}"
    other = "the points stand between thousands, leave them out"
    return f"read with decimal points, {shown(word)} as {exact(float(word))}; if {other}"


def _useless(table: Table, column: Column, cells: np.ndarray) -> tuple[str, bool]:
    """Why the column may be left out (an id, a constant, no values); whether it is constant."""
    rows = len(cells)
    if column.gaps:
        return (EMPTY if column.gaps == rows else ""), False
    if (cells == cells[0]).all():
        (value,) = texts(table.cells(column.name, np.arange(1)))
        return f"{SAME}, {shown(value)}", True
    if column.kind != "number" or (cells != np.round(cells)).any() or len(np.unique(cells)) < rows:
        return "", False
    named = re.search(r"(^|[^A-Za-z])(id|index|key|nr|no)$", column.name, re.IGNORECASE)
    camel = re.search(r"[a-z0-9]I[dD]$", column.name)
    if named or camel or np.ptp(cells) == rows - 1:
        return f"an id: {rows:,} different whole numbers in {count(rows, 'row')}", False
    return "", False


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
        order, how, note = _in_time(table, keys.time, keys.columns.get(keys.time, ""), wrong)
        if wrong:
            return {}
        return {"fixed": _told_apart(table, keys, "time", order), "order_how": how, "order_note": note}
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
    return dict(zip(SPLITS, parts, strict=True))


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


def _in_time(table: Table, name: str, given: str, wrong: list[str]) -> tuple[np.ndarray, str, str]:
    """The column as numbers that grow with time, how it is read, and how else it could be; `given` is what
    the study says of it."""
    kind, _, written = (given or kind_of(table, name)).partition(" ")
    kind = kind if kind in FORMATTED else "number"
    form = written or form_of(table, name, kind)
    how = f"{kind} {form}".strip()
    instants = moments(table.columns[name], how)
    unread = np.flatnonzero(~np.isfinite(instants))
    words = texts(table.cells(name, unread))
    is_gap = np.array([word.lower() in GAPS for word in words], dtype=bool)
    _tell_gaps(table, name, "time", unread[is_gap], wrong)
    others = np.flatnonzero(~is_gap)
    if len(others):
        word = words[others[0]]
        if given and kind in FORMATTED:
            problem = FAULTS[kind](word, form, True)
        else:
            problem = (
                f"{shown(word)} is neither a number nor a date of a usual format, and data.time splits by "
                'this column; say how it is written in data.columns, such as "date %d-%b-%Y"'
            )
        wrong.append(table.problem_at(int(unread[others[0]]), name, problem, len(others)))
    other = "" if written else ambiguous(table.columns[name], form)
    return instants, how, _month_first(kind, other)


def _month_first(kind: str, other: str) -> str:
    """That days may come first, where dates can be read in the format `other` as well."""
    return f'read as month/day/year; if days come first, say "{kind} {other}"' if other else ""


def _tell_gaps(table: Table, name: str, key: str, gaps: np.ndarray, wrong: list[str]) -> None:
    if len(gaps):
        problem = f"a value is missing, and data.{key} splits by this column; fill it in or drop the row"
        wrong.append(table.problem_at(int(gaps[0]), name, problem, len(gaps)))
