"""What the cells of a column suggest that it is, and the form of its dates and decimals."""

import re
from collections import Counter
from collections.abc import Collection

import numpy as np

from sweeper.data.cells import GAPS, TRUTH, dates, texts
from sweeper.data.faults import looks_like_a_number
from sweeper.data.table import Cells, Table, is_typed

MOST = 0.9
"""Share of the cells that must be numbers, or dates, for the column to be of them and the others mistakes."""
SAMPLE = 50
"""Different cells by which the format of dates is found."""
WORDS = {"true", "false", "yes", "no", "on", "off", "ja", "nein"}
"""Of columns of truth values; those of other spellings may stand beside one of them."""
PAIRS = (("1", "0"), ("1.0", "0.0"))
LETTERS = (("y", "n"), ("t", "f"))
"""Booleans only where both letters occur."""
ISO = r"\d{4}-\d{2}(-\d{2})?([ T]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?)?( ?(Z|[+-]\d{2}:?\d{2}))?"
DAYS = {
    r"\d{4}/\d{1,2}/\d{1,2}": ("%Y/%m/%d",),
    r"\d{1,2}\.\d{1,2}\.\d{4}": ("%d.%m.%Y",),
    r"\d{1,2}\.\d{1,2}\.\d{2}": ("%d.%m.%y",),
    r"\d{1,2}/\d{1,2}/\d{4}": ("%m/%d/%Y", "%d/%m/%Y"),
    r"\d{1,2}-\d{1,2}-\d{4}": ("%m-%d-%Y", "%d-%m-%Y"),
    r"\d{1,2} [A-Za-z]{3} \d{4}": ("%d %b %Y",),
    r"[A-Za-z]{3} \d{1,2}, \d{4}": ("%b %d, %Y",),
}
"""Pattern -> formats of dates that look so, the first one preferred where both can be."""
TIMES = {"": "", r" \d{1,2}:\d{2}": " %H:%M", r" \d{1,2}:\d{2}:\d{2}": " %H:%M:%S"}
FORMS = {ISO: ("",)} | {
    day + time: tuple(name + end for name in names)
    for day, names in DAYS.items()
    for time, end in TIMES.items()
}


def present(cells: Cells) -> Counter[str]:
    """How often each text occurs, without gaps."""
    return Counter(word for word in texts(cells) if word.lower() not in GAPS)


def kind_of(table: Table, name: str) -> str:
    """``number``, ``boolean``, ``category``, ``date`` or ``datetime``, as the cells suggest."""
    cells = table.columns[name]
    if name in table.categories:
        return "category"
    if is_typed(cells):
        return _kind_of_typed(cells)
    counted = present(cells)
    lower = {word.lower() for word in counted}
    if not lower:
        return "number"
    if (lower & WORDS and lower <= set(TRUTH)) or any(lower <= set(pair) for pair in PAIRS):
        return "boolean"
    if any(lower == set(pair) for pair in LETTERS):
        return "boolean"
    total = sum(counted.values())
    if sum(times for word, times in counted.items() if looks_like_a_number(word)) >= MOST * total:
        return "number"
    if table.decimal_commas and decimal_commas(cells):
        return "number"
    form, share = date_format(counted)
    if share < MOST:
        return "category"
    return "datetime" if _has_times(list(counted), form) else "date"


def _kind_of_typed(cells: Cells) -> str:
    values = np.unique(np.asarray(cells))
    if values.dtype.kind == "M":
        return "datetime" if _has_times(cells, "") else "date"
    values = values.astype(np.float64)
    return "boolean" if len(values) and np.isin(values[~np.isnan(values)], (0, 1)).all() else "number"


def form_of(table: Table, name: str, kind: str) -> str:
    """Of dates their format, empty for ISO 8601; ``,`` of decimal commas; ``words`` such as yes and no."""
    cells = table.columns[name]
    if is_typed(cells):
        return ""
    if kind == "boolean":
        digits = {"true", "false", "1", "0", "1.0", "0.0"}
        return "words" if any(word.lower() not in digits for word in present(cells)) else ""
    if kind in ("date", "datetime"):
        return date_format(present(cells))[0]
    return "," if kind == "number" and table.decimal_commas and decimal_commas(cells) else ""


def decimal_commas(cells: Cells) -> bool:
    """Whether some numbers have a decimal comma and nearly all can be read so (1.234,5 too)."""
    counted = present(cells)
    form = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?")
    fitting = sum(times for word, times in counted.items() if form.fullmatch(word))
    return any("," in word for word in counted) and fitting >= MOST * sum(counted.values())


THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
"""Numbers whose points may stand between thousands, or before three decimals."""


def read_either_way(table: Table, name: str) -> str:
    """A number of the column that is a thousand times another where its points are taken otherwise; empty if
    none is, or if other numbers of the column show how they are meant.

    In files with decimal commas alone: ``1.139`` beside ``814`` there, or beside ``7,730``; and ``1,139``
    beside ``814``.
    """
    cells = table.columns[name]
    if not table.decimal_commas or is_typed(cells):
        return ""
    words = present(cells)
    pointed = [word for word in words if "." in word]
    if decimal_commas(cells):
        meant = any("," in word for word in pointed)
        either = next((word for word in pointed if THOUSANDS.fullmatch(word) and not meant), "")
        return either or _commas_either_way(words)
    if not pointed or not all(THOUSANDS.fullmatch(word) for word in pointed):
        return ""
    others = (each for other, each in table.columns.items() if other != name and not is_typed(each))
    return pointed[0] if any(map(decimal_commas, others)) else ""


def _commas_either_way(words: Collection[str]) -> str:
    """``1,139`` where all commas stand before three digits, and some numbers have none."""
    with_commas = [word for word in words if "," in word]
    if len(with_commas) == len(words) or any("." in word for word in words):
        return ""
    thousands = all(THOUSANDS.fullmatch(word.replace(",", ".")) for word in with_commas)
    return with_commas[0] if thousands else ""


def date_format(counted: Counter[str]) -> tuple[str, float]:
    """The format that most cells have, empty for ISO 8601, and the share of those that can be read by it."""
    words, times = list(counted), np.array(list(counted.values()))
    sample = words[:: max(1, len(words) // SAMPLE)]
    matches = {form: sum(re.fullmatch(form, word) is not None for word in sample) for form in FORMS}
    best = max(matches, key=lambda pattern: matches[pattern])
    if not sample or matches[best] < len(sample) / 2:
        return "", 0.0
    read = {form: float(times[dates(words, form).notna()].sum() / times.sum()) for form in FORMS[best]}
    form = max(read, key=lambda each: read[each])
    return form, read[form]


def date_share(table: Table, name: str) -> float:
    """Share of the different cells that look like dates of any known format."""
    if is_typed(table.columns[name]):
        return 0.0
    words = list(present(table.columns[name]))
    sample = words[:: max(1, len(words) // SAMPLE)]
    dated = sum(any(re.fullmatch(form, word) for form in FORMS) for word in sample)
    return dated / max(1, len(sample))


def ambiguous(cells: Cells, form: str) -> str:
    """The other format by which dates can be read as well, where day and month could change places."""
    if not form.startswith("%m"):
        return ""
    swapped = form.replace("%m", "%?").replace("%d", "%m").replace("%?", "%d")
    words = list(present(cells))
    return swapped if dates(words, swapped).notna().all() else ""


def _has_times(cells: Cells, form: str) -> bool:
    stamps = dates(cells, form).dropna()
    return bool((stamps != stamps.dt.normalize()).any())
