"""Trials dealt to worker processes: equal work for all, and few kinds of trial for each."""

from collections.abc import Sequence
from itertools import groupby

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.trial import Trial

ALONE = 10
"""Cost of a trial beside its update rule, in passes over its parameters: about what small networks show."""
LARGE = 0.25
"""Share of a process's trials beyond which a kind is dealt to all processes."""

Kind = tuple[str, str]
"""(optimizer, activation)"""


def kind(trial: Trial) -> Kind:
    """Trials of a kind share operations where they lie side by side in a stack."""
    return str(trial.parameters["optimizer"]), str(trial.parameters.get("activation"))


def deal(trials: Sequence[Trial], parts: int) -> list[list[Trial]]:
    """`trials` in `parts` portions that take about equally long; a kind stays together unless it is large."""
    pieces: list[list[Trial]] = []
    for turn, (_, same) in enumerate(groupby(sorted(trials, key=kind), key=lambda t: kind(t)[0])):
        kinds = [list(group) for _, group in groupby(same, key=kind)]
        # Back and forth, so that no process gets a costly activation with every optimizer.
        for members in kinds if turn % 2 == 0 else kinds[::-1]:
            shares = parts if len(members) > LARGE * len(trials) / parts else 1
            pieces += [members[k::shares] for k in range(shares)]
    found: list[list[Trial]] = [[] for _ in range(parts)]
    loads = [0.0] * parts
    for piece in sorted(pieces, key=_cost, reverse=True):
        lightest = loads.index(min(loads))
        found[lightest] += piece
        loads[lightest] += _cost(piece)
    return [part for part in found if part]


def _cost(piece: Sequence[Trial]) -> float:
    rules = [OPTIMIZERS[kind(t)[0]].rules[0] for t in piece]
    return sum(ALONE + rule.state + rule.scratch for rule in rules)
