"""Rungs: the points at which trials are compared with those before them, and the limits there.

Limits come from trials of earlier generations alone, so a trial's fate does not depend on what runs
beside it. All pruners are lenient: nothing is pruned before a quarter of the training nor before
`ENOUGH` trials are known, because learning curves cross early (TPE with lenient pruning and a warm-up
beats aggressive pruning, see the discussion of optuna#2906).
"""

from collections.abc import Mapping, Sequence

import numpy as np

from sweeper.search.trial import Rungs

ENOUGH = 10
"""Trials known at a rung before it prunes."""

Curve = Mapping[int, float]
"""step -> objective at that evaluation point"""


def rungs(kind: str, curves: Sequence[Curve], steps: Sequence[int]) -> Rungs:
    """The rule for the next generation.

    Args:
        kind: ``halving`` keeps the better half at 1/4 and again at 1/2 of the training; ``median``
            compares with the median at every evaluation point after 1/4; ``wilcoxon`` compares with
            the leader's whole curve; ``none`` never prunes.
        curves: one per earlier trial that was not failed; a diverged trial's ends early.
        steps: the evaluation points of the training.
    """
    total = max(steps, default=0)
    later = [step for step in steps if total / 4 <= step < total]
    if kind == "none" or not later:
        return Rungs()
    if kind == "wilcoxon":
        finished = [curve for curve in curves if total in curve]
        leader = min(finished, key=lambda curve: min(curve.values()), default={})
        return Rungs(leader=leader, warm_up=later[0]) if len(curves) >= ENOUGH else Rungs()
    if kind == "halving":
        later = [step for step in (_nearest(later, total / 4), _nearest(later, total / 2)) if step]
    limits = {step: _median(curves, step) for step in dict.fromkeys(later)}
    return Rungs(limits={step: limit for step, limit in limits.items() if limit is not None})


def _nearest(steps: Sequence[int], wanted: float) -> int:
    return min(steps, key=lambda step: abs(step - wanted))


def _median(curves: Sequence[Curve], step: int) -> float | None:
    """Median best-so-far at `step` over the trials that reached it.

    Trials that were pruned or diverged before are left out: halving compares with the survivors.
    """
    reached = [min(v for s, v in curve.items() if s <= step) for curve in curves if step in curve]
    if len(reached) < ENOUGH:
        return None
    return float(np.median(reached))
