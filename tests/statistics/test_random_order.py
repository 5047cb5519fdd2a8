"""Average precision of rows in random order."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from sweeper.statistics.random_order import spread_of_average_precision


@pytest.mark.parametrize(("rows", "share"), [(48, 0.5), (300, 0.1), (9000, 0.3)])
def test_the_spread_is_that_of_random_scores(rows: int, share: float) -> None:
    """Random scores of the same rows, scored by another library, spread as much."""
    generator = np.random.default_rng(1)
    labels = np.arange(rows) < round(share * rows)
    scores = [average_precision_score(labels, generator.random(rows)) for _ in range(300)]
    assert spread_of_average_precision(rows, share) == pytest.approx(np.std(scores), rel=0.2)
