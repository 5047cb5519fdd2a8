"""A trial under way in a slot: its clock, and what it has shown so far."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZERS, Rule
from sweeper.components.schedules import SCHEDULES
from sweeper.study.settings import Settings
from sweeper.training.setup import evaluation_steps, measured_steps
from sweeper.training.stacked.initial import Initial
from sweeper.trial import Outcome, Trial, TrialResult

EXPLODED = 1e4
"""A batch loss above this multiple of the first one counts as divergence."""


@dataclass
class Running:
    """One trial; `step` counts the updates made."""

    trial: Trial
    settings: Settings
    initial: Initial
    group: Mapping[str, Any]
    """Its optimizer's options, a parameter group of ``torch.optim``."""
    rule: Rule
    steps: int
    evaluated: frozenset[int]
    looked: frozenset[int]
    learning_rates: np.ndarray
    """Of every update, shape (steps,)."""
    step: int = 0
    seconds: float = 0.0
    """Its share of the stack's time."""
    first_loss: float = math.inf
    batch_losses: list[float] = field(default_factory=list)
    penalties: list[float] = field(default_factory=list)
    curves: list[tuple[int, str, float]] = field(default_factory=list)
    layers: list[tuple[int, int, str, float]] = field(default_factory=list)
    layer_names: tuple[str, ...] = ()
    points: list[int] = field(default_factory=list)
    """Steps at which there is an objective."""
    objectives: list[float] = field(default_factory=list)
    test: Mapping[str, float] = field(default_factory=dict)
    outcome: Outcome | None = None
    """``None`` while it goes on."""
    reason: str = ""
    looks_due: int = 0
    """Looks at its layers that were put off."""
    due: bool = True
    """Whether it has come to a point and was not dealt with yet."""
    before: Tensor | None = None
    """Its flat parameters before the last update, where they are needed."""

    @classmethod
    def start(cls, trial: Trial, settings: Settings, initial: Initial, rows: int) -> "Running":
        """A trial before its first step, on `rows` training rows."""
        (parameter, *_) = initial.values.values()
        optimizer = OPTIMIZERS[settings.optimizer]
        made = optimizer.make(
            [nn.Parameter(parameter.new_zeros(1))], lr=settings.learning_rate, **settings.options
        )
        group, steps = made.param_groups[0], settings.total_steps(rows)
        evaluated, looked = _points(steps, settings.evaluations)
        looked = looked if trial.measured else frozenset()
        return cls(
            trial,
            settings,
            initial,
            group,
            optimizer.rule(group),
            steps,
            evaluated,
            looked,
            settings.learning_rate * _multipliers(settings.schedule, steps),
        )

    @property
    def next_point(self) -> int:
        """The next step at which it must be stopped for an evaluation, a look or its end."""
        later = self.step + 1
        while later < self.steps and later not in self.evaluated and later not in self.looked:
            later += 1
        return later

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """No step follows."""
        self.outcome, self.reason = outcome, reason

    def end_if_over(self) -> None:
        """The last step, or the last second."""
        limit = self.settings.timeout
        if self.step == self.steps:
            self.end(Outcome.COMPLETED)
        elif self.seconds > limit:
            self.end(Outcome.FAILED, f"timeout: more than {limit:g} s at step {self.step}")

    def penalty_weight(self, kind: str) -> float:
        """Weight of the activation penalty, 0 if it is of another kind."""
        return self.settings.activation_penalty if self.settings.penalty_kind == kind else 0.0

    def advance(self, losses: np.ndarray, penalties: np.ndarray, totals: np.ndarray) -> None:
        """The batch values of the steps just made, shape (steps,) each; ends it where they diverge."""
        if self.step == 0:
            self.first_loss = float(losses[0])
        limit = EXPLODED * max(self.first_loss, 1e-8)
        broken = np.flatnonzero(~np.isfinite(totals) | (losses > limit))
        if len(broken):
            self.step += int(broken[0])
            total = float(totals[broken[0]])
            self.end(Outcome.DIVERGED, f"training loss {total:.3g} at step {self.step}")
            return
        self.batch_losses += losses.tolist()
        if self.settings.activation_penalty > 0:
            self.penalties += penalties.tolist()
        self.step += len(losses)
        self.due = self.step in self.evaluated or self.step in self.looked or self.step == self.steps
        if self.step in self.evaluated:
            self.curves.append((self.step, "learning_rate", float(self.learning_rates[self.step - 1])))

    def result(self) -> TrialResult:
        """What it gives back."""
        assert self.outcome is not None
        sound = self.outcome in (Outcome.COMPLETED, Outcome.PRUNED)
        return TrialResult(
            self.trial,
            self.outcome,
            min(self.objectives, default=math.nan) if sound else math.nan,
            self.step,
            self.seconds,
            "fused",
            self.reason,
            tuple(self.curves),
            tuple(self.layers),
            self.test,
            self.layer_names,
        )


@lru_cache(maxsize=64)
def _points(steps: int, evaluations: int) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(evaluation_steps(steps, evaluations)), frozenset(measured_steps(steps))


@lru_cache(maxsize=64)
def _multipliers(schedule: str, steps: int) -> np.ndarray:
    return np.array([SCHEDULES[schedule](step, steps) for step in range(steps)])
