"""A CSV file holds no formulas, and every number as it was."""

import io

import pandas as pd
import pytest

from sweeper.spreadsheet import to_csv


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1"]
)
def test_text_is_no_formula(text: str) -> None:
    """Cells and headings of text that a spreadsheet would compute begin with an apostrophe."""
    frame = pd.DataFrame({text: [text, "plain", None], "n": [-1.5, 2, 3]})
    read = pd.read_csv(io.StringIO(to_csv(frame)), lineterminator="\n" if "\r" in text else None)
    assert read.columns[0] == f"'{text}"
    assert read.iloc[0, 0] == f"'{text}"
    assert read.iloc[1, 0] == "plain"
    assert read["n"].tolist() == [-1.5, 2, 3]


def test_numbers_stay_numbers() -> None:
    """Negative, infinite and very small numbers, also in a column of text, and truth values are untouched."""
    frame = pd.DataFrame(
        {"x": [-1e-300, float("-inf")], "t": ["-0.5", "+1e-3"], "b": [True, False], "m": [-1, "a"]}
    )
    assert to_csv(frame) == "x,t,b,m\n-1e-300,-0.5,True,-1\n-inf,+1e-3,False,a\n"
    assert frame["t"].tolist() == ["-0.5", "+1e-3"]
