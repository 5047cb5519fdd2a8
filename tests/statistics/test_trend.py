"""Whether one thing rises with another."""

import numpy as np
import pytest

from sweeper.statistics.trend import rises


@pytest.mark.parametrize(
    ("at", "values", "expected"),
    [
        ([1, 2, 3, 4, 5], [1.0, 2.0, 3.0, 4.0, 5.0], True),
        ([1, 2, 3, 4, 5], [5.0, 4.0, 3.0, 2.0, 1.0], False),
        ([1, 2, 3], [1.0, 2.0, 3.0], False),
        ([1, 2, 3, 4], [1.0, 1.0, 1.0, 1.0], False),
        ([1], [1.0], False),
    ],
    ids=["rises", "falls", "three are too few", "nothing changes", "one"],
)
def test_a_rise_takes_more_than_luck(at: list[int], values: list[float], expected: bool) -> None:
    """Five in order are one of 120 orders; three one of six."""
    assert rises(np.array(at), np.array(values)) is expected
