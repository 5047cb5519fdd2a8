"""A finished trial as the search remembers it: small, whatever was measured of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.trial import Outcome, TrialResult


@dataclass(frozen=True, slots=True)
class Known:
    """What sampler, pruner and storage need of a finished trial."""

    number: int
    phase: str
    """explore | exploit"""
    parameters: Mapping[str, Any]
    outcome: Outcome
    objective: float
    """NaN if diverged or failed."""
    steps: int
    seconds: float
    reason: str
    curve: Mapping[int, float]
    """step -> objective at that evaluation point"""

    @property
    def sound(self) -> bool:
        """Whether it trained without divergence or failure, as far as it got."""
        return self.outcome in (Outcome.COMPLETED, Outcome.PRUNED)


def metric_of(objective: str) -> str:
    """The metric of the ``curves`` table from which the objective is computed."""
    return "validation_accuracy" if objective == "validation_error" else objective


def remember(result: TrialResult, objective: str) -> Known:
    """The `Known` of a result; `objective` as in ``[search]``."""
    steps, values = result.objectives(metric_of(objective))
    if objective == "validation_error":
        values = [1 - accuracy for accuracy in values]
    curve = {step: value for step, value in zip(steps, values, strict=True) if math.isfinite(value)}
    trial = result.trial
    return Known(
        trial.number,
        trial.phase,
        trial.parameters,
        result.outcome,
        result.objective,
        result.steps,
        result.seconds,
        result.reason,
        curve,
    )
