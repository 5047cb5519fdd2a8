"""Loss and metrics of one model on some rows."""

from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.losses import Loss
from sweeper.components.metrics import Metric
from sweeper.components.outputs import copied, joined, suits
from sweeper.components.tree import ROWS_PER_PASS, Tree, applied, passes
from sweeper.components.users_loss import taken_part
from sweeper.errors import ModelError
from sweeper.user_code.observing import apart


def predict(model: nn.Module, x: Tree) -> Any:
    """Outputs of `model` for all rows, dropout off and without gradients; the model gets copies of them."""
    training = model.training
    model.eval()
    with torch.no_grad():
        parts = [applied(model, copied(part)) for part in passes(x, ROWS_PER_PASS)]
    model.train(training)
    return joined(parts)


def evaluate(
    model: nn.Module, loss: Loss, x: Tree, y: Tree, seed: int = 0, *, users: bool = True
) -> dict[str, float]:
    """``loss``, its parts and the metrics of the task (``accuracy``, say) on the rows (x, y).

    What the model draws comes from generators seeded with `seed`. Those of the training, the model's
    buffers and the rows are left as they are. `users`: whether metrics of the user are asked.
    """
    scores = metric_tensors if users else batchable_scores
    with apart(model, seed), torch.no_grad():
        return {name: value.item() for name, value in scores(loss, predict(model, x), copied(y)).items()}


def metric_tensors(loss: Loss, output: Any, target: Any) -> dict[str, Tensor]:
    """`batchable_scores` and the metrics of the user: name -> scalar tensor."""
    with torch.no_grad():
        return batchable_scores(loss, output, target) | users_scores(loss, output, target)


def batchable_scores(loss: Loss, output: Any, target: Any) -> dict[str, Tensor]:
    """``loss``, the built-in metrics that fit the output, and parts of the loss: name -> scalar tensor.

    What a ``training_step`` logs under the name of a metric is left out: the metric is computed here.

    Raises:
        ModelError: if a part of a user's loss function has the name of a metric.
    """
    value, parts = loss.with_parts(output, target) if loss.is_users else (loss.scored(output, target), {})
    metrics = metric_scores(loss, output, target)
    names = {*metrics, *(metric.name for metric in users_metrics(loss))}
    if (clash := names & parts.keys()) and not (loss.inner and loss.inner.function is None):
        raise ModelError(taken_part(loss.name, min(clash)))
    others = {name: part for name, part in parts.items() if name not in clash}
    return {"loss": value, **metrics, **others}


def metric_scores(loss: Loss, output: Any, target: Any) -> dict[str, Tensor]:
    """The built-in metrics that fit the output; the loss itself is not computed."""
    output = loss.of_model(output)
    point = output if loss.point is None else loss.point(output)
    return {metric.name: metric.scalar(point, target) for metric in fitting(loss, point, target)}


def users_scores(loss: Loss, output: Any, target: Any) -> dict[str, Tensor]:
    """The metrics of the user, each of copies."""
    output, target = users_metric_inputs(loss, output, target)
    return {m.name: m.scalar(copied(output), copied(target)) for m in users_metrics(loss)}


def users_metric_inputs(loss: Loss, output: Any, target: Any) -> tuple[Any, Any]:
    """What metrics of the user get: outputs and target, of several targets all."""
    return loss.of_model(output), output.get("target", target) if loss.inner else target


def users_metrics(loss: Loss) -> list[Metric]:
    """Those of the user, which fit any output."""
    return [metric for metric in loss.metrics if not metric.task]


def fitting(loss: Loss, output: Any, target: Any) -> list[Metric]:
    """The built-in metrics of the loss; of a loss of the user's only where output and target suit them."""
    built_in = [metric for metric in loss.metrics if metric.task]
    return built_in if not loss.is_users or suits(loss.task, output, target, loss.classes) else []
