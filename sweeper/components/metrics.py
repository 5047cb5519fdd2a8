"""Scores that people read beside the loss, in plain torch, so that stacks and scripts compute the same.

Those with a namesake in scikit-learn equal it.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.components.rankings import (
    label_auc,
    label_average_precision,
    ovr_auc,
    ovr_average_precision,
    two_class_auc,
    two_class_average_precision,
)
from sweeper.components.target_form import TargetForm
from sweeper.errors import ModelError

MIDDLE = ("mae",)
"""Scores of which the median is the best constant, whatever the loss."""
BY_MAE = " (by MAE: their median)"
"""What is added to the words of a guess that is another constant by `MIDDLE`."""
MEDIAN = "the median of the training rows"
"""What that guess is by these scores."""


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Share of rows whose largest output, shape (n, classes), is at the target class, shape (n,)."""
    return (output.argmax(dim=1) == target).double().mean()


def binary_accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Share of elements whose logit has the side of the target: above 0 for targets of 0.5 and more."""
    return ((output.reshape(target.shape) > 0) == (target >= 0.5)).double().mean()


def token_accuracy(output: Tensor, target: Tensor, ignore_index: int = -100) -> Tensor:
    """Share of tokens at whose target the largest output is; (n, time, classes) and (n, time)."""
    kept = (target != ignore_index).double()
    return ((output.argmax(dim=-1) == target) * kept).sum() / kept.sum()


def balanced_accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Mean recall of the classes that occur; output (n, classes), target (n,)."""
    return mean_recall(*class_counts(output.argmax(dim=1), target, output.shape[1]))


def binary_balanced_accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Mean recall of the two sides of 0; one column of logits."""
    return mean_recall(*side_counts(output, target))


def f1(output: Tensor, target: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN) of class 1, 0 where nothing is; output (n, 2), target (n,)."""
    return class_f1(*class_counts(output.argmax(dim=1), target, 2))[0][1]


def binary_f1(output: Tensor, target: Tensor) -> Tensor:
    """2 TP / (2 TP + FP + FN) of the targets of 0.5 and more; one column of logits."""
    return class_f1(*side_counts(output, target))[0][1]


def f1_macro(output: Tensor, target: Tensor) -> Tensor:
    """Mean F1 of the classes that occur or are predicted; output (n, classes), target (n,)."""
    return mean_f1(*class_counts(output.argmax(dim=1), target, output.shape[1]))


def binary_f1_macro(output: Tensor, target: Tensor) -> Tensor:
    """Mean F1 of the two sides of 0; one column of logits."""
    return mean_f1(*side_counts(output, target))


def label_f1_macro(output: Tensor, target: Tensor) -> Tensor:
    """Mean over columns of the F1 of the targets of 0.5 and more, 0 where nothing is; logits (n, k)."""
    predicted, true = output.reshape(target.shape) > 0, target >= 0.5
    hits = (predicted & true).double().sum(dim=0)
    return class_f1(hits, predicted.double().sum(dim=0), true.double().sum(dim=0))[0].mean()


def mcc(output: Tensor, target: Tensor) -> Tensor:
    """Matthews correlation of predicted and true class, 0 where one of them never changes (Gorodkin 2004)."""
    return correlation(*class_counts(output.argmax(dim=1), target, output.shape[1]))


def binary_mcc(output: Tensor, target: Tensor) -> Tensor:
    """Matthews correlation of the side of the logit and that of the target; one column."""
    return correlation(*side_counts(output, target))


def top_accuracy(output: Tensor, target: Tensor, k: int, ignore_index: int = -100) -> Tensor:
    """Share of targets that are among the `k` largest outputs; output (…, classes), target (…)."""
    kept = (target != ignore_index).double()
    largest = output.topk(min(k, output.shape[-1]), dim=-1).indices
    return ((largest == target[..., None]).any(dim=-1) * kept).sum() / kept.sum()


def perplexity(output: Tensor, target: Tensor, ignore_index: int = -100) -> Tensor:
    """exp of the mean cross-entropy; output (…, classes), target (…) of class numbers."""
    flat, kept = output.reshape(-1, output.shape[-1]), target.reshape(-1) != ignore_index
    each = F.cross_entropy(flat, torch.where(kept, target.reshape(-1), 0), reduction="none")
    return (torch.where(kept, each, 0.0).sum() / kept.sum()).double().exp()


