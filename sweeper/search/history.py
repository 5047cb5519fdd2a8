"""What a model-based sampler is shown of the trials before a generation."""

import bisect
from collections.abc import Sequence
from typing import Any, TypeVar

from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome

SHOWN = 175
"""Trials beside the best ones that a sampler is shown; so a proposal costs the same late in a long search."""


class History:
    """Finished trials of past generations, by number and by rank."""

    def __init__(self) -> None:
        self.trials: list[TrialSummary] = []
        self._ranked: list[TrialSummary] = []

    def __len__(self) -> int:
        """Trials that did not fail."""
        return len(self._ranked)

    def add(self, trial: TrialSummary) -> None:
        """Append the trial of the next number. A failed one has no rank: its configuration may be good."""
        self.trials.append(trial)
        if trial.outcome != Outcome.FAILED:
            bisect.insort(self._ranked, trial, key=_rank)

    def split(self, best: int) -> tuple[list[TrialSummary], list[TrialSummary]]:
        """The `best` trials and `SHOWN` of the others, both by number."""
        good = sorted(self._ranked[:best], key=lambda trial: trial.number)
        numbers = {trial.number for trial in good}
        others = [t for t in self.trials if t.outcome != Outcome.FAILED and t.number not in numbers]
        return good, thinned(others, SHOWN)


def _rank(trial: TrialSummary) -> tuple[Any, ...]:
    """Best first: completed by objective, then pruned (the longer it lasted the better), then diverged."""
    if trial.outcome == Outcome.COMPLETED:
        return 0, trial.objective, trial.number
    if trial.outcome == Outcome.PRUNED:
        return 1, -trial.steps, trial.objective, trial.number
    return 2, -trial.steps, trial.number


Item = TypeVar("Item")


def thinned(trials: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of `trials`, evenly spread over their order, the first and the last among them.

    Evenly, not the last ones: where early trials diverged must not be forgotten.
    """
    if len(trials) <= most:
        return list(trials)
    return [trials[round(k * (len(trials) - 1) / (most - 1))] for k in range(most)]
