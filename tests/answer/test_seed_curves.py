"""The curves of trainings: of the page, and of what the answer says of its seeds."""

import math

import numpy as np
import pandas as pd

from sweeper.answer.learning import ending_counts
from sweeper.answer.seed_curves import seed_curves
from sweeper.statistics.curve_class import IMPROVING, TOO_SHORT

COLUMNS = ["trial", "seed", "step", "metric", "value"]


def test_a_training_has_each_step_once_and_in_order() -> None:
    """Of a step on record twice the last value counts; what is not finite is left out."""
    rows = [
        (7, 1, 20, "validation_loss", 3.0),
        (7, 1, 0, "validation_loss", 5.0),
        (7, 1, 10, "validation_loss", 9.0),
        (7, 1, 10, "validation_loss", 4.0),
        (7, 1, 30, "validation_loss", math.nan),
        (7, 1, 10, "train_loss", 8.0),
        (7, 1, 10, "train_loss", 2.0),
        (7, 2, 0, "validation_loss", 6.0),
        (3, 2, 0, "validation_loss", 1.0),
        (3, 4, 0, "accuracy", 1.0),
    ]
    found = list(seed_curves(pd.DataFrame(rows, columns=COLUMNS)))
    assert [(trial, seed, steps.tolist()) for trial, seed, (steps, *_) in found] == [
        (3, 2, [0]),
        (7, 1, [0, 10, 20]),
        (7, 2, [0]),
    ]
    _, losses, train = found[1][2]
    assert losses.tolist() == [5.0, 4.0, 3.0]
    np.testing.assert_array_equal(train, [math.nan, 2.0, math.nan])
    assert list(seed_curves(pd.DataFrame(columns=COLUMNS))) == []


def test_endings_are_counted_by_training() -> None:
    """Short curves too, as on the page."""
    rows = [(0, 1, step, "validation_loss", 10.0 - step) for step in range(9)]
    rows += [(0, 2, step, "validation_loss", 10.0 - step) for step in range(3)]
    assert ending_counts(pd.DataFrame(rows, columns=COLUMNS)) == {IMPROVING: 1, TOO_SHORT: 1}
