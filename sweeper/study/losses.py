"""The loss of a trial: a named one or the user's, with its options, and the scores that stand beside it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from sweeper.components.guess import class_weights, side_weights
from sweeper.components.inner_loss import STEP
from sweeper.components.losses import LOSSES, Loss, configured
from sweeper.components.metrics import Metric, metrics_of, named, users_metric, with_arguments
from sweeper.components.target_form import TargetForm
from sweeper.components.tree import mapped
from sweeper.components.users_loss import InnerLoss, UsersLoss, asked_of
from sweeper.data.data import Data
from sweeper.data.splits import targets_of
from sweeper.errors import DataError
from sweeper.study.check_losses import metric_name
from sweeper.study.settings import Settings
from sweeper.study.study import Study
from sweeper.trial import is_maximized, objective_metric
from sweeper.user_code.lookup import is_built_in, resolve


def loss_of(
    study: Study, data: Data, settings: Settings, seed: int | None = None, device: torch.device | None = None
) -> Loss:
    """The named loss, or the user's function with the task that the data suggest.

    `seed`: that of the replicate on whose training rows balanced weights are counted; without it there are
    no weights, as where only the width of the output is asked for.

    Raises:
        DataError: if there are not as many weights as classes.
    """
    if isinstance(settings.loss, str) and settings.loss in LOSSES:
        loss = LOSSES[settings.loss]
        if is_sequence(data) and loss.task == "classification":
            loss = replace(loss, task="sequence")
        weights = None if seed is None else weights_of(study, data, settings, loss, seed)
        dtype = getattr(torch, settings.dtype)
        weight = None if weights is None else torch.tensor(weights, dtype=dtype, device=device)
        loss = configured(loss, vars(settings), weight)
    else:
        loss = _users_loss(study, settings, data)
    return replace(loss, metrics=recorded(study, settings, data, loss))


def _users_loss(study: Study, settings: Settings, data: Data) -> Loss:
    task = "regression" if data.classes is None else "sequence" if is_sequence(data) else "classification"
    form, classes = target_form(data, settings), len(data.classes or ())
    if settings.loss == STEP:
        return Loss(STEP, InnerLoss(STEP, None, names=data.item_names, form=form), task, classes=classes)
    function = resolve(settings.loss, study.folder) if isinstance(settings.loss, str) else settings.loss
    if isinstance(function, type):  # a class such as torch.nn.HuberLoss
        function = function()
    name = getattr(function, "__name__", type(function).__name__)
    asks, target_asked = asked_of(function, data.inputs if isinstance(data.inputs, dict) else ())
    if asks or data.several is not None:
        return Loss(
            name, InnerLoss(name, function, asks, target_asked, data.item_names, form), task, classes=classes
        )
    return Loss(name, UsersLoss(name, function, form), task, classes=classes)


def target_form(data: Data, settings: Settings) -> TargetForm | None:
    """In which form a loss of the user's, and scores beside it, get targets; ``None``: as they are in `data`.

    A loader gives its own, which a training step expects in any case. Arrays have no loader: of them a loss
    gets numbers as (n, columns).
    """
    form = data.target_form
    named = isinstance(settings.loss, str) and settings.loss in LOSSES
    if form is None or data.several is not None or named or (data.read != "items" and settings.loss != STEP):
        return None
    return None if form.is_identity(data.targets.shape[1:]) else form


def is_sequence(data: Data) -> bool:
    """Whether targets are class numbers with a time axis."""
    return data.classes is not None and data.targets.ndim > 1


def out_features(data: Data, loss: Loss) -> int:
    """Width of the output layer: one per class, else what the loss needs for each target column."""
    if loss.task in ("classification", "sequence") and data.classes is not None:
        return len(data.classes)
    return loss.outputs * (1 if data.targets.ndim == 1 else data.targets.shape[1])


def widths(data: Data, loss: Loss) -> Any:
    """What a model function gets as ``out_features``: of several targets one for each, arranged as these."""
    if data.several is None:
        return out_features(data, loss)
    return mapped(_width, data.several)


def _width(target: np.ndarray) -> int:
    """Classes of whole numbers 0 … k − 1 (n,), else numbers of a row."""
    if target.ndim == 1 and target.dtype.kind in "iu":
        numbers = np.unique(target)
        return len(numbers) if np.array_equal(numbers, np.arange(len(numbers))) else 1
    return math.prod(target.shape[1:])


def recorded(study: Study, settings: Settings, data: Data, loss: Loss) -> tuple[Metric, ...]:
    """The scores of every evaluation point: those that fit the loss, those asked for, and the user's."""
    objective = objective_metric(study.objective).removeprefix("validation_")
    asked = [*(m for m in settings.metrics if is_built_in(m)), objective]
    width = out_features(data, loss) // loss.outputs
    metrics = list(metrics_of(loss.task, width, asked)) if data.several is None else []
    if loss.task == "sequence":
        metrics = [with_arguments(metric, ignore_index=settings.ignore_index) for metric in metrics]
    for source in settings.metrics:
        if is_built_in(source):
            continue
        function = resolve(source, study.folder) if isinstance(source, str) else source
        name = metric_name(source)
        form, best_is_highest = (
            target_form(data, settings),
            name == objective and is_maximized(study.objective),
        )
        metrics.append(users_metric(name, function, best_is_highest, form))
    return tuple(metrics)


def unfit(study: Study, settings: Settings, loss: Loss) -> list[str]:
    """Names of `training.metrics` that do not fit the loss or the number of classes."""
    there = {metric.name for metric in loss.metrics}
    return [name for name in map(metric_name, settings.metrics) if name not in there and named(name)]


def weights_of(study: Study, data: Data, settings: Settings, loss: Loss, seed: int) -> np.ndarray | None:
    """Weights of the classes, (classes,), or for `bce` of both sides: (2, columns) or (2, 1)."""
    asked = settings.class_weight
    if asked is None or "class_weight" not in loss.options:
        return None
    if not isinstance(asked, str):
        return _given(asked, loss, data)
    section = study.data
    labels, *_ = targets_of(
        data,
        section.split,
        seed=seed,
        test_seed=study.search.seed,
        standardize_target=section.standardize_target,
    )
    if loss.task == "binary":
        return side_weights(labels)
    return class_weights(labels, len(data.classes or ()), settings.ignore_index)


def _given(asked: Sequence[float], loss: Loss, data: Data) -> np.ndarray:
    wanted = 2 if loss.task == "binary" else len(data.classes or ())
    if len(asked) != wanted:
        what = "targets 0 and 1" if loss.task == "binary" else f"{wanted} classes"
        raise DataError(
            f"training.class_weight = {list(asked)} has {len(asked)} weights, but there are {what}: "
            f"give {wanted} of them"
        )
    weights = np.array(asked)
    return weights[:, None] if loss.task == "binary" else weights
