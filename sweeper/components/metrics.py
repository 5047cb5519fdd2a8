"""Scores that people read beside the loss; higher is better."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Share of rows whose largest output, shape (n, classes), is at the target class, shape (n,)."""
    return (output.argmax(dim=1) == target).double().mean()


def binary_accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Share of elements whose logit has the side of the target: above 0 for targets of 0.5 and more."""
    return ((output.view_as(target) > 0) == (target >= 0.5)).double().mean()


def r2(output: Tensor, target: Tensor) -> Tensor:
    """Coefficient of determination 1 − Σ(y − ŷ)² / Σ(y − mean y)², over all target columns."""
    residual = (target - output.view_as(target)).double().square().sum()
    return 1 - residual / (target - target.mean(dim=0)).double().square().sum().clamp_min(
        torch.finfo(torch.float64).tiny
    )


@dataclass(frozen=True)
class Metric:
    """A score by name."""

    name: str
    """Of its curves: ``validation_NAME``."""
    task: str
    """That of the losses beside which it is recorded."""
    function: Callable[[Tensor, Tensor], Tensor]
    """(output, target) -> scalar"""


METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "classification", accuracy),
    Metric("accuracy", "binary", binary_accuracy),
    Metric("r2", "regression", r2),
)


def metrics_of(task: str) -> tuple[Metric, ...]:
    """Those that are recorded for losses of this task."""
    return tuple(metric for metric in METRICS if metric.task == task)
