"""How many trials fit into the time that is left."""

import math
import time

import pytest

from sweeper.search.forecast import Forecast, fitting
from sweeper.trial import Trial


@pytest.mark.parametrize(
    ("left", "each", "confirm", "done", "fits"),
    [
        (100.0, 1.0, 50, 10, 60),  # 50 trials and 50 confirmations more
        (1000.0, 1.0, 50, 10, 120),  # as many as were asked for
        (30.0, 1.0, 50, 10, 10),  # not even the confirmations: nothing more is searched
        (-5.0, 1.0, 0, 10, 10),
        (math.inf, 1.0, 50, 0, 120),  # no limit
        (10.0, 0.0, 50, 0, 120),  # nothing is known yet
    ],
)
def test_what_fits_is_planned(left: float, each: float, confirm: int, done: int, fits: int) -> None:
    """Confirmation has its time reserved; what is finished stays, and no more than asked is searched."""
    assert fitting(left, each, confirm, done, 120) == fits


def test_a_generation_is_cut_to_what_fits_and_told_once() -> None:
    """By the plan before anything has finished; nothing fits where confirmation takes all that is left."""
    told: list[str] = []
    trials = [Trial(n, "explore", 0, {}) for n in range(10)]
    roomy = Forecast(time.monotonic() + 1000, 50, 120, 0, lambda trial: 1.0, told.append)
    assert roomy.those_that_fit(trials, 0) == trials
    assert told == []
    tight = Forecast(time.monotonic() + 57.5, 50, 120, 0, lambda trial: 1.0, told.append)
    assert tight.those_that_fit(trials, 0) == trials[:7]
    assert told == ["at most 7 trials and 50 confirmations fit, at 1 s a training"]
    assert tight.those_that_fit([], 7) == []
    late = Forecast(time.monotonic() + 10, 50, 120, 7, lambda trial: 1.0, told.append)
    assert late.those_that_fit(trials, 7) == []
    assert told[1:] == ["no further trial fits, at 1 s a training"]


def test_one_trial_is_trained_however_late_it_is() -> None:
    """Without any, a run would end without an answer."""
    told: list[str] = []
    late = Forecast(time.monotonic() - 5, 50, 120, 0, lambda trial: 1.0, told.append)
    trials = [Trial(n, "explore", 0, {}) for n in range(10)]
    assert late.those_that_fit(trials, 0) == trials[:1]
    assert told == ["not one trial fits, and one is trained all the same, at 1 s a training"]
    assert late.those_that_fit(trials[1:], 1) == []
