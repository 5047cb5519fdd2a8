"""Whether a model's own training step is one that a sweep can call, and what the plan says of it."""

import re

import torch
from torch import nn

from sweeper.components.forward import undisturbed
from sweeper.components.inner_loss import STEP, InnerForward, NoPlainStep, OwnStep
from sweeper.components.losses import Loss
from sweeper.components.tree import Tree, applied, copied

LIBRARIES = ("lightning", "pytorch_lightning", "torch", "builtins", "abc")
HOOK = re.compile(r"on_(?!test|predict|save|load|fit_end|train_end)")
"""Names of hooks that act while a model is trained or validated."""
HOOKS = {
    *("backward", "optimizer_step", "optimizer_zero_grad", "lr_scheduler_step"),
    *("configure_gradient_clipping", "configure_callbacks", "configure_model", "setup", "prepare_data"),
    *("transfer_batch_to_device", "train_dataloader", "val_dataloader"),
}
"""Others that do."""
OTHER_INDEX = 2
"""Another number of a batch; what a step does at every tenth batch or so it does at neither."""


def own_step_of(model: nn.Module) -> OwnStep | None:
    """The step in the place of the model's ``forward``, if it trains by its own."""
    forward = model.forward
    while not isinstance(forward, InnerForward) and hasattr(forward, "__wrapped__"):
        forward = forward.__wrapped__
    step = forward.step if isinstance(forward, InnerForward) else None
    return step if isinstance(step, OwnStep) else None


def check_step(model: nn.Module, x: Tree, loss: Loss) -> None:
    """The number of the batch must not decide what is learned.

    Raises:
        NoPlainStep: if it does.
    """
    step = own_step_of(model)
    if step is None:
        return
    values, before = [], step.index
    for index in (before, OTHER_INDEX):
        step.index = index
        with undisturbed(model, training=True), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            values.append(loss.function(applied(model, copied(x)), None))
    step.index = before
    if not torch.equal(*values):
        raise NoPlainStep("its loss depends on batch_idx")


def step_words(model: nn.Module) -> str:
    """What of the model's own step is used; empty where the study names a loss."""
    if own_step_of(model) is None:
        return ""
    name, has = type(model).__name__, lambda method: callable(getattr(model, method, None))
    validates = " and, on validation rows, validation_step" * has("validation_step")
    unused = "; configure_optimizers is not used: the study searches optimizer and learning rate"
    hooks = unused_hooks(model)
    without = f"; no effect here: {', '.join(hooks)}" if hooks else ""
    return f"loss of {name}.{STEP}{validates}{unused * has('configure_optimizers')}{without}"


def unused_hooks(model: nn.Module) -> list[str]:
    """What Lightning's trainer would call of the class while it trains, and a sweep does not."""
    own = [cls for cls in type(model).__mro__ if cls.__module__.partition(".")[0] not in LIBRARIES]
    written = dict.fromkeys(name for cls in reversed(own) for name in vars(cls))
    return [
        name for name in written if name in HOOKS or (HOOK.match(name) and callable(getattr(model, name)))
    ]
