"""The reference engine: one trial, ``torch.optim``, the loop of every tutorial. It defines what is correct.

Read `train` from top to bottom: draw the weights, then for each batch zero the gradients, forward,
loss plus penalty, backward, step; look at validation data at fixed points and at the layers at
log-spaced ones.
"""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch

from sweeper.components.build import Built
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.training.capture import look_if_possible, measured, outputs_of, penalty_of, weights_of
from sweeper.training.evaluate import Evaluation
from sweeper.training.setup import (
    MEASURED_ROWS,
    Task,
    batch_order,
    evaluation_steps,
    initial_model,
    leaving_no_trace,
    measured_steps,
    pick_loss,
    rows_of,
)
from sweeper.trial import Outcome, Trial, TrialResult
from sweeper.user_code.observing import apart, seed_of
from sweeper.user_code.outside import of_model, put_back

EXPLODED = 1e4
"""A batch loss above this multiple of the first one counts as divergence."""


@dataclass(frozen=True)
class Watch:
    """Somebody who looks on, without an effect on the training."""

    steps: Collection[int]
    """Numbers of updates after which to look."""
    look: Callable[[int, Built, torch.optim.Optimizer], None]
    """(step, model, optimizer), called before the next update with its learning rate set."""


def train(task: Task, trial: Trial, watch: Watch | None = None) -> TrialResult:
    """Train one trial from its first weight to its last evaluation.

    Never raises for a loss that is not finite: that is the outcome ``diverged``. Errors of the model
    itself do propagate.
    """
    settings = settings_of(task.study, trial.parameters)
    with leaving_no_trace(task, settings):
        return _train(task, trial, settings, watch)


def _train(task: Task, trial: Trial, settings: Settings, watch: Watch | None) -> TrialResult:
    start = time.perf_counter()
    rows, loss_function = rows_of(task, settings, trial.seed), pick_loss(task, settings)
    built = initial_model(task, settings, trial.seed)
    model, hidden = built.model, built.hidden
    optimizer = OPTIMIZERS[settings.optimizer].make(
        model.parameters(), lr=settings.learning_rate, **settings.options
    )
    schedule, penalty_function = SCHEDULES[settings.schedule], PENALTIES[settings.penalty_kind]
    batches = batch_order(trial.seed, len(rows.x_train), settings.batch_size)
    steps = settings.total_steps(len(rows.x_train))
    evaluated = set(evaluation_steps(steps, settings.evaluations))
    looked = set(measured_steps(steps)) if trial.measured else set()
    evaluation = Evaluation(task.study.search.objective, loss_function, rows, trial.test, trial.seed)
    batch_losses: list[float] = []
    penalties: list[float] = []
    curves: list[tuple[int, str, float]] = []
    layers: list[tuple[int, int, str, float]] = []
    measured_rows = (rows.x_validation[:MEASURED_ROWS], rows.y_validation[:MEASURED_ROWS])
    watched = hidden if settings.activation_penalty > 0 else ()
    before, first_loss, outcome, reason = None, math.inf, Outcome.COMPLETED, ""
    vouched, blind = False, ""

    model.train()
    with outputs_of(watched) as activations:
        for step in range(steps + 1):  # `step` updates have been made
            if step in looked:
                x, y = (part.clone() for part in measured_rows)
                with apart(model, seed_of(trial.seed, step, 2)), put_back(of_model(model), weights=False):
                    found, unmeasured = look_if_possible(built, loss_function.function, x, y, before)
                layers += measured(found, step)
                if unmeasured:
                    looked = set()
                    # What a look must reach, only a training step shows: that at step 0 may have been wrong,
                    # too. Of models that cannot be looked at from the beginning, the plan says so.
                    layers = layers if vouched else []
                    blind = f"layers are not measured from step {step} on: {unmeasured}" if vouched else ""
                vouched = step > 0
                activations.clear()
            if step in evaluated:
                curves += evaluation.at(step, model, batch_losses, penalties)
                activations.clear()
                if not evaluation.finite:
                    outcome, reason = Outcome.DIVERGED, f"validation loss not finite at step {step}"
                    break
                if step < steps and trial.rungs.prune(evaluation.steps, evaluation.objectives):
                    outcome, reason = Outcome.PRUNED, f"behind other trials at step {step}"
                    break
            if step == steps:
                break
            if time.perf_counter() - start > settings.timeout:
                outcome, reason = Outcome.FAILED, f"timeout: more than {settings.timeout:g} s at step {step}"
                break

            batch = next(batches).to(rows.x_train.device)
            learning_rate = settings.learning_rate * schedule(step, steps)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            if watch is not None and step in watch.steps:
                with apart(model, seed_of(trial.seed, step, 3)), put_back(of_model(model), weights=False):
                    watch.look(step, built, optimizer)
                activations.clear()
            optimizer.zero_grad()
            loss = loss_function.function(model(rows.x_train[batch]), rows.y_train[batch])
            total = loss
            if watched:
                terms = penalty_of(penalty_function, activations, torch.zeros_like(loss))
                penalty = settings.activation_penalty * terms
                total = loss + penalty
                penalties.append(penalty.item())
            total.backward()
            if step + 1 in looked:
                before = weights_of(built)
            optimizer.step()

            activations.clear()
            batch_losses.append(loss.item())
            first_loss = batch_losses[0] if step == 0 else first_loss
            if not math.isfinite(total.item()) or batch_losses[-1] > EXPLODED * max(first_loss, 1e-8):
                outcome, reason = Outcome.DIVERGED, f"training loss {total.item():.3g} at step {step}"
                break
            if step + 1 in evaluated:
                curves.append((step + 1, "learning_rate", learning_rate))

    best = evaluation.best if outcome in (Outcome.COMPLETED, Outcome.PRUNED) else math.nan
    seconds = time.perf_counter() - start
    return TrialResult(
        trial,
        outcome,
        best,
        step,
        seconds,
        "reference",
        reason or blind,
        tuple(curves),
        tuple(layers),
        evaluation.test,
        tuple(layer.name for layer in built.layers) if layers else (),
    )
