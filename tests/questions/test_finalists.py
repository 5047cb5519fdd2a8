"""What is said of the finalists that did not win."""

import pytest
from report_inputs import asked_of, made_input, spoken
from synthetic_records import SyntheticRecords

from sweeper.answer.comparison import FAILS, WORSE
from sweeper.questions import comparison


@pytest.mark.parametrize(
    ("dropped", "low", "told", "expected"),
    [
        (True, -0.1, WORSE, comparison.LEFT),
        (True, 0.1, WORSE, WORSE),
        (False, -0.1, WORSE, WORSE),
        (True, -0.1, FAILS, FAILS),
    ],
)
def test_who_left_the_race_is_worse_only_where_shown(
    records: SyntheticRecords, dropped: bool, low: float, told: str, expected: str
) -> None:
    """An interval around 0 to the winner does not call worse whom the race dropped earlier."""
    asked = asked_of(made_input(records))
    frame = asked.tables["comparison"]
    others = frame.index[1:]
    frame = frame.assign(dropped=dropped, verdict=told)
    frame.loc[others, ["difference", "difference_low", "difference_high"]] = [0.2, low, 0.5]
    said = spoken(comparison.sentences(asked.run, {**asked.tables, "comparison": frame}))
    assert comparison.VERDICTS[expected] in said[0]
