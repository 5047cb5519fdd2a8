"""The confirmation as a race: fresh seeds in rounds; who falls behind leaves its seeds to near ties.

What the next round is follows from the scores of earlier rounds alone, so it is the same for any number of
workers and after any interruption.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.search.trial_summary import TrialSummary
from sweeper.statistics.race import InterimLook, interim_look, next_look
from sweeper.study.sections import ConfirmSection
from sweeper.study.study import Study
from sweeper.trial import Trial, cost

Scores = Mapping[tuple[int, int], float]
"""(trial, seed) -> objective on that seed, as people read it; NaN where the training diverged or failed."""


def next_trials(study: Study, chosen: Sequence[TrialSummary], scores: Scores) -> list[Trial]:
    """What is left to train of the present round, seed by seed; nothing when the race is over."""
    parameters = {each.number: each.parameters for each in chosen}
    costs = {key: cost(study.objective, value) for key, value in scores.items()}
    return [
        Trial(number, "confirm", seed, parameters[number], test=True)
        for number, seed in next_round(study.confirm, list(parameters), study.search.seed, costs)
    ]


@dataclass(frozen=True)
class Round:
    """Where a race stands before a round."""

    left: tuple[int, ...]
    """Trials that are trained on"""
    budget: int
    """Trainings that can be paid for"""
    seeds: int = 0
    """That those left were trained on"""

    def after(self, values: np.ndarray, matters: float) -> "Round":
        """The next round, from ``values`` (left, seeds) of all seeds so far; over if nobody is left."""
        seeds = values.shape[1]
        interim, budget = interim_look(values), self.budget - (seeds - self.seeds) * len(self.left)
        left = tuple(number for number, out in zip(self.left, interim.out, strict=True) if not out)
        over = len(left) == 1 or _alike(values, interim, matters)
        return Round(() if over else left, budget, seeds)

    @property
    def aim(self) -> int:
        """Seeds after this round, as far as the budget goes."""
        return next_look(self.seeds, self.budget // len(self.left)) if self.left else self.seeds


def next_round(
    confirm: ConfirmSection, numbers: Sequence[int], search_seed: int, scores: Scores
) -> list[tuple[int, int]]:
    """(trial, seed) of all that is missing from the first round that is not complete in `scores`, which are
    costs.

    A round brings every finalist that is left to the next look, as far as the budget goes. The race is over
    when one finalist is left, when all that are left are known to differ by less than
    `confirm.matters`, or when the budget is spent. Seeds are ``search_seed + 1`` and up: none that a
    trial of the search has seen.
    """
    budget = confirm.trainings(len(numbers))
    if len(numbers) == 1:
        wanted = [(numbers[0], search_seed + 1 + k) for k in range(budget)]
        return [pair for pair in wanted if pair not in scores]
    now = Round(tuple(numbers), budget)
    while (aim := now.aim) > now.seeds:
        seeds = range(search_seed + 1, search_seed + aim + 1)
        missing = [(n, seed) for seed in seeds[now.seeds :] for n in now.left if (n, seed) not in scores]
        if missing:
            return missing
        values = np.array([[scores[number, seed] for seed in seeds] for number in now.left])
        now = now.after(values, confirm.matters)
    return []


def _alike(values: np.ndarray, interim: InterimLook, matters: float) -> bool:
    """All lost as many seeds, and differ from the leader by at most `matters` times its mean, as is known."""
    gaps = (~np.isfinite(values)).sum(axis=1)
    within = matters * abs(float(np.nanmean(values[interim.leader])))
    return bool((gaps == gaps[0]).all()) and interim.alike(within)
