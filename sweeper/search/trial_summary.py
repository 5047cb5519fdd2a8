"""The summary of a finished trial: what the search needs of it, and none of its measurements."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.trial import Outcome, TrialResult, cost, objective_metric, objective_value


@dataclass(frozen=True, slots=True)
class TrialSummary:
    """What sampler, pruner and storage need of a finished trial."""

    number: int
    phase: str
    """explore | exploit"""
    parameters: Mapping[str, Any]
    outcome: Outcome
    objective: float
    """The cost of the trial, lower is better, whatever the study maximises (`sweeper.trial.cost`); NaN if
    diverged or failed."""
    steps: int
    seconds: float
    reason: str
    curve: Mapping[int, float]
    """step -> cost at that evaluation point"""

    @property
    def sound(self) -> bool:
        """Whether it trained without divergence or failure, as far as it got."""
        return self.outcome in (Outcome.COMPLETED, Outcome.PRUNED)


def summarize(result: TrialResult, objective: str) -> TrialSummary:
    """The `TrialSummary` of a result; `objective`: what ranks trials, with its direction."""
    steps, values = result.objectives(objective_metric(objective))
    points = zip(steps, values, strict=True)
    finite = ((step, objective_value(objective, value)) for step, value in points if math.isfinite(value))
    curve = {step: cost(objective, value) for step, value in finite}
    trial = result.trial
    return TrialSummary(
        trial.number,
        trial.phase,
        trial.parameters,
        result.outcome,
        cost(objective, result.objective),
        result.steps,
        result.seconds,
        result.reason,
        curve,
    )
