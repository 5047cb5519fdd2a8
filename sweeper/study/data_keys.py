"""The keys of ``[data]`` about columns, split and classes, checked."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sweeper.data.keys import NAMES, Keys, key_problems
from sweeper.errors import Mistake
from sweeper.study.arguments import signature
from sweeper.study.sections import DataSection

MOST_CLASSES = 1_000_000
RANDOM, STRATIFIED, GROUPS, TIME, GIVEN = "random", "stratified", "groups", "time", "given"
"""How rows are split, as ``baselines.json`` has it."""
SPLIT_KEYS = ("group", "time", "stratify")
"""Keys that say by what rows are split."""
LIST = "must be a list of names of columns"
COLUMN = "must be the name of a column"
TABLE = 'must be a table such as { city = "category", sold = "date", id = "drop" }'


def given_keys(section: DataSection) -> dict[str, Any]:
    """The keys that are set, by name."""
    return {name: value for name in NAMES if (value := getattr(section, name)) is not None}


def check_keys(data: DataSection, function: Callable[..., Any] | None, mistakes: list[Mistake]) -> bool:
    """Whether the types of the keys are right; those that `function` asks for are its own."""
    taken = set(signature(function)) if function is not None else set()
    before = len(mistakes)
    for name, problem in _types(data):
        if name not in taken:
            mistakes.append(Mistake(f"data.{name}", problem, getattr(data, name)))
    return len(mistakes) == before


def _types(data: DataSection) -> Iterator[tuple[str, str]]:
    if data.columns is not None and not isinstance(data.columns, Mapping):
        yield "columns", TABLE
    if data.drop is not None and not _is_list_of_names(data.drop):
        yield "drop", LIST
    for name in ("group", "time"):
        if not isinstance(getattr(data, name), str | None):
            yield name, COLUMN
    if not isinstance(data.stratify, str | bool | None):
        yield "stratify", f"{COLUMN}, or true or false"
    if data.classes is not None and not (
        isinstance(data.classes, int)
        and not isinstance(data.classes, bool)
        and 2 <= data.classes <= MOST_CLASSES
    ):
        yield "classes", f"must be a whole number from 2 to {MOST_CLASSES:,}"


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, tuple) and all(isinstance(name, str) for name in value)


def check_names(data: DataSection, names: list[str], mistakes: list[Mistake]) -> None:
    """Whether a table with columns of these names has what the keys name."""
    for key, value, problem in key_problems(names, data.target, Keys(**given_keys(data))):
        mistakes.append(Mistake(key, problem, value))
