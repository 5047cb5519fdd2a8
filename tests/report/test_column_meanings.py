"""Columns whose headings do not say what they hold are explained below their table."""

import pytest
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.questions import TABLES
from sweeper.report.grid import meaning

UNCLEAR = {
    "comparison": (
        "extras simplest expected_regret p_better cut tied optimism mean_optimism dropped regret_seeds"
    ),
    "basins": "within blind lost_share",
    "gradient_verdicts": "cut sure",
    "divergence": "pooled tried_high",
    "finalists": "cut dropped",
    "stability_trials": "above_intact",
}


@pytest.mark.parametrize("table", UNCLEAR)
def test_unclear_columns_are_explained(table: str, records: SyntheticRecords) -> None:
    """Each of them is a column of its table, and has a meaning there."""
    columns = UNCLEAR[table].split()
    assert set(columns) <= set(TABLES[table](made_input(records)).columns)
    assert [column for column in columns if not meaning(table, column)] == []
