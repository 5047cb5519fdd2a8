"""Values in a study file and behind `--set`: what is printed is read back as the same value."""

import tomllib
from typing import Any

import pytest

from sweeper.study.override import apply
from sweeper.toml_text import for_set, in_toml

TEXTS = ["plain", "own.py:Snake", "true", "inf", "nan", "1", "2024-01-01", "two words", "a, b", "größe"]
ODD_TEXTS = ["", " x ", "'a'", '"a"', "\U0001f600", "a\\b", "tab\tnew\nline", "=", "[x]"]
NUMBERS = [True, False, 0, -3, 1e-05, 1e300, -0.25, 1e22]
LISTS = [[1, 2.5], ["a", "true"], [], list(range(60))]
TABLES = [{"low": 1e-07, "high": 0.1}, {"own.py:Snake": [1], "with space": {"a": "b"}}]
VALUES: list[Any] = [*TEXTS, *ODD_TEXTS, *NUMBERS, *LISTS, *TABLES]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_in_toml_is_one_line_that_toml_reads_back(value: Any) -> None:
    """Strings of all letters, numbers, lists and tables with any keys."""
    text = in_toml(value)
    assert "\n" not in text
    assert tomllib.loads(f"v = {text}") == {"v": value}


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a_value_behind_set_is_taken_as_it_is(value: Any) -> None:
    """Texts that look like a number, a truth value or a date stay texts."""
    raw: dict[str, Any] = {}
    apply(raw, (f"own.key={for_set(value)}",))
    assert raw == {"own": {"key": value}}


def test_a_plain_word_has_no_quotes_behind_set() -> None:
    """As people type it."""
    assert for_set("own.py:Snake") == "own.py:Snake"
    assert for_set({"low": 1e-05, "high": 0.1}) == "{low = 1e-5, high = 0.1}"
