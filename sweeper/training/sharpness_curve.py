"""How sharp the loss was along a training: a trial is trained again, one by one, and measured on the way."""

import math
import time
from dataclasses import replace

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from sweeper.components.build import Built
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.tree import applied, copied, rows_in, taken
from sweeper.study.settings import settings as settings_of
from sweeper.training.capture import as_in_training, outputs_of, penalty_of
from sweeper.training.reasons import reason_of
from sweeper.training.reference import Observer, train
from sweeper.training.setup import Task, pick_loss, rows_of
from sweeper.training.sharpness import curvature
from sweeper.trial import PruningRule, SharpnessResult, Trial
from sweeper.user_code.calls import user_code

MAX_POINTS = 8
"""Most steps at which one trial is measured."""
MAX_ROWS = 512
"""Most training rows the loss is taken over."""
SHARPNESS, PRECONDITIONED = "sharpness", "preconditioned_sharpness"
LOSS, RATE = "sharpness_loss", "next_learning_rate"
"""Metrics of the ``curves`` table that are written here."""


def sharpness_of(
    task: Task, trial: Trial, points: int = MAX_POINTS, last: int | None = None
) -> list[tuple[int, str, float]]:
    """Rows (step, metric, value) for the ``curves`` table; what is not finite is left out.

    ``sharpness``: λmax of the training loss, penalty included and weight decay not, over the first
    `MAX_ROWS` training rows, before the step after `step` updates. ``preconditioned_sharpness``: that of
    P^-½HP^-½ for optimizers that divide the gradient by P, from their second step on.
    ``sharpness_loss``: that loss itself. ``next_learning_rate``: the rate of the step that follows,
    schedule included.

    Args:
        task: the run's.
        trial: trained by the reference engine on its own seed; it is never pruned.
        points: most steps to measure at: 0, then log-spaced.
        last: the last of them; a diverged trial's `steps`, say. ``None``: the last step of the training.
    """
    settings = settings_of(task.study, trial.parameters)
    rows, loss = rows_of(task, settings, trial.seed), pick_loss(task, settings, trial.seed).function
    x, y = (taken(part, slice(MAX_ROWS)) for part in (rows.x_train, rows.y_train))
    length = settings.total_steps(rows_in(rows.x_train)) - 1
    observed = set(log_spaced_steps(length if last is None else min(last, length), points))
    curve: list[tuple[int, str, float]] = []

    def observe(step: int, built: Built, optimizer: torch.optim.Optimizer) -> None:
        penalty, optimized = PENALTIES[settings.penalty_kind], optimizer.param_groups
        parameters = [p for group in optimized for p in group["params"]]
        # cuDNN's recurrent layers and fused attention have no second derivative; the plain kernels do.
        with (
            as_in_training(built.model, rows_in(x)),
            outputs_of(built.hidden) as activations,
            torch.backends.cudnn.flags(enabled=False),
            sdpa_kernel(SDPBackend.MATH),
        ):
            value = loss(applied(built.model, copied(x)), copied(y))
            if settings.activation_penalty > 0:
                value = value + settings.activation_penalty * penalty_of(
                    penalty, activations, torch.zeros_like(value)
                )
            values = {SHARPNESS: curvature(value, parameters), LOSS: value.item(), RATE: optimized[0]["lr"]}
            divisor = OPTIMIZERS[settings.optimizer].preconditioner(optimizer)
            if divisor is not None:
                values[PRECONDITIONED] = curvature(value, parameters, divisor)
        curve.extend((step, name, float(v)) for name, v in values.items() if math.isfinite(v))

    plain = replace(trial, pruning=PruningRule(), test=False, measured=False)
    train(task, plain, Observer(observed, observe))
    return curve


def log_spaced_steps(last: int, points: int) -> list[int]:
    """0, `last` and what lies log-spaced between them: at most `points` steps."""
    spaced = np.geomspace(1, max(last, 1), max(points - 1, 1))
    return sorted({0, *(min(round(float(step)), last) for step in spaced)})


def sharpness_result(task: Task, trial: Trial, last: int | None = None) -> SharpnessResult:
    """`sharpness_of` as a result; if the model raises, that is the reason why there are no rows."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    try:
        with user_code():
            rows = sharpness_of(task, trial, last=last)
    except Exception as error:  # an operation without a second derivative, say
        return SharpnessResult(trial, time.perf_counter() - start, reason=reason_of(error))
    return SharpnessResult(trial, time.perf_counter() - start, tuple(rows))
