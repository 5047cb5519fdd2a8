"""Validation at the evaluation points: the curves of a trial and its objective."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from sweeper.components.losses import Loss
from sweeper.components.metrics import METRICS
from sweeper.training.setup import Rows
from sweeper.user_code.observing import apart, seed_of
from sweeper.user_code.outside import of_model, put_back

CHUNK = 8192
"""Rows evaluated in one forward pass."""


def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Outputs of `model` for all rows, dropout off and without gradients; the model gets copies of them."""
    training = model.training
    model.eval()
    with torch.no_grad():
        parts = [model(part.clone()) for part in (x.split(CHUNK) if len(x) > CHUNK else (x,))]
    model.train(training)
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def scores(model: nn.Module, loss: Loss, x: Tensor, y: Tensor, seed: int = 0) -> dict[str, float]:
    """``loss`` and the metric of the task (``accuracy`` or ``r2``) on the rows (x, y).

    What the model draws comes from generators seeded with `seed`. Those of the training, the model's
    buffers and the rows are left as they are.
    """
    name, metric = METRICS[loss.task]
    with apart(model, seed):
        output, y = predict(model, x), y.clone()
        return {"loss": loss.function(output, y).item(), name: metric(output, y).item()}


class Evaluation:
    """Collects one trial's evaluation points and keeps the best objective."""

    def __init__(self, objective: str, loss: Loss, rows: Rows, with_test: bool, seed: int = 0) -> None:
        """`seed`: of the trial; what the model draws while it is evaluated depends on it and the step."""
        self.objective, self.loss, self.rows, self.with_test = objective, loss, rows, with_test
        self.seed = seed
        self.steps: list[int] = []
        self.objectives: list[float] = []
        self.test: Mapping[str, float] = {}
        self.finite = True

    @property
    def best(self) -> float:
        return min(self.objectives, default=math.nan)

    def at(
        self, step: int, model: nn.Module, batch_losses: list[float], penalties: list[float]
    ) -> list[tuple[int, str, float]]:
        """Rows (step, metric, value) of this evaluation point; empties the lists of batch values."""
        rows, seed = self.rows, seed_of(self.seed, step, 0)
        found = scores(model, self.loss, rows.x_validation, rows.y_validation, seed)
        self.finite = math.isfinite(found["loss"])
        values = {f"validation_{name}": value for name, value in found.items()}
        if step > 0:
            values["train_loss"] = mean(batch_losses)
            values["penalty"] = mean(penalties)
        if self.finite:
            self._keep_objective(step, values, model)
        batch_losses.clear()
        penalties.clear()
        return [(step, name, value) for name, value in values.items() if math.isfinite(value)]

    def _keep_objective(self, step: int, values: Mapping[str, float], model: nn.Module) -> None:
        if self.objective == "validation_error":
            objective = 1 - values["validation_accuracy"]
        elif self.objective == "train_loss" and step == 0:
            return  # no batch was seen yet
        else:
            objective = values[self.objective]
        improved = objective < self.best or not self.objectives
        self.steps.append(step)
        self.objectives.append(objective)
        if self.with_test and improved and len(self.rows.x_test):
            seed = seed_of(self.seed, step, 1)
            with put_back(of_model(model), weights=False):
                self.test = scores(model, self.loss, self.rows.x_test, self.rows.y_test, seed)


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; 0 for no values."""
    return sum(values) / len(values) if values else 0.0
