"""TPE for a whole generation at once.

Optuna's sampler builds two density models for every proposal and group of parameters, which costs
4 to 16 ms. Here one pair of models serves several proposals: as many candidates as all of them need
are drawn from it together, and each proposal takes the best of its own share. What was proposed so
far counts as bad when the next pair is built (the constant liar), so proposals keep their distance.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.search.distributions import Distributions, compose, encode, groups
from sweeper.search.history import History
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import Space

ATTEMPTS = 20
"""Proposals in a row that may repeat known configurations."""


class GenerationTPE(TPESampler):
    """Optuna's TPE with a method that draws many proposals from one pair of density models."""

    def draw(
        self,
        study: optuna.Study,
        space: Distributions,
        below: list[FrozenTrial],
        above: list[FrozenTrial],
        count: int,
    ) -> list[dict[str, Any]]:
        """`count` proposals for the parameters of `space`; good trials are `below`, others `above`.

        For ``count = 1`` it is what ``TPESampler`` itself proposes from the same trials and seed.
        """
        good = self._build_parzen_estimator(study, space, below, handle_below=True)
        bad = self._build_parzen_estimator(study, space, above, handle_below=False)
        candidates = good.sample(self._rng.rng, count * self._n_ei_candidates)
        scores = self._compute_acquisition_func(candidates, good, bad).reshape(count, self._n_ei_candidates)
        best = scores.argmax(axis=1) + self._n_ei_candidates * np.arange(count)
        columns = {
            name: [distribution.to_external_repr(value) for value in candidates[name][best].tolist()]
            for name, distribution in space.items()
        }
        return [{name: column[row] for name, column in columns.items()} for row in range(count)]


def per_model(known: int) -> int:
    """Proposals drawn from one pair of models: one more running trial changes little where much is known."""
    return 1 + known // 100


def good_trials(known: int) -> int:
    """Optuna's share of trials that count as good: the best tenth, at most 25."""
    return min(math.ceil(0.1 * known), 25)


def propose_tpe(
    space: Space,
    history: History,
    count: int,
    seed: int,
    taken: Callable[[Mapping[str, Any]], bool],
    pending: Sequence[Mapping[str, Any]] = (),
) -> list[dict[str, Any]]:
    """Up to `count` new configurations; the same arguments give the same ones.

    `taken` and `pending` are as in `Proposer`.
    """
    study, sampler = optuna.create_study(), GenerationTPE(seed=seed)
    good, others = history.split(good_trials(len(history)))
    below = [_frozen(space, trial) for trial in good]
    above = [_frozen(space, trial) for trial in others]
    above += [_running(space, parameters) for parameters in pending]
    parts, at_once = groups(space), per_model(len(history))
    proposals: list[dict[str, Any]] = []
    misses = 0
    while len(proposals) < count and misses < ATTEMPTS:
        batch = min(at_once, count - len(proposals))
        drawn: list[dict[str, Any]] = [{} for _ in range(batch)]
        for part in parts:
            rows = [row for row in drawn if part.applies(row)]
            if rows:
                pieces = sampler.draw(study, part.distributions, below, above, len(rows))
                for row, piece in zip(rows, pieces, strict=True):
                    row |= piece
        for parameters in (compose(space, row) for row in drawn):
            misses = misses + 1 if taken(parameters) else 0
            if not misses:
                proposals.append(parameters)
                above.append(_running(space, parameters))
    return proposals


def _frozen(space: Space, trial: TrialSummary) -> FrozenTrial:
    """For the models only the parameters count: good and bad are told apart before."""
    params, distributions = encode(space, trial.parameters)
    return create_trial(params=params, distributions=distributions, value=0.0)


def _running(space: Space, parameters: Mapping[str, Any]) -> FrozenTrial:
    params, distributions = encode(space, parameters)
    return create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)
