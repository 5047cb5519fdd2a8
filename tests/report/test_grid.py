"""Cells of the page's tables: text as it is, settings of several values as lists, keys to sort by."""

import math

import pandas as pd

from sweeper.report.grid import grid


def shown(values: list[object]) -> list[str]:
    """The cells of a column of these values."""
    return [row[0].text for row in grid("trials", "", pd.DataFrame({"layer": values})).rows]


def test_names_that_read_as_numbers_stay() -> None:
    """Layer 1.10 of a nested model is another one than 1.1, and a host may be called 1e3."""
    names = ["0.0", "0.10", "0.1", "1e3", "null", "NaN"]
    assert shown(list(names)) == names


def test_settings_of_several_values_are_lists() -> None:
    """As records hold them in JSON: lists, truth values, and text that would be taken for something else."""
    assert shown(["[0.9, 0.999]", "true", '"1"']) == ["(0.9, 0.999)", "yes", "1"]


def test_what_is_infinite_sorts_as_a_number() -> None:
    """The page's script reads keys with parseFloat, which knows Infinity and no inf."""
    rows = grid("trials", "", pd.DataFrame({"ratio": [1.0, math.inf, -math.inf, math.nan]})).rows
    assert [row[0].key for row in rows] == ["1.0", "Infinity", "-Infinity", ""]
