"""What the training gives back: one `TrialResult` per trial, plain arrays and strings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sweeper.search.trial import Trial


class Outcome(StrEnum):
    """How a trial ended. Divergence is an outcome, never an exception."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"


@dataclass(frozen=True)
class TrialResult:
    """A finished trial; `curves` and `layers` are rows of the tables of the same name."""

    trial: Trial
    outcome: Outcome
    objective: float
    """Best value of the study's objective at the evaluation points; NaN if diverged or failed."""
    steps: int
    seconds: float
    engine: str
    reason: str = ""
    curves: tuple[tuple[int, str, float], ...] = ()
    """(step, metric, value)"""
    layers: tuple[tuple[int, int, str, float], ...] = ()
    """(step, layer, measure, value); layers are numbered in the order of the forward pass"""
    test: Mapping[str, float] = field(default_factory=dict)
    """metric -> value on the test rows at the best evaluation point, where the trial asked for it."""
    layer_names: tuple[str, ...] = ()
    """Name of each layer, by its number; empty where none was measured."""

    @property
    def tested(self) -> Mapping[str, float]:
        """Its scores on the test rows; none unless it trained to the end."""
        return self.test if self.outcome == Outcome.COMPLETED else {}

    def objectives(self, metric: str) -> tuple[list[int], list[float]]:
        """Steps and values of one metric, in the order of the steps."""
        rows = [(step, value) for step, name, value in self.curves if name == metric]
        return [step for step, _ in rows], [value for _, value in rows]


def failed(trial: Trial, reason: str, engine: str, **figures: Any) -> TrialResult:
    """The result of a trial that raised, ended its process or ran out of time."""
    steps, seconds = figures.get("steps", 0), figures.get("seconds", 0.0)
    return TrialResult(trial, Outcome.FAILED, float("nan"), steps, seconds, engine, reason)
