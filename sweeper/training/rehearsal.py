"""A look at model, data and loss together before anything is written: one forward pass a configuration.

It runs in a worker process, so that a model that ends its process does not take the driver along.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from sweeper.components.losses import Loss
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.errors import DataError, ModelError, SweeperError
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.study.space import Range, Space
from sweeper.training.setup import Task, initial_model, out_features, pick_loss, rows_of

ROWS = 4


def configurations(space: Space) -> Iterator[dict[str, Any]]:
    """One configuration per value of each parameter, the others at their first; ranges at both ends."""
    for optimizer in space.entries["optimizer"].values or ():
        active = space.active(optimizer)
        base = {"optimizer": optimizer, **{name: values.at(0.0) for name, (_, values) in active.items()}}
        yield base
        if optimizer != (space.entries["optimizer"].values or ())[0]:
            continue  # models and losses do not see the optimizer: vary the rest once
        for name, (_, values) in active.items():
            ends = (values.at(1.0),) if isinstance(values, Range) else (values.values or ())[1:]
            yield from ({**base, name: value} for value in ends)


def rehearse(task: Task) -> list[str]:
    """What is wrong with each configuration that cannot be trained; an empty string where all is well.

    Failures of single configurations are no reason to refuse a study: such trials fail alone, with
    their reason in the records.
    """
    return [_problem(task, parameters) for parameters in configurations(task.study.space)]


def judge(problems: Sequence[str]) -> None:
    """Refuse a study of which no configuration can be trained.

    Raises:
        ModelError: with the first problem.
    """
    if problems and all(problems):
        raise ModelError(problems[0])


def _problem(task: Task, parameters: Mapping[str, Any]) -> str:
    try:
        settings = settings_of(task.study, parameters)
        _try(task, settings)
    except SweeperError as error:
        return str(error)
    except Exception as error:  # whatever a model raises is its own
        return f"{_label(task)} cannot be trained: {type(error).__name__}: {' '.join(str(error).split())[:500]}"
    return ""


def _try(task: Task, settings: Settings) -> None:
    rows, loss = rows_of(task, settings, task.study.search.seed), pick_loss(task, settings)
    model = initial_model(task, settings, task.study.search.seed).model
    parameters = list(model.parameters())
    if not parameters:
        raise ModelError(f"{_label(task)} has no parameters to train")
    OPTIMIZERS[settings.optimizer].make(parameters, lr=settings.learning_rate, **settings.options)
    model.eval()
    with torch.no_grad():
        x, y = rows.x_train[:ROWS], rows.y_train[:ROWS]
        output = model(x)
        check_output(task, output, y, loss)
        value = loss.function(output, y)
    if not isinstance(value, torch.Tensor) or value.ndim != 0:
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ModelError(f"training.loss = {loss.name!r} must return a scalar tensor, not {shape}")


def check_output(task: Task, output: Any, target: torch.Tensor, loss: Loss) -> None:
    """The output must have the shape that the loss needs for these data, and its range must hold the targets."""
    label = _label(task)
    if not isinstance(output, torch.Tensor):
        raise ModelError(f"{label} must return a tensor, not {type(output).__name__}")
    shape = tuple(output.shape)
    if loss.task == "classification":
        classes = out_features(task.data, loss)
        if output.ndim != 2 or shape[1] != classes:
            raise ModelError(
                f"{label} puts out {shape} for {len(target)} rows; loss {loss.name} on {classes} classes needs "
                f"({len(target)}, {classes}): use out_features for the width of the last layer"
            )
    elif math.prod(shape) != target.numel():
        raise ModelError(
            f"{label} puts out {shape} for {len(target)} rows; loss {loss.name} needs {tuple(target.shape)}, "
            "the shape of the targets"
        )
    _check_range(task, output, loss)


def _check_range(task: Task, output: torch.Tensor, loss: Loss) -> None:
    targets = task.data.targets
    low, high = float(output.min()), float(output.max())
    if loss.name == "bce" and 0 <= low and high <= 1 and output.numel() >= ROWS:
        # Four logits of a fresh net that all lie in [0, 1] are possible; a sigmoid at the end is the cause to name.
        if _ends_in_sigmoid(task):
            raise ModelError(
                f"{_label(task)} ends in a sigmoid, but loss bce takes logits: leave the sigmoid out, or set "
                "training.loss = 'torch.nn.functional:binary_cross_entropy'"
            )
    if loss.task == "regression" and targets.min() < 0 and _last_is(task, ("ReLU", "Softplus", "Sigmoid", "ReLU6")):
        raise DataError(
            f"{_label(task)} ends in an activation that is never negative, but the targets go down to "
            f"{targets.min():.6g}: use a linear output layer"
        )


def _ends_in_sigmoid(task: Task) -> bool:
    return _last_is(task, ("Sigmoid", "Hardsigmoid"))


def _last_is(task: Task, names: tuple[str, ...]) -> bool:
    """Whether the module that was registered last is one of these activations."""
    first = next(configurations(task.study.space))
    model = initial_model(task, settings_of(task.study, first), 0).model
    return type(list(model.modules())[-1]).__name__ in names


def _label(task: Task) -> str:
    source = task.study.model.source
    name = source if isinstance(source, str) else getattr(source, "__qualname__", repr(source))
    return f"model {name!r}"
