"""Whether the user's loss or scores compare every row with all rows where they mean each with itself."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from sweeper.components.losses import Loss
from sweeper.components.row_pairing import TARGETS, NoPairing, PairsRows
from sweeper.components.tree import applied, copied, rows_in, taken
from sweeper.study.settings import settings as settings_of
from sweeper.training.evaluate import scored_by_users, users_metrics
from sweeper.training.setup import Rows, Task, initial_model, leaving_no_trace, pick_loss, rows_of
from sweeper.trial import Trial

ROWS = (6, 14)
"""Numbers of rows that are tried: what is found with one alone was another axis of that size."""
OUTPUTS = "outputs"
MOST_KNOWN = 1000
_known: dict[tuple[str, str], str] = {}
"""What was found in this process, by task and shape of the trials."""


def refuse_pairing(task: Task, trials: Iterable[Trial]) -> None:
    """Refuse trials of which it does; one of each shape is looked at, once in a process.

    Raises:
        PairsRows: naming the call, the shapes and what to do.
    """
    for trial in trials:
        key = task.token, settings_of(task.study, trial.parameters).shape_key(trial.seed)
        if key not in _known:
            while len(_known) >= MOST_KNOWN:
                _known.pop(next(iter(_known)))
            _known[key] = _of_trial(task, trial)
        if _known[key]:
            raise PairsRows(_known[key])


def _of_trial(task: Task, trial: Trial) -> str:
    settings = settings_of(task.study, trial.parameters)
    loss = pick_loss(task, settings, trial.seed)
    if not (loss.is_users or users_metrics(loss)):
        return ""
    with leaving_no_trace(task, settings):
        model = initial_model(task, settings, trial.seed).model
        return pairing(model, loss, rows_of(task, settings, trial.seed))


def pairing(model: nn.Module, loss: Loss, rows: Rows) -> str:
    """What is wrong with the loss or the scores of the user; empty if nothing is. Do not use `model` again.

    What they raise, and what cannot be tried, is left to the training.
    """
    if not (loss.is_users or users_metrics(loss)):
        return ""
    found = [problem for count in ROWS if (problem := _with_rows(model, loss, rows, count))]
    return found[0] if len(found) == len(ROWS) else ""


def pairing_of(function: Callable[[Any, Any], object], y: Any, shape: tuple[int, ...]) -> bool:
    """Whether a function of outputs and targets does so with outputs of this shape for each row."""
    found = 0
    for count in ROWS:
        some = taken(y, torch.arange(count) % rows_in(y))
        try:
            _of(function, torch.zeros(count, *shape), some, count)
        except PairsRows:
            found += 1
        except Exception:  # of the user's code
            return False
    return found == len(ROWS)


def _with_rows(model: nn.Module, loss: Loss, rows: Rows, count: int) -> str:
    index = torch.arange(count) % rows_in(rows.x_train)
    x, y = (copied(taken(part, index)) for part in (rows.x_train, rows.y_train))
    for training in (True, False):
        model.train(training)
        for name, call in _calls(model, loss, x, y, count):
            try:
                with torch.no_grad(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the training gives them
                    call()
            except PairsRows as problem:
                return f"{name}: {problem}"
            except Exception:  # of the user's code: its training tells
                continue
    return ""


def _calls(
    model: nn.Module, loss: Loss, x: Any, y: Any, rows: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is called of the user, by how messages name it."""
    if loss.inner:
        yield f"loss {loss.name}", lambda: _with_model(model, x, rows)
    elif loss.is_users:
        yield f"training.loss = {loss.name!r}", lambda: _of(loss.function, applied(model, x), y, rows)
    for metric in users_metrics(loss):
        name = f"training.metrics: {metric.name}"
        yield name, partial(_of_scores, metric.scalar, loss, model, x, y, rows)


def _of(function: Callable[[Any, Any], object], output: Any, target: Any, rows: int) -> None:
    with NoPairing(rows, {OUTPUTS: output, TARGETS: target}):
        function(output, target)


def _of_scores(
    score: Callable[[Any, Any], object], loss: Loss, model: nn.Module, x: Any, y: Any, rows: int
) -> None:
    _of(score, *scored_by_users(loss, applied(model, x), y), rows)


def _with_model(model: nn.Module, x: Any, rows: int) -> None:
    """The loss that the model computes; what the model itself does inside is its own affair."""
    inner: Any = model.forward  # an `InnerForward`
    forward, watch = inner.forward, NoPairing(rows, {"inputs": x["inputs"], TARGETS: x["target"]})

    def apart(*args: Any, **named: Any) -> Any:
        with watch.paused():
            output = forward(*args, **named)
        watch.mark(output, OUTPUTS)
        return output

    inner.forward = apart
    try:
        with watch:
            applied(model, x)
    finally:
        inner.forward = forward
