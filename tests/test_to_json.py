"""What is printed or kept as JSON is valid JSON, whatever was measured."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeper.answer.answer import Answer, Interval, answer
from sweeper.to_json import to_json

PACKAGE = Path(__file__).parents[1] / "sweeper"
OF_TEXT_OR_PARAMETERS = {
    "doctor/compute.py",
    "doctor/finding.py",
    "doctor/apart.py",
    "records/run_files.py",
    "records/rules.py",
    "records/run_folder.py",
    "records/schema.py",
    "records/script_file.py",
    "report/script/functions.py",
    "search/as_written.py",
    "search/dashboard.py",
    "search/distributions.py",
    "search/journal.py",
    "search/storage.py",
    "to_json.py",
}
"""Files that make JSON of text and of parameters, which a study holds only if they are finite."""


def strictly_read(text: str) -> Any:
    """The value; ``NaN`` and ``Infinity`` are refused, as other languages' readers do."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, -math.inf, np.float64("nan"), np.float32("inf"), pd.NA, pd.NaT],
    ids=str,
)
def test_a_number_that_is_none_is_null(value: Any) -> None:
    """At any depth; missing values of pandas are no numbers either."""
    found = strictly_read(to_json({"a": [1, {"b": (value,)}], "c": value}))
    assert found == {"a": [1, {"b": [None]}], "c": None}


def test_other_values_are_what_they_are() -> None:
    """Numbers of NumPy become plain ones, keys text, paths and unknown objects their text."""
    found = to_json(
        {1: np.int64(3), "b": np.bool_(True), "p": Path("x"), "a": np.array([1.5, np.nan]), "n": None}
    )
    assert strictly_read(found) == {"1": 3, "b": True, "p": "x", "a": [1.5, None], "n": None}


def test_an_answer_without_numbers_is_json() -> None:
    """``best --json`` of a winner whose scores are NaN or infinite."""
    interval = Interval(math.inf, math.nan, math.inf, seeds=2)
    told = Answer(3, {"betas": (0.9, 0.99)}, -math.inf, interval, {"loss": math.nan, "r2": -math.inf}, ())
    assert strictly_read(to_json(told.to_dict())) == {
        "trial": 3,
        "parameters": {"betas": [0.9, 0.99]},
        "objective": None,
        "standing": "provisional",
        "confirmed": {"mean": None, "low": None, "high": None, "seeds": 2},
        "test": {"loss": None, "r2": None},
        "tied": [],
        "not_ranked": [],
        "learned": None,
        "baseline": None,
        "gain": None,
        "warnings": [],
    }


def test_a_mean_over_seeds_of_which_one_is_no_number_is_none() -> None:
    """A seed whose test loss is NaN is not left out without a word; the file holds ``null``."""
    trials = pd.DataFrame(
        {"trial": [0], "phase": ["explore"], "seed": [0], "outcome": ["completed"], "objective": [1.0]}
    )
    kept = json.loads(
        to_json({"trial": 0, "scores": [{"loss": math.nan, "r2": 1.0}, {"loss": 1.0, "r2": 2.0}]})
    )
    found = answer(trials, kept)
    assert found is not None
    assert found.test is not None
    assert math.isnan(found.test["loss"])
    assert found.test["r2"] == 1.5


def test_nothing_else_makes_json_of_measurements() -> None:
    """`json.dumps` writes bare ``NaN`` or raises: whoever prints measurements goes through `to_json`."""
    users = {
        file.relative_to(PACKAGE).as_posix()
        for file in PACKAGE.rglob("*.py")
        if "json.dumps(" in file.read_text(encoding="utf-8")
    }
    assert users <= OF_TEXT_OR_PARAMETERS
