"""Validation of many trials in one forward pass, and what follows for each of them."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from sweeper.components.losses import Loss
from sweeper.components.metrics import METRICS
from sweeper.training.result import Outcome
from sweeper.training.setup import Rows
from sweeper.training.stacked.activation_split import Split
from sweeper.training.stacked.running import Running
from sweeper.training.stacked.template import Template, losses_of

CHUNK = 8192
"""Rows evaluated in one forward pass."""

Values = Callable[[Sequence[int]], dict[str, Tensor]]
"""Positions among the trials -> their parameters and buffers, with a trial axis."""


class Evaluator:
    """Evaluates trials of one task."""

    def __init__(
        self, template: Template, loss: Loss, objective: str, rows_of: Callable[[int], Rows]
    ) -> None:
        self.template, self.loss, self.objective, self.rows_of = template, loss, objective, rows_of

    def evaluate(self, running: Sequence[Running], values: Values) -> None:
        """The evaluation point of every trial in `running`; those that diverged or lag behind end here."""
        found = self._scores(running, range(len(running)), values, "validation")
        improved = [i for i, run in enumerate(running) if self._note(run, found[i])]
        tested = [i for i in improved if running[i].trial.test and len(self._rows(running[i]).x_test)]
        for i, test in self._scores(running, tested, values, "test").items():
            running[i].test = test
        for run in running:
            going_on = run.outcome is None and run.step < run.steps
            if going_on and run.trial.rungs.prune(run.points, run.objectives):
                run.end(Outcome.PRUNED, f"behind other trials at step {run.step}")

    def _rows(self, run: Running) -> Rows:
        return self.rows_of(run.trial.seed)

    def _scores(
        self, running: Sequence[Running], chosen: Sequence[int], values: Values, part: str
    ) -> dict[int, Mapping[str, float]]:
        """Position -> ``loss`` and the metric of the task on the trial's own rows."""
        by_rows: dict[int, list[int]] = {}
        for i in chosen:
            by_rows.setdefault(id(self._rows(running[i])), []).append(i)
        found: dict[int, Mapping[str, float]] = {}
        for members in by_rows.values():
            rows = self._rows(running[members[0]])
            x, y = getattr(rows, f"x_{part}"), getattr(rows, f"y_{part}")
            at_once = max(1, 8 * CHUNK // max(1, min(len(x), CHUNK)))
            for start in range(0, len(members), at_once):
                some = members[start : start + at_once]
                split = Split(list(zip(*(running[i].initial.kernels for i in some), strict=True)))
                found |= zip(some, self._score(values(some), split, x, y), strict=True)
        return found

    def _score(self, values: dict[str, Tensor], split: Split, x: Tensor, y: Tensor) -> list[dict[str, float]]:
        name, metric = METRICS[self.loss.task]
        with torch.no_grad(), self.template.evaluating():
            parts = [self.template.outputs(values, split, part, shared=True) for part in x.split(CHUNK)]
            output = torch.cat(parts, 1) if len(parts) > 1 else parts[0]
            losses = losses_of(self.loss.function, output, y, shared=True).tolist()
            metrics = losses_of(metric, output, y, shared=True).tolist()
        return [{"loss": loss, name: value} for loss, value in zip(losses, metrics, strict=True)]

    def _note(self, run: Running, found: Mapping[str, float]) -> bool:
        """Keep the rows of this point and its objective; whether that is the best so far."""
        values = {f"validation_{name}": value for name, value in found.items()}
        if run.step > 0:
            values["train_loss"], values["penalty"] = _mean(run.batch_losses), _mean(run.penalties)
        run.batch_losses.clear()
        run.penalties.clear()
        run.curves += [(run.step, name, value) for name, value in values.items() if math.isfinite(value)]
        if not math.isfinite(found["loss"]):
            run.end(Outcome.DIVERGED, f"validation loss not finite at step {run.step}")
            return False
        if self.objective == "train_loss" and run.step == 0:
            return False  # no batch was seen yet
        objective = (
            1 - values["validation_accuracy"]
            if self.objective == "validation_error"
            else values[self.objective]
        )
        improved = not run.objectives or objective < min(run.objectives)
        run.points.append(run.step)
        run.objectives.append(objective)
        return improved


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
