"""Test rows that are too few to show what the validation rows do: more of them are split off."""

from dataclasses import replace

import pytest
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.baseline import Against, Baseline
from sweeper.report.few_test_rows import more_test_rows


@pytest.mark.parametrize(
    ("rows", "split", "asked"),
    [
        ({"train": 90, "validation": 81, "test": 9}, [0.5, 0.45, 0.05], "data.split=[0.25, 0.45, 0.30]"),
        ({"train": 1500, "validation": 500, "test": 20}, [0.74, 0.25, 0.01], "data.split=[0.70, 0.25, 0.05]"),
        ({"train": 90, "validation": 50, "test": 40}, [0.5, 0.28, 0.22], ""),
        ({"train": 90, "validation": 81, "test": 9}, [0.6, 0.2, 0.2], ""),
        ({"train": 96, "validation": 12, "test": 12}, [0.8, 0.1, 0.1], ""),
        ({"train": 20, "validation": 10, "test": 20}, [0.4, 0.2, 0.4], ""),
    ],
    ids=["few", "few of many", "enough", "the data came split", "as few of validation", "none to spare"],
)
def test_more_rows_are_split_off(
    records: SyntheticRecords, rows: dict[str, int], split: list[float], asked: str
) -> None:
    """Enough for a hundred test rows, but never more than half of the training rows."""
    own = Against("validation", "loss", 0.2, 1.0, 0.8, 0.7, 0.9, 5, higher=False)
    answer = made_input(records).answer
    assert answer is not None
    answer = replace(answer, rows=rows, baseline=Baseline("it", "", own, ()))
    found = more_test_rows(made_study(data={"source": "wine", "split": split}), answer)
    assert (found[1] if found else ("",)) == (asked,)
    unshown = replace(answer, baseline=Baseline("it", "", replace(own, low=-0.1), ()))
    assert more_test_rows(made_study(data={"source": "wine", "split": split}), unshown) is None