def r2(output: Tensor, target: Tensor) -> Tensor:
    """Coefficient of determination 1 − Σ(y − ŷ)² / Σ(y − mean y)², over all target columns.

    Where these do not vary 1 if all is right, else 0, as in scikit-learn.
    """
    residual = (target - output.reshape(target.shape)).double().square().sum()
    total = (target - target.mean(dim=0)).double().square().sum()
    varies = total > 0
    return torch.where(varies, 1 - residual / torch.where(varies, total, 1.0), (residual == 0).double())


def mae(output: Tensor, target: Tensor) -> Tensor:
    """Mean of |ŷ − y| over rows and columns, in the unit of the targets."""
    return (output.reshape(target.shape).double() - target.double()).abs().mean()


def rmse(output: Tensor, target: Tensor) -> Tensor:
    """Mean over columns of the root of the mean of (ŷ − y)², in the unit of the targets."""
    return (output.reshape(target.shape).double() - target.double()).square().mean(dim=0).sqrt().mean()


def class_counts(predicted: Tensor, target: Tensor, classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows of each class: predicted rightly, predicted, and there; (classes,) each."""
    none, one = target.new_zeros(classes).double(), torch.ones_like(target).double()
    hit = (predicted == target).double()
    return (
        none.scatter_add(0, target, hit),
        none.scatter_add(0, predicted, one),
        none.scatter_add(0, target, one),
    )


def side_counts(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """`class_counts` of a column of logits, by their side of 0, and of targets, by their side of one half."""
    predicted, true = (output.reshape(target.shape) > 0).reshape(-1), (target >= 0.5).reshape(-1)
    return class_counts(predicted.long(), true.long(), 2)


def mean_recall(hits: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
    """Mean of hits / true over the classes that occur."""
    occur = (true > 0).double()
    return (hits / true.clamp_min(1)).sum() / occur.sum()


def class_f1(hits: Tensor, predicted: Tensor, true: Tensor) -> tuple[Tensor, Tensor]:
    """F1 of each class, 0 where it is neither there nor predicted, and whether it is."""
    both = predicted + true
    return 2 * hits / both.clamp_min(1), (both > 0).double()


def mean_f1(hits: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
    """Mean F1 of the classes that occur or are predicted."""
    scores, there = class_f1(hits, predicted, true)
    return scores.sum() / there.sum()


def correlation(hits: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
    """Matthews correlation from the counts of `class_counts`."""
    rows = true.sum()
    both = hits.sum() * rows - (predicted * true).sum()
    spread = (rows**2 - (predicted**2).sum()) * (rows**2 - (true**2).sum())
    return torch.where(spread > 0, both / spread.clamp_min(1).sqrt(), 0.0)


@dataclass(frozen=True)
class Metric:
    """A score by name."""

    name: str
    """Of its curves: ``validation_NAME``."""
    task: str
    """That of the losses beside which it is recorded."""
    function: Callable[..., Tensor]
    """(output, target) -> scalar"""
    best: float
    """What it can be at best; infinite where nothing bounds it."""
    worst: float
    """What it can be at worst. Higher values are better where this lies below `best`."""
    abbreviation: str = ""
    """How people write its name, where that is not the name: ``AUC``."""
    widths: tuple[float, float] = (1, float("inf"))
    """Fewest and most classes, or columns of targets."""
    on_request: bool = False
    """Recorded only where the study names it: it costs more, or few want it."""
    arguments: tuple[tuple[str, Any], ...] = ()
    """Further ones of the function."""

    @property
    def maximize(self) -> bool:
        """Whether higher is better."""
        return self.best > self.worst

    @property
    def scalar(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The function with its arguments."""
        return partial(self.function, **dict(self.arguments)) if self.arguments else self.function


TWO, ONE, SEVERAL = (2, 2), (1, 1), (2, float("inf"))
MORE = (3, float("inf"))

SHARE, CORRELATION, EXPLAINED = (1.0, 0.0), (1.0, -1.0), (1.0, -math.inf)
EXCESS, FACTOR = (0.0, math.inf), (1.0, math.inf)
"""Best and worst value."""

METRICS: tuple[Metric, ...] = (
    Metric("accuracy", "classification", accuracy, *SHARE),
    Metric("balanced_accuracy", "classification", balanced_accuracy, *SHARE),
    Metric("f1", "classification", f1, *SHARE, "F1", TWO),
    Metric("f1_macro", "classification", f1_macro, *SHARE),
    Metric("mcc", "classification", mcc, *CORRELATION, "MCC"),
    Metric("auc", "classification", two_class_auc, *SHARE, "AUC", TWO),
    Metric("average_precision", "classification", two_class_average_precision, *SHARE, widths=TWO),
    Metric("auc", "classification", ovr_auc, *SHARE, "AUC", MORE, on_request=True),
    Metric(
        "average_precision", "classification", ovr_average_precision, *SHARE, widths=MORE, on_request=True
    ),
    Metric("perplexity", "classification", perplexity, *FACTOR, on_request=True),
    Metric("accuracy", "binary", binary_accuracy, *SHARE),
    Metric("balanced_accuracy", "binary", binary_balanced_accuracy, *SHARE, widths=ONE),
    Metric("f1", "binary", binary_f1, *SHARE, "F1", ONE),
    Metric("f1_macro", "binary", binary_f1_macro, *SHARE, widths=ONE),
    Metric("f1_macro", "binary", label_f1_macro, *SHARE, widths=SEVERAL),
    Metric("mcc", "binary", binary_mcc, *CORRELATION, "MCC", ONE),
    Metric("auc", "binary", label_auc, *SHARE, "AUC", ONE),
    Metric("average_precision", "binary", label_average_precision, *SHARE, widths=ONE),
    Metric("auc", "binary", label_auc, *SHARE, "AUC", SEVERAL, on_request=True),
    Metric("average_precision", "binary", label_average_precision, *SHARE, widths=SEVERAL, on_request=True),
    Metric("r2", "regression", r2, *EXPLAINED, "R²"),
    Metric("mae", "regression", mae, *EXCESS, "MAE"),
    Metric("rmse", "regression", rmse, *EXCESS, "RMSE"),
    Metric("accuracy", "sequence", token_accuracy, *SHARE),
    Metric("perplexity", "sequence", perplexity, *FACTOR),
)
"""A name may stand for several functions, of which one fits; all have the same best and worst value."""

OF_CLASS_1 = ("f1", "average_precision")
"""Those that are about class 1 alone, where there are two."""

TOP = re.compile(r"top_([1-9]\d{0,3})_accuracy")


def named(name: str) -> list[Metric]:
    """All that a name stands for: those of `METRICS`, or ``top_K_accuracy``; none if it is unknown."""
    if match := TOP.fullmatch(name):
        k = (("k", int(match[1])),)
        tasks = ("classification", "sequence")
        return [
            Metric(name, task, top_accuracy, *SHARE, widths=SEVERAL, on_request=True, arguments=k)
            for task in tasks
        ]
    return [metric for metric in METRICS if metric.name == name]


def known_score(name: str) -> Metric | None:
    """Any entry of this name, for what all of them share: best, worst and abbreviation."""
    return next(iter(named(name)), None)


def names() -> list[str]:
    """The names that a study may give; ``top_5_accuracy`` stands for any number."""
    return [*dict.fromkeys(metric.name for metric in METRICS), "top_5_accuracy"]


def metrics_of(task: str, width: int = 1, asked: Sequence[str] = ()) -> tuple[Metric, ...]:
    """Those that are recorded for losses of this task on so many classes, or target columns.

    `asked`: names of further ones; what does not fit is left out.
    """
    extra = [metric for name in asked for metric in named(name) if TOP.fullmatch(name)]
    return tuple(
        metric
        for metric in (*METRICS, *extra)
        if metric.task == task
        and metric.widths[0] <= width <= metric.widths[1]
        and (not metric.on_request or metric.name in asked)
    )


@dataclass(frozen=True)
class UsersMetric:
    """A function (outputs, targets) -> number of the user, which gets copies; what it gives is checked."""

    name: str
    function: Callable[..., Any]
    form: TargetForm | None = None
    """Of targets; ``None``: as they are."""

    def __call__(self, output: Any, target: Any) -> Tensor:
        """The number, in float64.

        Raises:
            ModelError: if the function gives something else.
        """
        value = self.function(output, target if self.form is None else self.form(target))
        try:
            score = torch.as_tensor(value, dtype=torch.float64).detach()
        except (TypeError, ValueError, RuntimeError):
            score = None
        if score is None or score.numel() != 1:
            what = (
                f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else repr(value)[:80]
            )
            raise ModelError(f"training.metrics: {self.name} must return a number, not {what}")
        return score.reshape(())


def users_metric(
    name: str, function: Callable[..., Any], maximize: bool, form: TargetForm | None = None
) -> Metric:
    """A score of the user's own, which fits any loss; it gets targets in this form."""
    best = math.inf if maximize else -math.inf
    return Metric(name, "", UsersMetric(name, function, form), best, -best)


def with_arguments(metric: Metric, **arguments: Any) -> Metric:
    """`metric` with arguments of its function."""
    return replace(metric, arguments=(*metric.arguments, *arguments.items()))
