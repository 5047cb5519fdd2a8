"""What a plan says of a loss of the user's: parameters of its own, and a sum where a mean is expected."""

import math

import torch
from torch import nn

from sweeper.components.losses import Loss
from sweeper.components.tree import applied, copied, rows_in, taken
from sweeper.study.settings import Settings
from sweeper.training.setup import Rows, Task, initial_model, leaving_no_trace, pick_loss, rows_of, users_code
from sweeper.user_code.calls import user_code
from sweeper.wording import listing

ROWS = 64
"""Rows of the larger of two batches."""
OF_A_SUM = (1.8, 2.2)
"""Loss of all rows over the mean of its two halves: 1 of a mean over rows, 2 of a sum."""
SUMS = (
    "the loss is a sum over rows: its learning rates hold for this batch size alone, and its scores on "
    "unlike numbers of rows do not compare; return the mean"
)


def loss_notes(task: Task, settings: Settings) -> str:
    """In words; empty where nothing is to be told, or the loss cannot be tried."""
    try:
        notes = [_untrained(task, settings), _summed(task, settings)]
    except Exception:  # reported by `check_configurations`, or by the trials that fail
        return ""
    return "; ".join(filter(None, notes))


def _untrained(task: Task, settings: Settings) -> str:
    loss = users_code(task, settings).get("loss")
    named = loss.named_parameters() if isinstance(loss, nn.Module) else ()
    names = [name for name, parameter in named if parameter.requires_grad]
    if not names:
        return ""
    return f"parameters of the loss ({listing(names)}) stay as they are, only the model is trained"


def _summed(task: Task, settings: Settings) -> str:
    seed = task.study.search.seed
    loss = pick_loss(task, settings, seed)
    if not loss.is_users:
        return ""
    with user_code(), leaving_no_trace(task, settings):
        model = initial_model(task, settings, seed).model
        return SUMS * sums_over_rows(model, loss, rows_of(task, settings, seed))


def sums_over_rows(model: nn.Module, loss: Loss, rows: Rows) -> bool:
    """Whether the loss of a batch is about that of its first half plus that of its second."""
    count = 2 * (min(ROWS, rows_in(rows.x_train)) // 2)
    if count == 0:
        return False
    model.eval()

    def value(start: int, end: int) -> float:
        x, y = (copied(taken(part, slice(start, end))) for part in (rows.x_train, rows.y_train))
        with torch.no_grad():
            return float(loss.function(applied(model, x), y))

    whole, halves = value(0, count), value(0, count // 2) + value(count // 2, count)
    if not halves or not math.isfinite(whole / halves):
        return False
    return OF_A_SUM[0] <= 2 * whole / halves <= OF_A_SUM[1]
