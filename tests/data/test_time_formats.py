"""The column that splits rows in time: read as the study says, and told where it can be read in two ways."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeper.data.keys import Keys
from sweeper.data.splits import rows_of_parts
from sweeper.data.tables import read_frame
from sweeper.errors import DataError
from sweeper.study.study import Study
from sweeper.training.data_lines import data_lines
from sweeper.training.setup import Task

SHARES = (0.6, 0.2, 0.2)
DAYS = pd.Series(
    pd.to_datetime([f"2024-{month:02}-{day:02}" for month in range(1, 13) for day in range(1, 11)])
)
ORDER = np.random.default_rng(0).permutation(len(DAYS))


def written(form: str) -> pd.DataFrame:
    """Rows in any order, whose days are written in this format."""
    days = DAYS.iloc[ORDER].dt.strftime(form).to_list()
    return pd.DataFrame({"x": np.arange(120.0), "t": days, "y": ORDER % 2})


def train_rows(frame: pd.DataFrame, **keys: Any) -> list[int]:
    """Numbers of the training rows."""
    data = read_frame(frame, "y", Keys(time="t", **keys), "classification")
    return sorted(rows_of_parts(data, SHARES, seed=0, test_seed=0)[0].tolist())


@pytest.mark.parametrize("drop", [[], ["t"]])
@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d%m%Y", "%d-%b-%Y", "%y-%m-%d", "%d.%m.%Y"])
def test_rows_are_split_by_dates_as_the_study_says_they_are_written(form: str, drop: list[str]) -> None:
    """The first three fifths of the days train, whatever else the texts could mean."""
    kept = train_rows(written(form), columns={"t": f"date {form}"}, drop=drop)
    assert kept == sorted(np.argsort(ORDER)[:72].tolist())


def test_a_column_that_only_splits_is_none_of_the_inputs() -> None:
    """Its format is said in `columns`, and that it is no input in `drop`."""
    keys = Keys(time="t", columns={"t": "date %d/%m/%Y"}, drop=["t"])
    assert [c.name for c in read_frame(written("%d/%m/%Y"), "y", keys, "classification").columns] == ["x"]


@pytest.mark.parametrize(("columns", "told"), [({}, True), ({"t": "date %d/%m/%Y"}, False)])
def test_that_days_may_come_first_is_told_of_what_only_splits(columns: dict[str, str], told: bool) -> None:
    """As of an input: else rows of the future train without a word."""
    source = {"source": written("%d/%m/%Y"), "target": "y", "time": "t", "columns": columns}
    study = Study(name="told", data=source, model={"source": "mlp"})
    data = read_frame(source["source"], "y", Keys(time="t", columns=columns), "classification")
    (line,) = [line for line in data_lines(Task(study, data)) if "splits the rows" in line]
    assert ('read as month/day/year; if days come first, say "date %d/%m/%Y" in data.columns' in line) is told


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, 'say how it is written in data.columns, such as "date %d-%b-%Y"'),
        ({"t": "date %Y-%m-%d"}, "is no date written as %Y-%m-%d; another format"),
    ],
)
def test_dates_of_another_format_say_how_to_name_it(columns: dict[str, str], said: str) -> None:
    """Instead of calling them no dates."""
    with pytest.raises(DataError) as caught:
        train_rows(written("%d-%b-%Y"), columns=columns)
    assert said in str(caught.value)
