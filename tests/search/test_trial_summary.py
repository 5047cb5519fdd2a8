"""What the search remembers of a trial."""

import math

import pytest
from made_up import result

from sweeper.search.trial_summary import summarize
from sweeper.trial import Outcome, Trial, TrialResult


def test_the_objective_may_be_an_error_rate() -> None:
    """It is one minus the accuracy, point by point."""
    trial = Trial(0, "explore", 0, {})
    plain = result(trial, 1.0)
    accurate = type(plain)(
        trial,
        Outcome.COMPLETED,
        0.1,
        10,
        0.1,
        "reference",
        "",
        ((0, "validation_accuracy", 0.25), (10, "validation_accuracy", 0.9)),
    )
    assert summarize(accurate, "validation_error").curve == {0: 0.75, 10: pytest.approx(0.1)}


def test_points_that_are_not_finite_are_not_remembered() -> None:
    """Neither sampler nor pruner nor Optuna's storage hears of them."""
    trial = Trial(0, "explore", 0, {})
    curve = tuple(
        (step, "validation_loss", value) for step, value in ((0, 1.0), (5, math.inf), (9, math.nan))
    )
    odd = TrialResult(trial, Outcome.DIVERGED, math.nan, 9, 0.1, "reference", "", curve)
    assert summarize(odd, "validation_loss").curve == {0: 1.0}
