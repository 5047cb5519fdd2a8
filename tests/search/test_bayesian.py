"""Proposals by the additive surrogate."""

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from made_up import MIXED, bowl, known, study
from threadpoolctl import threadpool_limits

from sweeper.search import explore
from sweeper.search.bayesian import Bayesian, log_improvement, propose_evenly, scores
from sweeper.search.history import History
from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome


def never(parameters: object) -> bool:
    """Nothing is taken."""
    return False


def history_of(count: int) -> History:
    """Random trials of `bowl` on a mixed space."""
    history = History()
    for number, parameters in enumerate(explore.points(study(MIXED).space, (), count, 0, "random")):
        history.add(known(number, parameters, bowl(parameters)))
    return history


def test_the_same_trials_give_the_same_proposals() -> None:
    """Nothing but trials and seed decides."""
    asked, history = study(MIXED), history_of(30)
    first, second = (propose_evenly(asked, history, 8, 4, never) for _ in range(2))
    assert first == second != propose_evenly(asked, history, 8, 5, never)


def test_it_finds_what_is_good() -> None:
    """After 30 random trials of a mixed space its proposals are far better than those were."""
    proposals = propose_evenly(study(MIXED), history_of(30), 10, 0, never)
    values = [bowl(parameters) for parameters, phase in proposals if phase == "exploit"]
    assert len(values) >= 5
    before = [bowl(trial.parameters) for trial in history_of(30).trials]
    assert np.median(values) < 0.5 * np.median(before)


@pytest.mark.parametrize(
    "values", [[3.0], [0.5, 0.5], [math.inf, math.inf], [0.0, 1e-9, -2.0, 4.0], [math.inf, 1.0]]
)
def test_whatever_the_losses_there_are_proposals(values: list[float]) -> None:
    """One trial, equal ones, only divergence, negative losses: scores are finite, proposals are made."""
    space = study(MIXED).space
    trials = [
        known(n, p, v)
        for n, (p, v) in enumerate(
            zip(explore.points(space, (), len(values), 0, "random"), values, strict=True)
        )
    ]
    assert np.isfinite(scores(trials)).all()
    model = Bayesian(space, ("optimizer",), trials)
    assert len(list(model.propose(3, np.random.default_rng(0), never, {"optimizer": "adam"}))) == 3


def test_the_order_of_good_losses_stays_and_bad_ones_come_near() -> None:
    """Scores rise with the loss; diverged trials are the worst; the far tail is pulled in."""
    values = [0.1, 0.2, 0.4, 0.8, 100.0, math.inf]
    trials = [known(n, {}, v) for n, v in enumerate(values)]
    found = scores(trials)
    assert (np.diff(found[:5]) > 0).all()
    assert found[5] >= found[4]
    assert found[4] - found[3] < found[3] - found[0]


def test_a_pruned_trial_counts_as_where_it_would_have_ended() -> None:
    """It is given the median gain of completed trials after its last step, on the logarithm."""
    curve = {0: 1.0, 30: 0.4, 100: 0.2}
    ended = [
        TrialSummary(
            n, "explore", {}, Outcome.COMPLETED, 0.2 * f, 100, 0.1, "", {s: v * f for s, v in curve.items()}
        )
        for n, f in enumerate((0.5, 1.0, 2.0, 4.0))
    ]
    pruned = [
        TrialSummary(9, "explore", {}, Outcome.PRUNED, 0.4 * f, 30, 0.1, "", {0: f, 30: 0.4 * f})
        for f in (1.0, 0.75)
    ]
    found = scores([*ended, *pruned])
    assert found[4] == pytest.approx(found[1])
    assert found[0] < found[5] < found[1]


def test_improvement_is_stable_far_below() -> None:
    """log(φ + zΦ) by its definition where that is exact, finite and increasing far below."""
    z = np.array([-3.0, -1.0, 0.0, 2.0])
    from scipy.stats import norm

    assert np.allclose(log_improvement(z), np.log(norm.pdf(z) + z * norm.cdf(z)))
    far = log_improvement(np.linspace(-200, -5, 400))
    assert np.isfinite(far).all()
    assert (np.diff(far) > 0).all()


def test_a_thousand_trials_cost_no_more_than_some_hundred() -> None:
    """The model is fitted to a bounded number of trials."""
    started = time.process_time()
    with threadpool_limits(1):
        model = Bayesian(study(MIXED).space, ("optimizer", "activation"), history_of(1000).trials)
    assert len(model.trials) == 300
    assert time.process_time() - started < 30


def test_a_prior_draws_proposals_and_fades() -> None:
    """Rates gather at the prior while little is known of them."""
    space = {**MIXED, "learning_rate": {"low": 1e-4, "high": 1.0, "log": True, "prior": 1e-3}}
    asked = study({k: v for k, v in space.items() if k != "learning_rate.sgd"})
    rates = [p["learning_rate"] for p in explore.points(asked.space, (), 200, 0, "random")]
    near = np.mean([1e-3 / 3 < rate < 3e-3 for rate in rates])
    assert 0.45 < near < 0.75
    assert max(rates) > 0.3


@pytest.mark.parametrize("seed", range(5))
def test_a_sure_model_goes_on_near_the_best(seed: int) -> None:
    """One rate alone, whose best is a bound: what was tried is not asked for again and again, until chance
    takes over, but its neighbours are, which tell more than copies."""
    asked = study({"optimizer": "adam", "learning_rate": {"low": 1e-5, "high": 0.1, "log": True}})
    history, seen = History(), set[float]()

    def value(rate: float) -> float:
        return 0.1 + (math.log10(rate) + 1) ** 2

    def taken(parameters: Mapping[str, Any]) -> bool:
        rate = float(parameters["learning_rate"])
        known_before = rate in seen
        seen.add(rate)
        return known_before

    first = explore.points(asked.space, (), 10, seed, "sobol")
    for number, parameters in enumerate([*first, {"optimizer": "adam", "learning_rate": 0.1}]):
        history.add(known(number, parameters, value(parameters["learning_rate"])))
        taken(parameters)
    proposals = propose_evenly(asked, history, 12, seed, taken)
    rates = np.log10([parameters["learning_rate"] for parameters, phase in proposals])
    assert [phase for _, phase in proposals] == ["exploit"] * 12
    assert np.median(rates) > -2
    assert len(np.unique(rates.round(6))) == 12
