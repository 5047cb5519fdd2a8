"""An accuracy where one class has most of the rows is told to say little."""

from dataclasses import replace

import pytest
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.baseline import Against, Baseline
from sweeper.report.doubts import warnings
from sweeper.wording import interval


@pytest.mark.parametrize(
    ("score", "value", "guess", "said"),
    [
        ("accuracy", 0.95, 0.93, True),
        ("accuracy", 0.95, 0.5, False),
        ("error", 0.05, 0.07, True),
        ("error", 0.05, 0.4, False),
        ("loss", 0.2, 0.93, False),
    ],
)
def test_large_classes(records: SyntheticRecords, score: str, value: float, guess: float, said: bool) -> None:
    """Where one label for all rows is right on most of them, another objective is named, by its key."""
    run = made_input(records)
    assert run.answer is not None
    gain = abs(value - guess)
    own = Against("validation", score, value, guess, gain, gain / 2, 2 * gain, 5, score == "accuracy")
    told = warnings(made_study(), replace(run.answer, baseline=Baseline("it", "", own, ())), None)
    assert any("validation_balanced_accuracy" in text and "93 %" in text for text in told) is said


def test_large_numbers_have_as_many_digits_as_tell_them_apart() -> None:
    """Losses of targets in millions are no rows of twelve digits, and ends that differ read otherwise."""
    assert interval(1.55e11, 1.32e11, 1.67e11) == ("1.55e11", "1.32e11", "1.67e11")
    mean, low, high = interval(1.70412e11, 1.70398e11, 1.70421e11)
    assert len({mean, low, high}) == 3
    assert interval(2e6, 2e6, 2e6) == ("2e6", "2e6", "2e6")
