"""The confirmation as a race: fresh seeds in rounds; who falls behind leaves its seeds to near ties.

What the next round is follows from the scores of earlier rounds alone, so it is the same for any number of
workers and after any interruption.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from sweeper.search.known import Known
from sweeper.search.trial import Trial
from sweeper.statistics.race import all_alike, next_look, out_of_race
from sweeper.study.sections import ConfirmSection
from sweeper.study.study import Study

Scores = Mapping[tuple[int, int], float]
"""(trial, seed) -> objective on that seed; NaN where the training diverged or failed."""


def next_trials(study: Study, chosen: Sequence[Known], scores: Scores) -> list[Trial]:
    """What is left to train of the present round, seed by seed; nothing when the race is over."""
    parameters = {each.number: each.parameters for each in chosen}
    return [
        Trial(number, "confirm", seed, parameters[number], test=True)
        for number, seed in next_round(study.confirm, list(parameters), study.search.seed, scores)
    ]


def next_round(
    confirm: ConfirmSection, numbers: Sequence[int], search_seed: int, scores: Scores
) -> list[tuple[int, int]]:
    """(trial, seed) of all that is missing from the first round that is not complete in `scores`.

    A round brings every finalist that is left to the next look, as far as the budget goes. The race is over
    when one finalist is left, when all that are left are known to differ by less than
    `confirm.matters`, or when the budget is spent. Seeds are ``search_seed + 1`` and up: none that a
    trial of the search has seen.
    """
    left, seeds, budget = list(numbers), 0, confirm.trainings(len(numbers))
    while left:
        look = next_look(seeds, budget // len(left)) if len(numbers) > 1 else budget
        missing = [
            (number, seed)
            for seed in range(search_seed + seeds + 1, search_seed + look + 1)
            for number in left
            if (number, seed) not in scores
        ]
        if missing or look == seeds:
            return missing
        budget, seeds = budget - (look - seeds) * len(left), look
        values = np.array([[scores[n, search_seed + 1 + k] for k in range(seeds)] for n in left])
        behind = out_of_race(values)
        alike = all_alike(values, confirm.matters)
        left = [number for place, number in enumerate(left) if place not in behind]
        if len(left) == 1 or alike:
            return []
    return []
