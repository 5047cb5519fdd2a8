"""A trial in a slot: its state, and what the stack needs of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZERS, Rule
from sweeper.components.schedules import SCHEDULES
from sweeper.study.settings import Settings
from sweeper.training.stacked.initial import Initial
from sweeper.training.state import TrialState
from sweeper.trial import Trial


@dataclass
class StackedTrial:
    """One trial in training with others."""

    state: TrialState
    settings: Settings
    initial: Initial
    group: Mapping[str, Any]
    """Its optimizer's options, a parameter group of ``torch.optim``."""
    rule: Rule
    learning_rates: np.ndarray
    """Of every update, shape (steps,)."""
    history: Mapping[str, np.ndarray]
    """What its updates take from earlier learning rates, see `Rule.history`."""
    measurements_due: int = 0
    """Layer measurements that were put off."""
    due: bool = True
    """Whether it has come to a point and was not dealt with yet."""
    before: Tensor | None = None
    """Its flat parameters before the last update, where they are needed."""

    @classmethod
    def start(
        cls, trial: Trial, settings: Settings, initial: Initial, rows: int, objective: str
    ) -> "StackedTrial":
        """A trial before its first step, on `rows` training rows."""
        (parameter, *_) = initial.values.values()
        optimizer = OPTIMIZERS[settings.optimizer]
        made = optimizer.make(
            [nn.Parameter(parameter.new_zeros(1))], lr=settings.learning_rate, **settings.options
        )
        group, state = made.param_groups[0], TrialState.start(trial, settings, rows, objective)
        rule, rates = (
            optimizer.rule(group),
            settings.learning_rate * _multipliers(settings.schedule, state.steps),
        )
        history = rule.history(group, rates) if rule.history else {}
        return cls(state, settings, initial, group, rule, rates, history)

    @property
    def trial(self) -> Trial:
        """What is trained."""
        return self.state.trial

    def penalty_weight(self, kind: str) -> float:
        """Weight of the activation penalty, 0 if it is of another kind."""
        return self.settings.activation_penalty if self.settings.penalty_kind == kind else 0.0

    def coming_rates(self, steps: int) -> np.ndarray:
        """Learning rates of the next `steps` updates."""
        return self.learning_rates[self.state.step : self.state.step + steps]

    def advance(self, losses: np.ndarray, penalties: np.ndarray, totals: np.ndarray) -> None:
        """Record the batch values of the steps just made, shape (steps,) each."""
        rate = float(self.learning_rates[self.state.step + len(losses) - 1])
        self.state.record_batches(losses.tolist(), penalties.tolist(), totals.tolist(), rate)
        self.due = self.state.outcome is None and self.state.is_point(self.state.step)


@lru_cache(maxsize=64)
def _multipliers(schedule: str, steps: int) -> np.ndarray:
    return np.array([SCHEDULES[schedule](step, steps) for step in range(steps)])
