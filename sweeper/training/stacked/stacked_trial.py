"""A trial in a slot: its state, and what the stack needs of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZERS, Rule
from sweeper.components.param_groups import group_options
from sweeper.components.schedules import SCHEDULES
from sweeper.study.settings import Settings
from sweeper.training.stacked.initial import Initial
from sweeper.training.state import TrialState, batch_metrics
from sweeper.trial import Trial


@dataclass(frozen=True)
class Part:
    """How the parameters of one segment are updated."""

    group: Mapping[str, Any]
    """The optimizer's options, a parameter group of ``torch.optim``."""
    rule: Rule
    learning_rates: np.ndarray
    """Of every update, shape (steps,)."""
    history: Mapping[str, np.ndarray]
    """What updates take from earlier learning rates, see `Rule.history`."""

    @classmethod
    def of(cls, settings: Settings, own: Mapping[str, Any], multipliers: np.ndarray, like: Tensor) -> "Part":
        """That of parameters with the options `own`."""
        optimizer = OPTIMIZERS[settings.optimizer]
        options = group_options(own, optimizer.options, settings.learning_rate)
        given = [{"params": [nn.Parameter(like.new_zeros(1))], **options}]
        made = optimizer.make(given, lr=settings.learning_rate, **settings.options)
        group, rates = made.param_groups[0], options["initial_lr"] * multipliers
        rule = optimizer.rule(group)
        return cls(group, rule, rates, rule.history(group, rates) if rule.history else {})


@dataclass
class StackedTrial:
    """One trial in training with others."""

    state: TrialState
    settings: Settings
    initial: Initial
    parts: tuple[Part, ...]
    """One for each segment of the parameters."""
    learning_rates: np.ndarray
    """Of every update, shape (steps,)."""
    part_rates: np.ndarray
    """Those of each segment, shape (segments, steps)."""
    measurements_due: int = 0
    """Layer measurements that were put off."""
    due: bool = True
    """Whether it has come to a point and was not dealt with yet."""
    before: Tensor | None = None
    """Its flat parameters before the last update, where they are needed."""

    @classmethod
    def start(
        cls,
        trial: Trial,
        settings: Settings,
        initial: Initial,
        rows: int,
        objective: str,
        own: Sequence[Mapping[str, Any]],
    ) -> "StackedTrial":
        """A trial before its first step, on `rows` training rows; `own`: options of each segment."""
        (parameter, *_) = initial.values.values()
        state = TrialState.start(trial, settings, rows, objective)
        multipliers = _multipliers(settings.schedule, state.steps)
        parts = tuple(Part.of(settings, options, multipliers, parameter) for options in own)
        by_part = np.stack([part.learning_rates for part in parts])
        return cls(state, settings, initial, parts, settings.learning_rate * multipliers, by_part)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """That of each segment."""
        return tuple(part.rule for part in self.parts)

    @property
    def trial(self) -> Trial:
        """What is trained."""
        return self.state.trial

    def penalty_weight(self, kind: str) -> float:
        """Weight of the activation penalty, 0 if it is of another kind."""
        return self.settings.activation_penalty if self.settings.penalty_kind == kind else 0.0

    def coming_rates(self, steps: int) -> np.ndarray:
        """Learning rates of the next `steps` updates: (segments, steps)."""
        return self.part_rates[:, self.state.step : self.state.step + steps]

    def advance(self, history: np.ndarray, parts: Sequence[str]) -> None:
        """Record the batch values of the steps just made: losses, penalties, totals, `parts`; (…, steps)."""
        losses, penalties, totals, *others = history.tolist()
        named = dict(zip(parts, others, strict=True))
        self.state.record_batches(losses, penalties, totals, self.rate_after(len(losses)), named)

    def rate_after(self, steps: int) -> float:
        """Learning rate of the last of the next `steps` updates."""
        return float(self.learning_rates[self.state.step + steps - 1])


def record_steps(
    runs: Sequence[tuple[int, StackedTrial]], history: np.ndarray, parts: Sequence[str], seconds: float
) -> None:
    """Record the steps just made of trials and their slots, all at once but for those that diverge.

    Args:
        runs: slots and who trains there.
        history: losses, penalties, totals and `parts` on the batches: (steps, 3 and more, slots).
        parts: names of the scalars that the loss gives beside its mean.
        seconds: that each of them took.
    """
    steps, metrics = len(history), batch_metrics(tuple(parts))
    mine, none = history[:, :, [slot for slot, _ in runs]], [0.0] * len(metrics)
    for (_, run), first in zip(runs, mine[0, 0].tolist(), strict=True):
        if run.state.step == 0:
            run.state.first_loss = first
    highest = np.array([run.state.highest_loss for _, run in runs])
    summed = np.empty((1 + steps, len(metrics), len(runs)))
    summed[0] = np.array([run.state.sums or none for _, run in runs]).T
    summed[1:, :2], summed[1:, 2:] = mine[:, :2], mine[:, 3:]
    with np.errstate(over="ignore", invalid="ignore"):
        sound = np.isfinite(mine[:, 2].sum(0)) & (mine[:, 0].max(0) <= highest)
        sums = np.cumsum(summed, axis=0)[-1].T  # one after the other, as a trial alone does
    for k, ((_, run), is_sound, own) in enumerate(zip(runs, sound.tolist(), sums.tolist(), strict=True)):
        state = run.state
        state.seconds += seconds
        if is_sound:
            state.record_sums(steps, metrics, own, run.rate_after(steps))
        else:  # or looks otherwise, where a sum is too large to be finite
            run.advance(mine[:, :, k].T, parts)
        run.due = state.outcome is None and state.is_point(state.step)


@lru_cache(maxsize=64)
def _multipliers(schedule: str, steps: int) -> np.ndarray:
    return np.array([SCHEDULES[schedule](step, steps) for step in range(steps)])
