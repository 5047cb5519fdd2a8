"""Loss and metric of one model on some rows."""

import torch
from torch import Tensor, nn

from sweeper.components.losses import Loss
from sweeper.components.metrics import METRICS
from sweeper.user_code.observing import apart

CHUNK = 8192
"""Rows evaluated in one forward pass."""


def predict(model: nn.Module, x: Tensor) -> Tensor:
    """Outputs of `model` for all rows, dropout off and without gradients; the model gets copies of them."""
    training = model.training
    model.eval()
    with torch.no_grad():
        parts = [model(part.clone()) for part in (x.split(CHUNK) if len(x) > CHUNK else (x,))]
    model.train(training)
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def scores(model: nn.Module, loss: Loss, x: Tensor, y: Tensor, seed: int = 0) -> dict[str, float]:
    """``loss`` and the metric of the task (``accuracy`` or ``r2``) on the rows (x, y).

    What the model draws comes from generators seeded with `seed`. Those of the training, the model's
    buffers and the rows are left as they are.
    """
    name, metric = METRICS[loss.task]
    with apart(model, seed):
        output, y = predict(model, x), y.clone()
        return {"loss": loss.function(output, y).item(), name: metric(output, y).item()}
