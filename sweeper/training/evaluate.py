"""Loss and metric of one model on some rows."""

import torch
from torch import nn

from sweeper.components.losses import Loss
from sweeper.components.metrics import metrics_of
from sweeper.components.tree import Tree, applied, copied, mapped, passes
from sweeper.user_code.observing import apart

ROWS_PER_PASS = 8192
"""Rows evaluated in one forward pass."""


def predict(model: nn.Module, x: Tree) -> Tree:
    """Outputs of `model` for all rows, dropout off and without gradients; the model gets copies of them."""
    training = model.training
    model.eval()
    with torch.no_grad():
        parts = [applied(model, copied(part)) for part in passes(x, ROWS_PER_PASS)]
    model.train(training)
    return mapped(lambda *outputs: torch.cat(outputs), *parts) if len(parts) > 1 else parts[0]


def scores(model: nn.Module, loss: Loss, x: Tree, y: Tree, seed: int = 0) -> dict[str, float]:
    """``loss`` and the metrics of the task (``accuracy``, say) on the rows (x, y).

    What the model draws comes from generators seeded with `seed`. Those of the training, the model's
    buffers and the rows are left as they are.
    """
    with apart(model, seed):
        output, y = predict(model, x), copied(y)
        found = {metric.name: metric.function(output, y).item() for metric in metrics_of(loss.task)}
        return {"loss": loss.function(output, y).item(), **found}
