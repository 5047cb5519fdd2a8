"""What one worker trains in one go; trials divided so that cohorts take equally long."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.trial import Trial

TRIAL_COST = 10
"""Cost of a trial beside its update rule, in passes over its parameters: about what small networks show."""
LARGE_SHARE = 0.25
"""Share of a cohort's trials beyond which those of one sort are spread over all cohorts."""

SortKey = tuple[str, str]
"""(optimizer, activation)"""


@dataclass(frozen=True)
class Cohort:
    """Trials that are handed out together and whose results come back together."""

    trials: tuple[Trial, ...]
    engine: str = "reference"
    """A name in `sweeper.training.work.ENGINES`."""
    slots: int = 1
    """Trials in training at the same time."""
    threads: int = 1
    """Torch threads of the worker."""
    slots_of: tuple[tuple[str, int], ...] = ()
    """(kind of processor, slots) where workers are of several kinds."""

    def slots_on(self, processor: str) -> int:
        """Trials in training at the same time on a machine of this kind."""
        return dict(self.slots_of).get(processor, self.slots)


def singles(trials: Sequence[Trial]) -> list[Cohort]:
    """Every trial by itself, for the reference engine."""
    return [Cohort((trial,)) for trial in trials]


def sort_key(trial: Trial) -> SortKey:
    """Trials with the same key share operations where they lie side by side in a stack."""
    return str(trial.parameters["optimizer"]), str(trial.parameters.get("activation"))


def balance_load(trials: Sequence[Trial], parts: int) -> list[list[Trial]]:
    """`trials` in `parts` portions that take about equally long.

    Those with the same `sort_key` stay together unless they are many.
    """
    pieces: list[list[Trial]] = []
    for turn, (_, same) in enumerate(groupby(sorted(trials, key=sort_key), key=lambda t: sort_key(t)[0])):
        groups = [list(group) for _, group in groupby(same, key=sort_key)]
        # Back and forth, so that no process gets a costly activation with every optimizer.
        for members in groups if turn % 2 == 0 else groups[::-1]:
            shares = parts if len(members) > LARGE_SHARE * len(trials) / parts else 1
            pieces += [members[k::shares] for k in range(shares)]
    portions: list[list[Trial]] = [[] for _ in range(parts)]
    loads = [0.0] * parts
    for piece in sorted(pieces, key=_cost, reverse=True):
        lightest = loads.index(min(loads))
        portions[lightest] += piece
        loads[lightest] += _cost(piece)
    return [portion for portion in portions if portion]


def deal_out(trials: Sequence[Trial], parts: int) -> list[list[Trial]]:
    """`trials` in `parts` portions with as many of each sort, give or take one, and alike learning rates.

    For stacks that run as machine code: those with the same `sort_key` gain nothing side by side, and at high
    rates some sorts take longer than others, or diverge.
    """
    ordered = sorted(trials, key=lambda trial: (sort_key(trial), trial.parameters["learning_rate"]))
    return [portion for k in range(parts) if (portion := ordered[k::parts])]


def _cost(piece: Sequence[Trial]) -> float:
    rules = [OPTIMIZERS[sort_key(trial)[0]].rules[0] for trial in piece]
    return sum(TRIAL_COST + rule.state + rule.scratch for rule in rules)
