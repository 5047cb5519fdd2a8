"""Intervals of scores that have a best and a worst value."""

import math

import pytest

from sweeper.answer.bounds import bounded


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("accuracy", (0.0, 1.0)),
        ("validation_auc (higher is better)", (0.0, 1.0)),
        ("validation_error", (0.0, 1.0)),
        ("mcc", (-1.0, 1.0)),
        ("r2", (-math.inf, 1.0)),
        ("validation_loss", (-math.inf, math.inf)),
        ("top_5_accuracy", (0.0, 1.0)),
    ],
)
def test_no_interval_reaches_beyond_the_score(metric: str, expected: tuple[float, float]) -> None:
    """Both ends are cut where the score can go no further; losses are left alone."""
    assert bounded(metric, -math.inf, math.inf) == expected
    assert bounded(metric, 0.2, 0.3) == (0.2, 0.3)
