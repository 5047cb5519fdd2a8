"""Proposals that learn from earlier trials: Optuna's samplers, asked in memory.

The sampler sees a study in memory, rebuilt from what is known; the storage receives finished
proposals only. So a proposal that repeats an earlier one can be thrown away without a trace, and a
generation is proposed the same way whether the run was interrupted or not.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState, create_trial

from sweeper.search.distributions import encode, suggest
from sweeper.study.space import Space
from sweeper.training.result import Outcome

STARTUP = 10
"""Trials before a model-based sampler stops drawing at random."""
ATTEMPTS = 20
"""Proposals in a row that may repeat known configurations."""


@dataclass(frozen=True)
class Known:
    """An earlier trial, as a sampler sees it."""

    parameters: Mapping[str, Any]
    outcome: Outcome
    objective: float


def make_sampler(kind: str, seed: int) -> BaseSampler:
    """``tpe`` (multivariate, conditional ranges in groups, repelled by running trials), ``gp``, ``cmaes``."""
    makers: dict[str, Callable[[], BaseSampler]] = {
        "tpe": lambda: optuna.samplers.TPESampler(
            seed=seed, multivariate=True, group=True, constant_liar=True, n_startup_trials=STARTUP
        ),
        "gp": lambda: optuna.samplers.GPSampler(seed=seed, n_startup_trials=STARTUP),
        "cmaes": lambda: optuna.samplers.CmaEsSampler(
            seed=seed, n_startup_trials=STARTUP, warn_independent_sampling=False
        ),
    }
    with warnings.catch_warnings():  # multivariate, group and constant liar are marked experimental
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[kind]()


def propose(
    space: Space, kind: str, known: Sequence[Known], count: int, seed: int, taken: Callable[[Mapping[str, Any]], bool]
) -> list[dict[str, Any]]:
    """Up to `count` new configurations, from `known` trials alone; the same arguments give the same ones.

    `taken` says whether a configuration was proposed before; it is told of each one that is returned.
    """
    study = optuna.create_study(sampler=make_sampler(kind, seed))
    for trial in known:
        study.add_trial(_frozen(space, trial))
    found: list[dict[str, Any]] = []
    misses = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        while len(found) < count and misses < ATTEMPTS:
            trial = study.ask()
            parameters = suggest(trial, space)
            if taken(parameters):
                study.tell(trial, state=TrialState.FAIL)  # samplers ignore failed trials
                misses += 1
            else:
                found.append(parameters)
                misses = 0
    return found


def told(outcome: Outcome, objective: float) -> tuple[TrialState, float | None]:
    """State and value with which Optuna hears of a trial.

    Divergence is a completed trial of infinite loss: samplers ignore failed trials and would go on
    proposing beyond the cliff.
    """
    if outcome == Outcome.FAILED:
        return TrialState.FAIL, None
    if outcome == Outcome.DIVERGED:
        return TrialState.COMPLETE, float("inf")
    return (TrialState.PRUNED if outcome == Outcome.PRUNED else TrialState.COMPLETE), objective


def _frozen(space: Space, trial: Known) -> optuna.trial.FrozenTrial:
    params, distributions = encode(space, trial.parameters)
    state, value = told(trial.outcome, trial.objective)
    values: dict[str, Any] = {"value": value} if value is not None else {}
    if state == TrialState.PRUNED:  # its last value stands among the intermediate ones
        values = {"value": value, "intermediate_values": {0: value}}
    return create_trial(state=state, params=params, distributions=distributions, **values)
