"""What trials teach a sampler."""

import math
from collections import Counter

import numpy as np
import pytest
from made_up import known, search_through, study

from sweeper.search.driver import Search
from sweeper.search.history import History, thinned
from sweeper.trial import Outcome, Trial

RATE = {"low": 1e-4, "high": 1.0, "log": True}


def test_failures_that_a_value_explains_count_as_divergence() -> None:
    """Two trials or more, all of which failed; what failed once, or trained once, may be good."""
    history = History()
    rows = [(4, Outcome.COMPLETED), (8, Outcome.FAILED), (8, Outcome.COMPLETED), (13, Outcome.FAILED)]
    rows += [(13, Outcome.FAILED), (21, Outcome.FAILED)]
    for number, (width, outcome) in enumerate(rows):
        parameters = {"optimizer": "adam", "model.width": width, "learning_rate": 0.01 * (number + 1)}
        history.add(known(number, parameters, 1.0, outcome))
    lessons = {trial.number: trial.outcome for trial in history.informative()}
    assert lessons == {
        0: Outcome.COMPLETED,
        2: Outcome.COMPLETED,
        3: Outcome.DIVERGED,
        4: Outcome.DIVERGED,
    }
    assert [trial.number for trial in history.split(2)[1]] == [3, 4]


@pytest.mark.parametrize("sampler", ["auto", "tpe"])
def test_a_value_that_always_fails_is_proposed_no_more_than_its_share(sampler: str) -> None:
    """What nothing is known of looks promising; what fails is known."""
    space = {"optimizer": ["adam"], "activation": ["relu"], "learning_rate": RATE, "model.width": [4, 8, 13]}

    def fails(trial: Trial) -> Outcome | None:
        return Outcome.FAILED if trial.parameters["model.width"] == 13 else None

    asked = study(space, sampler=sampler, trials=60, generation=8)
    trials = search_through(Search(asked), outcome=fails)
    widths = Counter(trial.parameters["model.width"] for trial in trials[20:])
    assert widths[13] <= 40 / 3


def test_good_trials_are_ranked_by_how_they_ended() -> None:
    """Completed before pruned before diverged; failed ones have no rank."""
    history = History()
    outcomes = [Outcome.FAILED, Outcome.DIVERGED, Outcome.PRUNED, Outcome.COMPLETED]
    for number, outcome in enumerate(outcomes):
        history.add(known(number, {}, math.inf if outcome == Outcome.DIVERGED else 1.0, outcome))
    assert len(history) == 3
    assert [[t.number for t in history.split(best)[0]] for best in (1, 2, 3)] == [[3], [2, 3], [1, 2, 3]]


def test_a_long_history_is_thinned_evenly() -> None:
    """At most that many are shown, from the first to the last."""
    assert thinned(list(range(5)), 10) == [0, 1, 2, 3, 4]
    assert (thinned([3, 4, 5], 1), thinned([3, 4, 5], 2)) == ([3], [3, 5])
    shown = thinned(list(range(1000)), 10)
    assert (len(shown), shown[0], shown[-1]) == (10, 0, 999)
    assert np.ptp(np.diff(shown)) <= 1
