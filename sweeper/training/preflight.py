"""Model, data and loss tried together before anything is written: one training step a configuration.

It runs in a worker process, so that a model that ends its process does not take the driver along.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from sweeper.components.build import Built
from sweeper.components.inner_loss import STEP, NoPlainStep
from sweeper.components.losses import Loss
from sweeper.components.penalties import PENALTIES
from sweeper.components.swap import IN_LARGEST, Swapped
from sweeper.components.tree import applied, copied, leaves, named_leaves, taken
from sweeper.components.users_loss import no_plain_step
from sweeper.data.column_words import all_alike
from sweeper.data.streamed import Streamed
from sweeper.errors import DataError, ModelError, SweeperError
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.study.space import Range, Space
from sweeper.training.capture import outputs_of, penalty_of
from sweeper.training.loss_notes import loss_notes
from sweeper.training.output_checks import (
    check_metrics,
    check_output,
    check_scalar,
    check_scores,
    computing,
    label,
    loss_key,
)
from sweeper.training.output_range import range_problem
from sweeper.training.row_broadcast import row_broadcast_in
from sweeper.training.setup import (
    Rows,
    Task,
    initial_model,
    leaving_no_trace,
    make_optimizer,
    pick_loss,
    rows_of,
)
from sweeper.training.state_notes import state_notes
from sweeper.training.step_checks import check_step, step_words
from sweeper.user_code.calls import message_of, text_of, user_code

__all__ = [
    "can_be_penalized",
    "check_configurations",
    "configurations",
    "label",
    "require_trainable",
    "swapped_layers",
]

FIRST_ROWS, STEP_ROWS = 4, 64
"""Rows of the first forward pass, and most rows of the step."""

ROWS_ON_DISK = 1024
"""Of rows that lie on disk, so many are looked at, the first ones."""


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


def check_configurations(task: Task, index: int | None = None) -> list[str]:
    """What is wrong with each configuration that cannot be trained; an empty string where all is well.

    With `index`, of that one of `configurations` alone.

    Failures of single configurations are no reason to refuse a study: such trials fail alone, with
    their reason in the records.
    """
    known: dict[Any, Rows] = {}
    every = list(configurations(task.study.space))
    chosen = every if index is None else every[index : index + 1]
    return [_problem(task, parameters, known) for parameters in chosen]


def step_summary(task: Task) -> str:
    """What of the model's own training step is used, of the first configuration that can be made; of a loss
    of the user's, `loss_notes`; `state_notes`."""
    for parameters in configurations(task.study.space):
        settings, words = settings_of(task.study, parameters), ""
        try:
            if settings.loss == STEP:
                with leaving_no_trace(task, settings):
                    words = step_words(initial_model(task, settings, task.study.search.seed).model)
            notes = words, loss_notes(task, settings), state_notes(task, settings)
            return "; ".join(filter(None, notes))
        except Exception:  # reported by `check_configurations`, or by the trials that fail
            continue
    return ""


def swapped_layers(task: Task) -> tuple[str, dict[str, str]]:
    """Which activation layers are swapped and which are kept: in words, and the role of each by its name;
    both empty where none is swapped.

    Of the configuration that swaps most, where they differ (in depth, say).
    """
    models: list[Swapped] = []
    for parameters in configurations(task.study.space):
        settings = settings_of(task.study, parameters)
        if settings.activation is None:
            continue
        try:
            with leaving_no_trace(task, settings):
                swapped = initial_model(task, settings, task.study.search.seed).swapped
        except Exception:  # reported by `check_configurations`, or by the trials that fail
            continue
        if swapped is None:
            break  # the function asks for its activation
        models.append(swapped)
    if not models:
        return "", {}
    most = max(models, key=lambda one: len(one.swapped))
    differ = any(one.swapped != most.swapped for one in models)
    return most.line() + (IN_LARGEST if differ else ""), most.roles()


def require_trainable(problems: Sequence[str]) -> None:
    """Refuse a study of which no configuration can be trained.

    Raises:
        ModelError: with the problems, each once.
    """
    if problems and all(problems):
        raise ModelError("\n".join(list(dict.fromkeys(problems))[:3]))


def _problem(task: Task, parameters: Mapping[str, Any], known: dict[Any, Rows]) -> str:
    rows = None
    try:
        settings = settings_of(task.study, parameters)
        key = (settings.dtype, settings.device, settings.loss)
        if key not in known:
            known[key] = rows_of(task, settings, task.study.search.seed)
        rows = known[key]
        with user_code(), leaving_no_trace(task, settings):
            _try(task, settings, rows)
    except SweeperError as error:
        return str(error)
    except NoPlainStep as error:
        return f"{label(task)} {no_plain_step(error)}"
    except Exception as error:  # whatever a model raises is its own
        shape = f" (inputs come in batches of shape {_shape(rows)})" if rows else ""
        return f"{label(task)} cannot be trained: {message_of(error)}{shape}{_hint(text_of(error))}"
    return ""


