"""What the search hands to the training: trials, and the rungs at which they may be pruned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rungs:
    """Pruning rule with the statistics known when the trial was handed out.

    A trial is pruned at step `s` when its best objective so far is above ``limits[s]``
    (halving, median), or when a one-sided Wilcoxon signed-rank test says that its objective is
    larger than `leader`, the curve of the best trial so far, at the same steps.
    """

    limits: Mapping[int, float] = field(default_factory=dict)
    leader: Mapping[int, float] = field(default_factory=dict)
    p_value: float = 0.05
    warm_up: int = 0
    """No pruning before this step."""

    def prune(self, steps: Sequence[int], objectives: Sequence[float]) -> bool:
        """Whether a trial with this curve so far ends at its last evaluation point."""
        if not steps or steps[-1] < self.warm_up:
            return False
        limit = self.limits.get(steps[-1])
        if limit is not None and min(objectives) > limit:
            return True
        return bool(self.leader) and self._behind_leader(steps, objectives)

    def _behind_leader(self, steps: Sequence[int], objectives: Sequence[float]) -> bool:
        from scipy.stats import wilcoxon

        shared = [(o, self.leader[s]) for s, o in zip(steps, objectives, strict=True) if s in self.leader]
        differences = np.array([mine - best for mine, best in shared])
        if len(differences) < 6 or not np.any(differences):  # p < 0.05 needs at least 5 pairs
            return False
        return bool(wilcoxon(differences, alternative="greater").pvalue < self.p_value)


@dataclass(frozen=True)
class Trial:
    """One training: a configuration, a seed, and when to give up."""

    number: int
    phase: str
    """explore | exploit | confirm"""
    seed: int
    """Replicate seed: draws initial weights, batch order and train/validation split."""
    parameters: Mapping[str, Any]
    """Under their names in the study file, conditional keys resolved (`learning_rate`, `model.depth`)."""
    rungs: Rungs = Rungs()
    test: bool = False
    """Score the test rows too, at the evaluation point with the best objective."""
    measured: bool = True
    """Measure its layers, which takes as long as some tens of steps."""
