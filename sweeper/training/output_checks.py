"""Whether what a model puts out fits its loss, its scores and the objective, tried on some rows."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sweeper.components.inner_loss import NoPlainStep
from sweeper.components.losses import Loss
from sweeper.components.metrics import named
from sweeper.components.outputs import copied, first_tensor, mapped
from sweeper.components.tree import rows_in, taken
from sweeper.components.users_loss import UsersLoss, not_scalar
from sweeper.errors import DataError, ModelError, SweeperError
from sweeper.study.losses import unfit
from sweeper.study.settings import Settings
from sweeper.training.evaluate import batchable_scores, users_metric_inputs, users_metrics
from sweeper.training.reasons import reason_of
from sweeper.training.setup import Rows, Task, out_features
from sweeper.trial import objective_metric
from sweeper.user_code.calls import name_of


@contextmanager
def computing(what: str) -> Iterator[None]:
    """An error of the user's own code inside is told with the key that names the code, and with its line.

    `what`: that key and its value, as in ``training.loss = 'net:loss'``; empty: errors pass as they are.

    Raises:
        ModelError: in place of what the code raises.
    """
    try:
        yield
    except (SweeperError, NoPlainStep):
        raise
    except Exception as error:
        if not what:
            raise
        raise ModelError(f"{what} cannot be computed: {reason_of(error)}") from error


def loss_key(loss: Loss) -> str:
    """``training.loss = 'net:loss'`` of a function of the user's; empty for others."""
    return f"training.loss = {loss.name!r}" if isinstance(loss.function, UsersLoss) else ""


def check_metrics(task: Task, settings: Settings, loss: Loss) -> None:
    if loss.task == "sequence" and not loss.is_users:
        _check_tokens(task.data.targets, settings.ignore_index)
    if task.data.several is not None and task.study.data.standardize_target:
        raise DataError(
            "data.standardize_target = true is for one target, and items have several; scale them in the loss"
        )
    names = [metric.name for metric in loss.metrics]
    objective = task.study.search.objective
    if objective == "validation_error" and "accuracy" not in names:
        raise DataError(
            "search.objective = 'validation_error': the share of wrong classes does not fit "
            f"{_targets(task, loss)}; use validation_loss"
        )
    there = ", ".join(names)
    for name in unfit(task.study, settings, loss):
        raise DataError(f"training.metrics = {name!r} does not fit {_targets(task, loss)}; these do: {there}")
    asked = objective.removeprefix("validation_")
    if named(asked) and asked not in names:
        others = ", ".join(f"validation_{name}" for name in ("loss", *names))
        raise DataError(f"search.objective = {objective!r} does not fit {_targets(task, loss)}; use {others}")


def _check_tokens(targets: np.ndarray, ignored: int) -> None:
    """Numbers below 0 must be those that are ignored."""
    wrong = targets[(targets < 0) & (targets != ignored)]
    if len(wrong):
        raise DataError(
            f"targets have the class number {wrong[0]} ({len(wrong):,} of them), but classes count from 0; "
            f"to leave these out, set training.ignore_index = {wrong[0]}"
        )


def _targets(task: Task, loss: Loss) -> str:
    """What is learned, in words; where whole numbers could be classes, also how to say so."""
    y = task.data.targets
    if task.data.several is not None:
        return "several targets, which only scores of your own take"
    if loss.task == "regression" and y.dtype.kind in "iu":
        size = (
            f"data.classes = {int(y.max()) + 1}"
            if y.min() >= 0
            else "data.classes = N, and no number below 0"
        )
        return f"targets that are whole numbers and no classes (to say that they are: {size})"
    width = out_features(task.data, loss) // loss.outputs
    return {
        "classification": f"{width} classes",
        "sequence": f"sequences of {width} classes",
        "binary": f"{width} columns of targets from 0 to 1" if width > 1 else "one column of targets 0 and 1",
        "regression": "targets that are real numbers",
    }[loss.task]


def check_scores(task: Task, loss: Loss, output: Any, rows: Rows) -> None:
    """Every score must be a number for rows like these; the objective on all rows of validation.

    `output`: that for the first rows. It stands for the other rows' too: whether a score can be computed is
    decided by the targets.
    """
    count, y = len(first_tensor(output)), rows.y_validation
    with computing(loss_key(loss)):
        batchable_scores(loss, output, copied(taken(rows.y_train, slice(count))))
    objective = task.study.search.objective
    metric = objective_metric(task.study.objective)
    if metric in ("validation_loss", "train_loss") and not users_metrics(loss):
        return
    repeated = torch.arange(rows_in(y), device=first_tensor(y).device) % count
    of_rows = {"output", "target"} & set(output) if loss.inner else set()
    many = mapped(lambda tensor: tensor[repeated], {k: output[k] for k in of_rows} if loss.inner else output)
    every: Any = {**output, **many} if loss.inner else many
    with computing(loss_key(loss)), torch.no_grad():
        scores = batchable_scores(loss, every, copied(y))
    for own in users_metrics(loss):
        with computing(f"training.metrics: {own.name!r}"), torch.no_grad():
            outputs, targets = users_metric_inputs(loss, every, copied(y))
            scores[own.name] = own.scalar(copied(outputs), copied(targets))
    name = metric.removeprefix("validation_")
    if metric == "train_loss":
        return
    if name not in scores:
        there = ", ".join(f"validation_{key}" for key in scores)
        why = _why_not_recorded(name, loss, loss.of_model(output))
        raise DataError(
            f"search.objective = {objective!r}: no such score is recorded{why}; there are {there}"
        )
    if not math.isfinite(scores[name].item()):
        raise DataError(
            f"search.objective = {objective!r} cannot be computed on the {rows_in(y)} validation rows: "
            f"{_why_not(y, loss, came_split=task.data.fixed is not None)}"
        )


