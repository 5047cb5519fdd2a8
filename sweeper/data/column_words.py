"""What the columns of a table are taken for and become, in words: shown before anything is trained."""

from collections.abc import Iterator, Sequence

import numpy as np

from sweeper.components.tree import leaves
from sweeper.data.column import SAME, Column
from sweeper.data.data import Data, is_real
from sweeper.data.disk import is_ours, is_streamed
from sweeper.data.memory import budget_words
from sweeper.data.splits import is_kept, rows_of_parts
from sweeper.errors import shown
from sweeper.printable import one_line
from sweeper.toml_text import in_toml
from sweeper.wording import count, listing, memory_size

MOST_NAMED = 8
"""Columns of one kind that are named."""
BECOMES = {
    "number": "numbers",
    "boolean": "truth values as 0 and 1",
    "date": "dates as year, month, day, weekday and days",
    "datetime": "times as year, month, day, weekday, days, hour and minute",
    "one_hot": "categories with an input for each value",
    "codes": "categories as codes for an embedding",
    "frequency": "categories as the share of training rows with the value",
}
"""Kind of a column -> what columns of it become."""


def item_lines(data: Data, standardize: bool) -> list[str]:
    """What is an input and what a target of items that are dicts, where that is not plain."""
    by_name, target = data.inputs, data.item_names[1]
    if data.read != "items" or not isinstance(by_name, dict):
        return []
    real = [name for name, array in by_name.items() if standardize and not isinstance(array, dict | tuple)]
    every = [np.asarray(leaf) for leaf in leaves(by_name)]
    real = [name for name in real if is_real(by_name[name]) and not is_kept(by_name[name], every)]
    how = f" ({_list(real)} standardized on training rows)" if real else ""
    targets = list(data.several) if isinstance(data.several, dict) else [target]
    more = (
        "" if len(targets) > 1 else "; to predict more of them: data.target = [names], and a loss of your own"
    )
    return [f"items: {_list(list(by_name))} are inputs{how}, {_list(targets)} predicted{more}"]


def _list(names: list[str]) -> str:
    return listing([one_line(name) for name in names])


def column_lines(data: Data, shares: tuple[float, float, float], seed: int) -> list[str]:
    """Sentences without a full stop, of tables and of streamed data; `seed` is that of the search."""
    if data.is_streamed:
        return [_streamed(data)]
    if not data.columns:
        return []
    constant = [column for column in data.columns if column.is_constant]
    varied = [column for column in data.columns if not column.is_constant]
    groups = [(words, [c for c in varied if c.kind == kind]) for kind, words in BECOMES.items()]
    by_kind = [f"{words}: {_named(list(map(_name, group)))}" for words, group in groups if group]
    by_kind += [f"{SAME}: {_named([one_line(column.name) for column in constant])}"] if constant else []
    lines = [f"columns: {'; '.join(by_kind)}"]
    remarks = [(column.name, column.note or column.useless) for column in data.columns]
    lines += [f"column {shown(one_line(name))}: {remark}" for name, remark in remarks if remark]
    return lines + list(_unseen(data, shares, seed))


def drop_lines(data: Data, dropped: Sequence[str] = ()) -> list[str]:
    """How to leave out columns that look useless; `dropped` are those that the study leaves out already."""
    spare = useless(data)
    return [f"to leave such columns out: data.drop = {in_toml([*dropped, *spare])}"] if spare else []


def all_alike(columns: Sequence[Column]) -> str:
    """That no column tells training rows apart, and what each of the first ones becomes."""
    each = [f"{shown(one_line(c.name))} ({c.useless or BECOMES[c.kind]})" for c in columns]
    text = "inputs are the same in all training rows, so nothing can be learned from them: "
    text += f"{_named(each)}. Add a column that differs"
    return f"{text}, or say under [data.columns] what one of these is"


def _streamed(data: Data) -> str:
    streamed = [leaf for leaf in leaves(data.inputs) if is_streamed(leaf)]
    size, files = sum(leaf.nbytes for leaf in streamed), [str(leaf.filename) for leaf in streamed]
    until = "; they are deleted at the end" if all(map(is_ours, streamed)) else ""
    return (
        f"data: {memory_size(size)} of inputs do not fit into memory ({budget_words()}): every batch is read "
        f"from {listing(list(dict.fromkeys(files)))}{until}"
    )


def useless(data: Data) -> list[str]:
    """Columns that look like ids, free text or constants."""
    return [column.name for column in data.columns if column.useless]


def _name(column: Column) -> str:
    facts = [count(len(column.values), "value")] if column.values else []
    if column.gaps:
        filled = "" if column.values else ", filled with the median, flagged"
        facts.append(f"{count(column.gaps, 'gap')}{filled}")
    return one_line(column.name) + (f" ({', '.join(facts)})" if facts else "")


def _named(names: Sequence[str]) -> str:
    some = list(names[:MOST_NAMED])
    return listing(some + [f"{len(names) - MOST_NAMED} more"] * (len(names) > MOST_NAMED))


def _unseen(data: Data, shares: tuple[float, float, float], seed: int) -> Iterator[str]:
    """How many validation and test rows have a value that no training row has."""
    if data.encoding is None:
        return
    parts = rows_of_parts(data, shares, seed=seed, test_seed=seed)
    start = 0
    for column in data.columns:
        if column.values:
            values = data.encoding.raw[:, start]
            new = [int((~np.isin(values[part], values[parts[0]])).sum()) for part in parts[1:]]
            if sum(new):
                rows = f"{count(new[0], 'validation row')} and {count(new[1], 'test row')}"
                yield f"column {shown(one_line(column.name))}: {rows} have a value that no training row has"
        start += column.width
