"""Numbers of one kind that stand side by side have the same digits, zeros at the end included."""

import re
from dataclasses import replace

import numpy as np
import pytest
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.answer.learning import Learning
from sweeper.answer.placing import at_worst
from sweeper.answer.ranked import LOSS
from sweeper.report.facts import _at_end
from sweeper.wording import interval, number


@pytest.mark.parametrize(
    ("mean", "end", "said"),
    [
        ("2.30253", 2.3, "2.30000"),
        ("2.317", 2.38, "2.380"),
        ("0.100", 0.1, ""),
        ("0.100", 0.10049, ""),
        ("3", 2.99999, ""),
        ("2e-5", 3e-5, "3e-5"),
        ("2.5", 1e9, "1e9"),
        ("2.5", float("nan"), ""),
    ],
)
def test_the_last_evaluation_has_the_decimals_of_the_mean(
    records: SyntheticRecords, mean: str, end: float, said: str
) -> None:
    """Where it reads otherwise; very small and very large ones are written as such."""
    found = made_input(records).answer
    assert found is not None
    learned = Learning(1.0, 0.5, 0.4, 0.6, 5, True, 0.6, 20, 0.7, at_end=end)
    text = _at_end(replace(found, learning=learned), mean)
    assert text == (f"; at the last one {said} on average" if said else "")


@pytest.mark.parametrize("high", [9.31e-4, 9.3e-4, 9e-4])
def test_how_much_worse_finalists_may_be_has_three_digits(high: float) -> None:
    """Also where the last of them is 0, which stands beside one that is not."""
    row = {"difference": high / 3, "difference_low": -high / 4, "difference_high": high}
    found = re.fullmatch(
        r"may be up to ([\d.]+)(e-\d)? worse", at_worst({**row, "mean": 0.1, "cut": ""}, LOSS)
    )
    assert found is not None
    assert len(found[1].lstrip("0.").replace(".", "")) == 3


def test_an_interval_of_small_numbers_has_the_same_digits() -> None:
    """0 is 0; without zeros asked for, a number has none at its end."""
    assert interval(2.5e-4, -1.4e-4, 9.31e-4) == ("2.50e-4", "−1.40e-4", "9.31e-4")
    assert interval(*np.array([0.0, -1e-5, 1e-5])) == ("0", "−1.00e-5", "1.00e-5")
    assert [number(value, full=True) for value in (0.05, 1.0, 123.0, 1e-5, 2e7)] == [
        *("0.0500", "1.00", "123", "1.00e-5", "2.00e7")
    ]
    assert [number(value) for value in (0.05, 1.0, 123.0, 1e-5)] == ["0.05", "1", "123", "1e-5"]
