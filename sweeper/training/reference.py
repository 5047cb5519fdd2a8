"""The reference engine: one trial, ``torch.optim``, the loop of every tutorial. It defines what is correct.

Read `train` from top to bottom: draw the weights, then for each batch zero the gradients, forward,
loss plus penalty, backward, step; score validation rows at fixed points and measure layers at
log-spaced ones.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.build import Built
from sweeper.components.losses import Loss
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.components.tree import applied, copied, first_tensor, rows_in, taken
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.training.capture import layers_if_possible, measured, outputs_of, penalty_of, weights_of
from sweeper.training.evaluate import evaluate
from sweeper.training.setup import (
    Rows,
    Task,
    batch_order,
    initial_model,
    leaving_no_trace,
    make_optimizer,
    pick_loss,
    rows_of,
    scoring_code,
)
from sweeper.training.state import TrialState
from sweeper.trial import MEASURED_ROWS, Trial, TrialResult
from sweeper.user_code.observing import LAYERS, OBSERVER, TEST, VALIDATION, apart, seed_of
from sweeper.user_code.outside import of_model
from sweeper.user_code.put_back import put_back


@contextmanager
def left_as_they_are(model: nn.Module, scoring: Mapping[str, Any]) -> Iterator[None]:
    """Afterwards model, loss and scores of the user hold what they held; weights stay by themselves.

    `scoring`: code of the user that computes loss and scores.
    """
    with put_back(of_model(model), weights=False), put_back(scoring):
        yield


@dataclass(frozen=True)
class Observer:
    """A function that is called during a training and has no effect on it."""

    steps: Collection[int]
    """Numbers of updates after which it is called."""
    observe: Callable[[int, Built, torch.optim.Optimizer], None]
    """(step, model, optimizer), called before the next update with its learning rate set."""


def train(task: Task, trial: Trial, observer: Observer | None = None) -> TrialResult:
    """Train one trial from its first weight to its last evaluation.

    Never raises for a loss that is not finite: that is the outcome ``diverged``. Errors of the model
    itself do propagate.
    """
    settings = settings_of(task.study, trial.parameters)
    with leaving_no_trace(task, settings):
        return _train(task, trial, settings, observer)


def _train(task: Task, trial: Trial, settings: Settings, observer: Observer | None) -> TrialResult:
    start = time.perf_counter()
    rows, loss_function = rows_of(task, settings, trial.seed), pick_loss(task, settings, trial.seed)
    train_rows, device = rows_in(rows.x_train), first_tensor(rows.x_train).device
    built = initial_model(task, settings, trial.seed)
    model, entry = built.model, OPTIMIZERS[settings.optimizer]
    optimizer = make_optimizer(settings, built)
    schedule, penalty_function = SCHEDULES[settings.schedule], PENALTIES[settings.penalty_kind]
    batches = batch_order(trial.seed, train_rows, settings.batch_size)
    penalized = built.hidden if settings.activation_penalty > 0 else ()
    state = TrialState.start(trial, settings, train_rows, task.study.objective)
    untouched = partial(left_as_they_are, model, scoring_code(task, settings))
    weights_before = None

    model.train()
    with outputs_of(penalized) as activations:
        while state.outcome is None:  # `state.step` updates have been made
            if state.step in state.measured:
                with untouched():
                    measure_layers(state, built, loss_function, rows, weights_before)
            if state.step in state.evaluated:
                with entry.evaluation_weights(optimizer):
                    evaluate_trial(state, model, loss_function, rows, untouched)
            state.seconds = time.perf_counter() - start
            state.end_if_over()
            if state.outcome is not None:
                break

            factor = schedule(state.step, state.steps)
            learning_rate = settings.learning_rate * factor
            for group in optimizer.param_groups:
                group["lr"] = group.get("initial_lr", settings.learning_rate) * factor
            if observer is not None and state.step in observer.steps:
                with apart(model, seed_of(trial.seed, state.step, OBSERVER)), untouched():
                    observer.observe(state.step, built, optimizer)
            activations.clear()

            batch = next(batches).to(device)
            optimizer.zero_grad()
            output = applied(model, taken(rows.x_train, batch))
            loss, parts = loss_function.with_parts(output, taken(rows.y_train, batch))
            total = loss
            penalty = torch.zeros_like(loss)
            if penalized:
                penalty = settings.activation_penalty * penalty_of(penalty_function, activations, penalty)
                total = loss + penalty
            total.backward()
            if state.step + 1 in state.measured:
                weights_before = weights_of(built)
            optimizer.step()
            of_parts = {name: [part.item()] for name, part in parts.items()}
            state.record_batches([loss.item()], [penalty.item()], [total.item()], learning_rate, of_parts)

    state.seconds = time.perf_counter() - start
    return state.result("reference")


def measure_layers(
    state: TrialState, built: Built, loss: Loss, rows: Rows, weights_before: Sequence[Tensor] | None
) -> None:
    """Measure every layer on some validation rows; the model is left as it is.

    `weights_before`: those of each layer before the last update.
    """
    model, seed = built.model, seed_of(state.trial.seed, state.step, LAYERS)
    first = slice(MEASURED_ROWS)
    x, y = (copied(taken(part, first)) for part in (rows.x_validation, rows.y_validation))
    with apart(model, seed):
        layers, unmeasured = layers_if_possible(built, loss.function, x, y, weights_before)
    state.layer_names = tuple(layer.name for layer in built.layers)
    state.record_layers(state.step, *measured(layers))
    if unmeasured:
        state.stop_measuring(unmeasured, state.step)


def evaluate_trial(
    state: TrialState,
    model: nn.Module,
    loss: Loss,
    rows: Rows,
    untouched: Callable[[], AbstractContextManager[None]],
) -> None:
    """Score the validation rows, and the test rows where the objective is the best so far.

    No training depends on whether test rows are scored: what is `untouched` then is as it was.
    """
    seed, step = state.trial.seed, state.step
    own = seed_of(seed, step, VALIDATION)
    validation = evaluate(model, loss, rows.x_validation, rows.y_validation, own)
    if state.record_scores(validation) and rows_in(rows.x_test):
        with untouched():
            state.test = evaluate(model, loss, rows.x_test, rows.y_test, seed_of(seed, step, TEST))
