"""What a model-based sampler is shown of the trials before a generation."""

import bisect
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
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

    def informative(self) -> list[TrialSummary]:
        """What says how good configurations are: trials that did not fail, and those that failed with a value
        of a setting with which every trial did, two at least, as if they had diverged."""
        ends: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for trial in self.trials:
            for setting in _settings(trial):
                ends[setting].append(trial.outcome == Outcome.FAILED)
        hopeless = {setting for setting, failed in ends.items() if len(failed) > 1 and all(failed)}
        return [
            replace(trial, outcome=Outcome.DIVERGED) if trial.outcome == Outcome.FAILED else trial
            for trial in self.trials
            if trial.outcome != Outcome.FAILED or not hopeless.isdisjoint(_settings(trial))
        ]

    def split(self, best: int) -> tuple[list[TrialSummary], list[TrialSummary]]:
        """The `best` trials and `SHOWN` of the others, both by number."""
        good = sorted(self._ranked[:best], key=lambda trial: trial.number)
        numbers = {trial.number for trial in good}
        others = [trial for trial in self.informative() if trial.number not in numbers]
        return good, thinned(others, SHOWN)


def _settings(trial: TrialSummary) -> set[tuple[str, str]]:
    return {(name, repr(value)) for name, value in trial.parameters.items()}


def _rank(trial: TrialSummary) -> tuple[Any, ...]:
    """Best first: completed by objective, then pruned (the longer it lasted the better), then diverged."""
    if trial.outcome == Outcome.COMPLETED:
        return 0, trial.objective, trial.number
    if trial.outcome == Outcome.PRUNED:
        return 1, -trial.steps, trial.objective, trial.number
    return 2, -trial.steps, trial.number


Item = TypeVar("Item")


def thinned(trials: Sequence[Item], most: int) -> list[Item]:
    """At most `most` of `trials`, evenly spread over their order: the first and, of two or more, the last.

    Evenly, not the last ones: where early trials diverged must not be forgotten.
    """
    if len(trials) <= most or most < 2:
        return list(trials[:most])
    return [trials[round(k * (len(trials) - 1) / (most - 1))] for k in range(most)]