def _why_not_recorded(name: str, loss: Loss, output: Any) -> str:
    """Of a built-in score, what outputs it takes and what the model puts out instead; else nothing."""
    if name not in {metric.name for metric in loss.metrics if metric.task}:
        return ""
    wanted = {
        "classification": f"a tensor (rows, {loss.classes}), one number for each class",
        "sequence": f"a tensor (rows, time, {loss.classes}), one number for each class",
        "regression": "a tensor of real numbers like the targets",
    }[loss.task]
    return (
        f": it takes {wanted}, and the model puts out {put_out(output)}. Let the model return that and the "
        'loss arrange it, or name a score of your own, training.metrics = ["package.module:function"] of '
        "(outputs, targets)"
    )


def put_out(output: Any) -> str:
    """What a model returns, in words."""
    if isinstance(output, torch.Tensor):
        return f"({', '.join(['rows', *map(str, output.shape[1:])])}{',' * (output.ndim == 1)})"
    if isinstance(output, Mapping):
        return f"a dict of {', '.join(map(str, output))}"
    if isinstance(output, tuple | list):
        return f"a {type(output).__name__} of {len(output)}"
    return f"a {type(output).__name__}"


def _why_not(y: torch.Tensor, loss: Loss, *, came_split: bool) -> str:
    """Why a score is no number on these targets, as far as they show it, and what to do."""
    if loss.task in ("classification", "binary") and isinstance(y, torch.Tensor):
        labels = y if loss.task == "classification" else (y >= 0.5).long()
        what = "all of them are of one class" if len(labels.unique()) == 1 else "some class has no row there"
        drawn = "give more rows, or another data.split (or search.seed, where rows are drawn)"
        return f"{what}; {'put rows of every class into each part' if came_split else drawn}"
    return "it is not a finite number with the weights before training"


def check_scalar(value: Any, loss: Loss) -> None:
    if not isinstance(value, torch.Tensor) or value.ndim != 0:
        raise ModelError(not_scalar(loss.name, value))


def check_output(task: Task, output: Any, target: torch.Tensor, loss: Loss) -> None:
    """The output must have the shape that the loss needs for these data."""
    name, rows = label(task), len(target)
    if loss.is_users:
        return
    if not isinstance(output, torch.Tensor):
        raise ModelError(
            f"{name} must return a tensor for loss {loss.name}, not {put_out(output)}: a loss of your own, "
            'training.loss = "package.module:function", takes it as it is; or let a subclass pick one: '
            f"`def forward(self, *inputs): return super().forward(*inputs){_part_of(output)}`"
        )
    shape = tuple(output.shape)
    if loss.task == "sequence":
        wanted = (*target.shape, out_features(task.data, loss))
        if shape != wanted:
            raise ModelError(
                f"{name} puts out {shape} for {rows} rows; loss {loss.name} on sequences of targets "
                f"{tuple(target.shape)} needs {wanted}: one output for each token and class"
            )
    elif loss.task == "classification":
        classes = out_features(task.data, loss)
        if shape != (rows, classes):
            single = ", or loss bce with targets 0 and 1" * (classes == 2 and math.prod(shape) == rows)
            raise ModelError(
                f"{name} puts out {shape} for {rows} rows; loss {loss.name} on {classes} classes needs "
                f"({rows}, {classes}): use out_features for the width of the last layer{single}"
            )
    elif shape[:1] != (rows,) or math.prod(shape) != loss.outputs * target.numel():
        raise ModelError(
            f"{name} puts out {shape} for {rows} rows; loss {loss.name} needs {_wanted(target, loss)}: use "
            "out_features for the width of the last layer"
        )


def _part_of(output: Any) -> str:
    """The place of the first tensor of an output, as code."""
    if isinstance(output, Mapping):
        return next((f"[{key!r}]" for key, part in output.items() if isinstance(part, torch.Tensor)), "[…]")
    if isinstance(output, tuple | list):
        return next((f"[{k}]" for k, part in enumerate(output) if isinstance(part, torch.Tensor)), "[…]")
    return ".logits" if hasattr(output, "logits") else ".…"


def _wanted(target: torch.Tensor, loss: Loss) -> str:
    if loss.outputs == 1:
        return f"{tuple(target.shape)}, the shape of the targets"
    return f"({len(target)}, {loss.outputs * target[0].numel()}), {loss.outputs} for each target"


def label(task: Task) -> str:
    """How messages name the study's model."""
    source = task.study.model.source
    name = source if isinstance(source, str) else name_of(source)
    return f"model {name!r}"
