"""Pruning rules: the points at which trials are compared with those before them, and the limits there.

Limits come from trials of earlier generations alone, so a trial's fate does not depend on what runs
beside it. All pruners are lenient: nothing is pruned before a quarter of the training nor before
`ENOUGH` trials are known, because learning curves cross early (TPE with lenient pruning and a warm-up
beats aggressive pruning, see the discussion of optuna#2906). Medians are those of the trials that were dealt
out over the space (phase ``explore``): among those proposed near the best, one half would always be pruned.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome, PruningRule

ENOUGH = 10
"""Trials known at a point before a limit there prunes."""


class PrunerState:
    """How far earlier trials had got at each evaluation point. Diverged and failed ones do not count."""

    def __init__(self) -> None:
        self._best: dict[int, list[float]] = {}
        """step -> best objective so far of every trial that reached it"""
        self._lengths: set[int] = set()
        self._leader: Mapping[int, float] = {}
        self._count = 0

    def add(self, trial: TrialSummary) -> None:
        """Count a finished trial in."""
        if not trial.sound:
            return
        steps = sorted(trial.curve)
        so_far = itertools.accumulate((trial.curve[step] for step in steps), min)
        if trial.phase == "explore":
            for step, best in zip(steps, so_far, strict=True):
                self._best.setdefault(step, []).append(best)
        self._count += 1
        if trial.outcome == Outcome.COMPLETED:
            self._lengths.add(trial.steps)
            leading = min(trial.curve.values(), default=np.inf)
            if leading < min(self._leader.values(), default=np.inf):
                self._leader = trial.curve

    def rule(self, kind: str) -> PruningRule:
        """The rule for the next generation.

        ``halving`` keeps the better half at 1/4 and again at 1/2 of the training; ``median`` compares
        with the median at every evaluation point after 1/4; ``wilcoxon`` compares with the leader's
        whole curve; ``none`` never prunes. Trials of unlike lengths cannot be compared step by step:
        then nothing is pruned either.
        """
        total = max(self._best, default=0)
        later = [step for step in sorted(self._best) if total / 4 <= step < total]
        if kind == "none" or len(self._lengths) > 1 or not later:
            return PruningRule()
        if kind == "wilcoxon":
            enough = self._count >= ENOUGH and self._leader
            return PruningRule(leader=dict(self._leader), warm_up=later[0]) if enough else PruningRule()
        if kind == "halving":
            later = sorted({_nearest(later, total / 4), _nearest(later, total / 2)})
        # Halving compares with the survivors: trials pruned before a point never reached it.
        return PruningRule(
            limits={s: float(np.median(self._best[s])) for s in later if len(self._best[s]) >= ENOUGH}
        )


def _nearest(steps: Sequence[int], wanted: float) -> int:
    return min(steps, key=lambda step: abs(step - wanted))
