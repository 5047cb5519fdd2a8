"""What is wrong with a cell of a table, in words."""

import math
import re

from sweeper.errors import shown


def is_number(word: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return "_" not in word and math.isfinite(float(word))
    except ValueError:
        return False


def looks_like_a_number(word: str) -> bool:
    """A number, or what somebody may have meant as one."""
    lower = word.lower()
    return (
        is_number(word)
        or lower in ("true", "false")
        or infinite(lower)
        or comma(lower) != ""
        or adorned(lower)
        or (re.fullmatch(r"[+-]?\d[\d_]*", lower) is not None)
    )


def infinite(word: str) -> bool:
    """Whether a text means infinity, or a number that is larger than any that a computer has."""
    try:
        return "_" not in word and math.isinf(float(word))
    except ValueError:
        return False


def comma(word: str) -> str:
    """What is wrong with a number that has a comma; empty if it has none."""
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", word):
        return (
            "has a comma; leave it out between thousands, or read the file in a function of your own by "
            "pandas.read_csv(…, thousands=','); write a point before decimals"
        )
    return "has a decimal comma; write a point" if re.fullmatch(r"[+-]?\d+,\d+", word) else ""


def adorned(word: str) -> bool:
    """Whether a text is a number with a sign of percent or of a currency, or blanks between thousands."""
    signed = r"[+-]?[€$£¥] ?[\d.,]*\d|[+-]?\d[\d.,]* ?[%€$£¥]"
    return re.fullmatch(signed + r"|[+-]?\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d+)?", word) is not None


def number_fault(word: str, form: str, is_given: bool) -> str:
    """Why a cell of a column of numbers is none."""
    if infinite(word):
        return f"{shown(word)} is not finite; every value must be a finite number"
    if form != "," and comma(word):
        return f"{shown(word)} {comma(word)}"
    if adorned(word):
        plain = "is a number with a sign or blanks in it; write the number alone"
        return f"{shown(word)} {plain}" + ("" if is_given else ', or say "category" in data.columns')
    if is_given:
        return f"{shown(word)} is not a number; correct it, or say something else in data.columns"
    return (
        f"{shown(word)} is not a number, as most of this column are; correct it, leave it empty, or say "
        '"category" in data.columns'
    )


def boolean_fault(word: str, form: str, is_given: bool) -> str:
    """Why a cell of a boolean column is none."""
    return f"{shown(word)} is no truth value; allowed: true and false, yes and no, 1 and 0"


def date_fault(word: str, form: str, is_given: bool) -> str:
    """Why a cell of a column of dates is none."""
    written = f"written as {form}" if form else "written as YYYY-MM-DD"
    other = "another format" if is_given else "correct it, leave it empty, or say a format or"
    return f"{shown(word)} is no date {written}; {other}" + (
        ' such as "date %d.%m.%Y" in data.columns' if is_given else ' "category" in data.columns'
    )


FAULTS = {
    "number": number_fault,
    "boolean": boolean_fault,
    "date": date_fault,
    "datetime": date_fault,
}
"""Kind of a column -> what is wrong with a cell (text, format, whether the study says what the column is)."""


def target_fault(word: str) -> str:
    """Why a cell of a target is no number."""
    if infinite(word) or comma(word) or adorned(word):
        return number_fault(word, "", True)
    return f"{shown(word)} is not a number; every value must be one (encode text as numbers first)"
