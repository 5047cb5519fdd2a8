"""What to do where the test rows are too few to show what the validation rows do."""

from sweeper.answer.answer import Answer
from sweeper.report.doubts import FEW_ROWS
from sweeper.study.command_line import option
from sweeper.study.study import Study
from sweeper.wording import count, fixed

WANTED, MOST = 100, 0.4
"""Test rows to split off, and the largest share of all rows that they may take."""


def more_test_rows(study: Study, answer: Answer) -> tuple[str, tuple[str, ...]] | None:
    """What to do, and the setting: a larger share of test rows, where the winner beats guessing on validation
    rows and the test rows are few; ``None`` where the data come split, or have no rows to spare."""
    own = answer.baseline.objective if answer.baseline is not None else None
    rows, everything = answer.rows.get("test", 0), sum(answer.rows.values())
    if own is None or own.part != "validation" or not own.better or not 0 < rows < FEW_ROWS:
        return None
    if answer.rows["validation"] < 1.5 * rows:  # which cannot show much more
        return None
    train, validation, test = study.data.split
    share = round(min(max(2 * test, WANTED / everything), MOST, test + train / 2), 2)
    drawn = abs(rows / everything - test) < 0.05  # else the data came split
    shares = [fixed(part, 2) for part in (1 - share - validation, validation, share)]
    setting = f"data.split=[{', '.join(shares)}]"
    if not drawn or share < 1.5 * test or not option(study, setting):
        return None
    text = f"{count(rows, 'test row')} cannot show what the {answer.rows['validation']} of validation do: "
    return f"{text}split off more of them, in a run of its own:", (setting,)