def _try(task: Task, settings: Settings, rows: Rows) -> None:
    """All that an engine would do with the first batch."""
    _check_rows(task, rows)
    loss = pick_loss(task, settings, task.study.search.seed)
    check_metrics(task, settings, loss)
    built = initial_model(task, settings, task.study.search.seed)
    model = built.model
    parameters = list(model.parameters())
    if not parameters:
        raise ModelError(f"{label(task)} has no parameters to train")
    _check_penalty(task, built)
    optimizer = make_optimizer(settings, built)
    first = slice(FIRST_ROWS)
    few = (copied(taken(rows.x_train, first)), copied(taken(rows.y_train, first)))
    model.eval()
    with torch.no_grad():
        output = applied(model, few[0])
        _check_nothing_made(task, model, parameters)
        check_output(task, output, few[1], loss)
        with computing(loss_key(loss)):
            check_scalar(loss.function(output, few[1]), loss)
    check_scores(task, loss, output, rows)
    check_step(model, few[0], loss)
    size = STEP_ROWS if settings.batch_size == "full" else min(int(settings.batch_size), STEP_ROWS)
    _step(task, settings, built, loss, optimizer, rows, size)
    _check_activation(task, settings, built)
    if problem := row_broadcast_in(model, loss, rows):
        raise ModelError(problem)


def _check_nothing_made(task: Task, model: nn.Module, known: Sequence[nn.Parameter]) -> None:
    """A pass must not make parameters: the optimizer has those that were there before."""
    before = set(map(id, known))
    made = [name for name, parameter in model.named_parameters() if id(parameter) not in before]
    if made:
        raise ModelError(
            f"{label(task)} makes {made[0]!r} in its forward pass, when the optimizer has its parameters "
            "already, so it would not be trained; make all layers in __init__, those of unknown width as "
            "nn.LazyLinear and the like"
        )


def _step(
    task: Task,
    settings: Settings,
    built: Built,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    rows: Rows,
    size: int,
) -> None:
    built.model.train()
    with outputs_of(built.hidden) as activations:
        some = slice(size)
        output = applied(built.model, copied(taken(rows.x_train, some)))
        problem = range_problem(output, loss, (rows.y_train, rows.y_validation, rows.y_test))
        if problem:
            raise ModelError(f"{label(task)} {problem}")
        with computing(loss_key(loss)):
            total = loss.function(output, copied(taken(rows.y_train, some)))
        followed = all(call.differentiable for call in activations)
        if settings.activation_penalty > 0 or (can_be_penalized(task) and followed):
            total = total + penalty_of(PENALTIES[settings.penalty_kind], activations, torch.zeros_like(total))
    if not total.requires_grad:
        whose = loss_key(loss) or label(task)
        raise ModelError(f"{whose}: the loss does not depend on any parameter that is trained")
    total.backward()
    optimizer.step()


def _check_rows(task: Task, rows: Rows) -> None:
    for part, tree in vars(rows.without_targets()).items():
        if part == "with_targets":
            continue
        what, key = ("inputs", "standardize") if part[0] == "x" else ("targets", "standardize_target")
        for name, leaf in named_leaves(tree, what):
            values = _looked_at(leaf)
            if values.is_floating_point() and not torch.isfinite(values).all():
                raise DataError(
                    f"{name} are too large for {_dtype(values)}: scale the data, set data.{key} = true or "
                    'training.dtype = "float64"'
                )
    trained = named_leaves(rows.without_targets().x_train)
    for (name, leaf), array in zip(trained, leaves(task.data.inputs), strict=True):
        inputs = _looked_at(leaf)
        array = array[:ROWS_ON_DISK] if isinstance(leaf, Streamed) else array
        if inputs.is_floating_point() and array.any() and not inputs.any():
            if task.study.data.standardize and task.data.columns:
                raise DataError(all_alike(task.data.columns))
            raise DataError(
                f"{name} are too small for {_dtype(inputs)}, where all of them are 0: "
                "scale the data, or set data.standardize = true"
            )


def _looked_at(leaf: torch.Tensor | Streamed) -> torch.Tensor:
    """All rows, of those on disk the first ones."""
    return leaf[:ROWS_ON_DISK] if isinstance(leaf, Streamed) else leaf


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _check_penalty(task: Task, built: Built) -> None:
    if can_be_penalized(task) and not built.hidden:
        raise ModelError(
            f"{label(task)} has no hidden activation layers whose outputs could be penalized: use modules "
            "such as nn.ReLU(), or leave search.space.activation_penalty out"
        )


def _check_activation(task: Task, settings: Settings, built: Built) -> None:
    """A model function that never makes what it is given is the same with any: no value would be better."""
    if built.given is None or built.given or len(task.study.space.listed("activation")) < 2:
        return
    options = ", ".join(f"{key}={value!r}" for key, value in settings.model_options.items())
    given = f"the `activation` that it is given{f' with {options}' if options else ''}"
    raise ModelError(
        f"{label(task)} makes no layer of {given}, so the values of search.space.activation would differ in "
        "nothing: let it call activation() where a layer belongs, or leave activation out of the space"
    )


def can_be_penalized(task: Task) -> bool:
    """Whether the study has an activation penalty above 0."""
    entries = task.study.space.entries_of("activation_penalty")
    return any(isinstance(v, Range) or any(value > 0 for value in v.values) for v in entries)


def _shape(rows: Rows) -> str:
    shapes = [
        f"{name.removeprefix('inputs')} (n, {', '.join(map(str, leaf.shape[1:]))}), {_dtype(leaf)}"
        for name, leaf in named_leaves(rows.without_targets().x_train)
    ]
    return "; ".join(shapes).strip()


def _hint(message: str) -> str:
    if "indices" in message and "Float" in message:
        return "; token numbers must come as a torch.int64 tensor"
    return ""
