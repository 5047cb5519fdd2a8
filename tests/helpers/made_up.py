"""Results that nobody trained: what a search would hear of an objective that is a formula."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.search.driver import Search
from sweeper.search.trial_summary import TrialSummary, summarize
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial, TrialResult

STEPS = 100
MIXED = {
    "optimizer": ["sgd", "adam", "rmsprop"],
    "activation": ["relu", "tanh"],
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "learning_rate.sgd": {"low": 1e-3, "high": 10.0, "log": True},
    "activation_penalty": {"low": 1e-6, "high": 1e-1, "log": True, "zero": 0.25},
    "betas": [[0.9, 0.999], [0.8, 0.99]],
    "model.depth": [1, 2, 3],
    "model.width": {"low": 4, "high": 64, "step": 4},
    "training.batch_size": [32, 64, "full"],
    "weight_decay": 0.0,
}
"""A space with everything: choices, ranges, integers, steps, pairs, zeros, conditions, fixed values."""


def study(space: Mapping[str, Any], /, **search: Any) -> Study:
    """A study on digits that searches `space`."""
    confirm = search.pop("confirm", {"finalists": 0, "seeds": 0})
    return Study(name="made-up", search={"space": dict(space), **search}, confirm=confirm)


def bowl(parameters: Mapping[str, Any]) -> float:
    """Lowest for adam, tanh and a learning rate of 0.01; infinite far above it."""
    away = math.log10(parameters["learning_rate"]) + 2
    worse = 0.2 * (parameters["optimizer"] != "adam") + 0.1 * (parameters.get("activation") != "tanh")
    return math.inf if away > 1.6 else 0.1 + worse + 0.3 * away**2 + parameters.get("activation_penalty", 0)


def result(trial: Trial, value: float, outcome: Outcome | None = None) -> TrialResult:
    """A trial that falls from 1 above `value` to `value`; an infinite value is divergence."""
    outcome = outcome or (Outcome.COMPLETED if math.isfinite(value) else Outcome.DIVERGED)
    if outcome == Outcome.DIVERGED:
        return TrialResult(trial, outcome, math.nan, 7, 0.1, "reference", "training loss inf at step 7")
    if outcome == Outcome.FAILED:
        return TrialResult(trial, outcome, math.nan, 0, 0.1, "reference", "RuntimeError: no luck")
    steps = range(0, STEPS + 1, 10) if outcome == Outcome.COMPLETED else range(0, 31, 10)
    curve = tuple((step, "validation_loss", value + 1 - step / STEPS) for step in steps)
    return TrialResult(trial, outcome, curve[-1][2], steps[-1], 0.1, "reference", "", curve)


def known(
    number: int, parameters: Mapping[str, Any], value: float, outcome: Outcome | None = None
) -> TrialSummary:
    """A finished trial, as the search remembers it."""
    return summarize(result(Trial(number, "explore", 0, parameters), value, outcome), "validation_loss")


def search_through(
    search: Search,
    objective: Callable[[Mapping[str, Any]], float] = bowl,
    outcome: Callable[[Trial], Outcome | None] = lambda trial: None,
    most: int = 10_000,
) -> list[Trial]:
    """Let `search` run until it ends or has heard of `most` trials; the trials in their order."""
    done: list[Trial] = []
    while trials := search.next_generation():
        for trial in trials:
            if len(done) == most:
                return done
            search.learn(result(trial, objective(trial.parameters), outcome(trial)))
            done.append(trial)
    return done
