"""Every column of every table on the page is explained there, or is a word of the study file."""

import pytest
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.questions import QUESTIONS, TABLES
from sweeper.questions.question import Shown
from sweeper.report.columns import MEANINGS, OF_TABLE, meaning
from sweeper.study.parameters import PARAMETERS

PLAIN = {*PARAMETERS, "label", "loss", "outcome", "parameter", "reason", "seed", "step", "value"}
"""Settings, and what a heading says in full."""
SHOWN = {part.table: part for question in QUESTIONS for part in question.shown}


@pytest.mark.parametrize("part", SHOWN.values(), ids=SHOWN)
def test_every_column_is_explained(part: Shown, records: SyntheticRecords) -> None:
    """Whatever a table shows has a meaning there, but for names that say it."""
    shown = part.view(TABLES[part.table](made_input(records)))
    assert [c for c in shown.columns if c not in PLAIN and not meaning(part.table, c)] == []


def test_no_column_is_explained_that_a_table_does_not_have(records: SyntheticRecords) -> None:
    """An explanation of a table is one of a column that it has."""
    run = made_input(records)
    for table in set(OF_TABLE) & set(TABLES):
        assert set(OF_TABLE[table]) <= set(TABLES[table](run).columns) | set(MEANINGS), table
