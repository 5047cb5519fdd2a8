"""What both engines keep of a trial in training: when it is evaluated, what it showed, how it ended.

The engines share these rules and none of the arithmetic: an engine computes losses, scores and layer
measurements and hands them over; `TrialState.result` is what they become.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache, reduce
from operator import add, truediv

import numpy as np

from sweeper.components.metrics import named
from sweeper.study.settings import Settings
from sweeper.trial import Outcome, Rows, Trial, TrialResult, cost, objective_metric, objective_value
from sweeper.wording import given, loss_value

DIVERGENCE_FACTOR = 1e4
"""A batch loss above this multiple of the first one counts as divergence."""
NO_FIRST_LOSS = 1e-4
"""Taken for a first loss of 0, as of a hinge or a batch that is masked: then a loss above 1 counts."""
LOWEST_FIRST_LOSS = 1e-8
"""A first batch loss below this counts as this."""
SOUND = (Outcome.COMPLETED, Outcome.PRUNED)
WHY = ": a score of classes needs rows of each of them on every part"
NO_PARTS: Mapping[str, Sequence[float]] = {}


@dataclass
class TrialState:
    """One trial in training; `step` counts the updates made. It goes on while `outcome` is ``None``.

    At each of its `points` an engine calls `record_layers` and `record_scores`, then `end_if_over`; after
    updates it calls `record_batches`, or `record_sums` where it has checked the losses itself.
    """

    trial: Trial
    objective: str
    """With its direction, see `sweeper.trial.objective_name`"""
    steps: int
    """Updates of the whole training."""
    timeout: float
    """Seconds."""
    evaluated: frozenset[int]
    """Steps at which validation rows are scored."""
    measured: frozenset[int]
    """Steps at which layers are measured; empty once they cannot be."""
    step: int = 0
    seconds: float = 0.0
    first_loss: float = math.inf
    batch_metrics: Sequence[str] = ()
    """What is known of the batches since the last evaluation point, see `batch_metrics`."""
    sums: Sequence[float] = ()
    """Of each of these metrics, over its batches."""
    batches: Sequence[int] = ()
    """Of how many."""
    objectives: dict[int, float] = field(default_factory=dict)
    """step -> objective at that evaluation point"""
    costs: dict[int, float] = field(default_factory=dict)
    """step -> what ranks it, lower is better"""
    curves: Rows[tuple[int, str, float]] = field(default_factory=Rows)
    layers: Rows[tuple[int, int, str, float]] = field(default_factory=Rows)
    layer_names: tuple[str, ...] = ()
    test: Mapping[str, float] = field(default_factory=dict)
    """Scores on test rows at the best evaluation point."""
    outcome: Outcome | None = None
    reason: str = ""
    note: str = ""
    """What the result says of a trial that ended without a reason."""

    @classmethod
    def start(cls, trial: Trial, settings: Settings, train_rows: int, objective: str) -> "TrialState":
        """A trial before its first step."""
        steps = settings.total_steps(train_rows)
        evaluated, measured = _points(steps, settings.evaluations)
        measured = measured if trial.measured else frozenset()
        return cls(trial, objective, steps, settings.timeout, evaluated, measured)

    @property
    def next_point(self) -> int:
        """The next step at which something is due: an evaluation, a layer measurement or the end."""
        points = _all_points(self.evaluated, self.measured, self.steps)
        after = bisect_right(points, self.step)
        return points[after] if after < len(points) else self.step + 1

    def is_point(self, step: int) -> bool:
        """Whether something is due after `step` updates."""
        return step in self.evaluated or step in self.measured or step >= self.steps

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """No step follows."""
        self.outcome, self.reason = outcome, reason

    def end_if_over(self) -> None:
        """End a trial that goes on after its last step, or after its last second."""
        if self.outcome is not None:
            return
        if self.step == self.steps:
            self.end(Outcome.COMPLETED)
        elif self.seconds > self.timeout:
            self.end(Outcome.FAILED, f"timeout: more than {given(self.timeout)} s at step {self.step}")

    @property
    def highest_loss(self) -> float:
        """A batch loss above it counts as divergence."""
        first = abs(self.first_loss) or NO_FIRST_LOSS
        return DIVERGENCE_FACTOR * max(first, LOWEST_FIRST_LOSS)

    def record_batches(
        self,
        losses: Sequence[float],
        penalties: Sequence[float],
        totals: Sequence[float],
        rate: float,
        parts: Mapping[str, Sequence[float]] = NO_PARTS,
    ) -> None:
        """Record the updates just made; the first whose batch shows divergence ends the trial.

        Args:
            losses, penalties, totals: loss, weighted penalty and their sum on the batch of each update.
            rate: learning rate of the last one.
            parts: named scalars that the loss gives beside its mean, on each batch.
        """
        if self.step == 0:
            self.first_loss = losses[0]
        diverged = self._first_diverged(losses, totals)
        if diverged is not None:
            self.step += diverged
            self.end(Outcome.DIVERGED, f"training loss {loss_value(totals[diverged])} at step {self.step}")
            return
        known = dict(zip(self.batch_metrics, zip(self.sums, self.batches, strict=True), strict=True))
        of_batches = (losses, penalties, *parts.values())
        for metric, values in zip(batch_metrics(tuple(parts)), of_batches, strict=True):
            before, batches = known.get(metric, (0.0, 0))
            # one after the other: a mean must not depend on how many updates are recorded at once
            known[metric] = reduce(add, values, before), batches + len(values)
        self.batch_metrics = tuple(known)
        self.sums, self.batches = zip(*known.values(), strict=True)
        self._go_on(len(losses), rate)

    def record_sums(self, steps: int, metrics: Sequence[str], sums: Sequence[float], rate: float) -> None:
        """Record updates of which none diverged; `sums` of all `metrics` since the last evaluation point."""
        before = self.batches[0] if self.batches else 0
        self.batch_metrics, self.sums, self.batches = metrics, sums, [before + steps] * len(sums)
        self._go_on(steps, rate)

    def _go_on(self, steps: int, rate: float) -> None:
        self.step += steps
        if self.step in self.evaluated:
            self.curves.add(self.step, (("learning_rate",),), (rate,))

    def _first_diverged(self, losses: Sequence[float], totals: Sequence[float]) -> int | None:
        limit = self.highest_loss
        batches = enumerate(zip(losses, totals, strict=True))
        return next((k for k, (loss, total) in batches if not math.isfinite(total) or loss > limit), None)

    def record_scores(self, scores: Mapping[str, float]) -> bool:
        """Record an evaluation point; a loss that is not finite, or the pruning rule, ends the trial.

        Args:
            scores: ``loss`` and the metrics of the task on validation rows.

        Returns:
            Whether to score the test rows now: the trial asks for it, and its objective is its best so far.
        """
        of_batches = tuple(self.batch_metrics or batch_metrics(())) if self.step > 0 else ()
        values = [*scores.values()]
        if of_batches:
            values += map(truediv, self.sums or (0.0, 0.0), self.batches or (1, 1))
        self.batch_metrics = self.sums = self.batches = ()
        (names,) = columns = _scored(tuple(scores), of_batches)
        self.curves.add(self.step, columns, values)
        if not math.isfinite(scores["loss"]):
            self.end(Outcome.DIVERGED, f"validation loss not finite at step {self.step}")
            return False
        metric = objective_metric(self.objective)
        if metric not in names:  # the training loss before the first batch
            return False
        objective = objective_value(self.objective, values[names.index(metric)])
        if math.isnan(objective):
            tasks = {score.task for score in named(metric.removeprefix("validation_"))}
            why = WHY if tasks - {"regression"} else ""
            self.end(Outcome.FAILED, f"{metric} is not a number at step {self.step}{why}")
            return False
        ranks = cost(self.objective, objective)
        improved = not self.costs or ranks < min(self.costs.values())
        self.objectives[self.step], self.costs[self.step] = objective, ranks
        if self.step < self.steps and self.trial.pruning.prunes(self.costs):
            self.end(Outcome.PRUNED, f"behind other trials at step {self.step}")
        return improved and self.trial.test

    def record_layers(
        self, step: int, layers: Sequence[int], measures: Sequence[str], values: Sequence[float]
    ) -> None:
        """Keep what was measured after `step` updates, where it is finite: measure by measure its value."""
        self.layers.add(step, (tuple(layers), tuple(measures)), values)

    def stop_measuring(self, reason: str, step: int) -> None:
        """Layers cannot be measured from `step` on, which may be over by now.

        Only a training step shows what a measurement must reach. Where none confirmed those before it, they
        may have been wrong, too, and are dropped; of models that cannot be measured from the beginning, the
        plan says so.
        """
        if any(0 < earlier < step for earlier in self.measured):
            self.note = f"layers are not measured from step {step} on: {reason}"
        else:
            self.layers.clear()
        self.measured = frozenset()

    def result(self, engine: str) -> TrialResult:
        """What an ended trial gives back. An objective that is not finite counts as divergence."""
        assert self.outcome is not None
        outcome, reason = self.outcome, self.reason or self.note
        at = min(self.costs, key=lambda step: self.costs[step], default=None)
        best = math.nan if at is None or outcome not in SOUND else self.objectives[at]
        if outcome in SOUND and not math.isfinite(best):
            outcome, best, reason = Outcome.DIVERGED, math.nan, f"objective {best} at step {self.step}"
        return TrialResult(
            self.trial,
            outcome,
            best,
            self.step,
            self.seconds,
            engine,
            reason,
            self.curves,
            self.layers,
            self.test,
            self.layer_names if self.layers else (),
        )


@lru_cache(maxsize=256)
def _scored(scores: tuple[str, ...], of_batches: tuple[str, ...]) -> tuple[tuple[str, ...]]:
    """The metrics of an evaluation point, a column of `Rows`."""
    return ((*(f"validation_{name}" for name in scores), *of_batches),)


def evaluation_steps(steps: int, evaluations: int) -> list[int]:
    """Evaluation points: 0 (before training) and `evaluations` evenly spaced steps, the last one included."""
    return sorted({0, *(round(steps * k / evaluations) for k in range(1, evaluations + 1))})


def measured_steps(steps: int) -> list[int]:
    """0 and 1, then log-spaced, four a decade, and the last step."""
    decades = np.log10(max(steps, 1))
    spaced = np.logspace(0, decades, int(np.ceil(4 * decades)) + 1)
    return sorted({0, *(round(float(step)) for step in spaced)})


@lru_cache(maxsize=64)
def _all_points(evaluated: frozenset[int], measured: frozenset[int], steps: int) -> tuple[int, ...]:
    return tuple(sorted(evaluated | measured | {steps}))


@lru_cache(maxsize=64)
def _points(steps: int, evaluations: int) -> tuple[frozenset[int], frozenset[int]]:
    return frozenset(evaluation_steps(steps, evaluations)), frozenset(measured_steps(steps))


@cache
def batch_metrics(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Metrics of batches: the loss, the weighted penalty, and the named scalars of the loss."""
    return "train_loss", "penalty", *(f"train_{name}" for name in parts)
