"""One batched step on one batch, before anything is trained: what is updated, and can it be repeated?"""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.training.stacked.activation_split import Split
from sweeper.training.stacked.refusal import NotFusible
from sweeper.training.stacked.template import Template, losses_of


def trained_names(
    template: Template, loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor
) -> list[str]:
    """Parameters that an optimizer would update: those that the loss of (x, y) has a gradient for.

    Frozen ones and those that the forward pass leaves out keep their values, as in ``torch.optim``.

    Raises:
        NotFusible: if the forward pass depends on more than parameters, buffers, rows and torch's generator.
    """
    free = {n: p.detach()[None].requires_grad_(p.requires_grad) for n, p in template.parameters.items()}
    buffers = {name: b.detach().clone()[None] for name, b in template.buffers.items()}
    split = Split([[kernel] for kernel in template.kernels])
    before = _surroundings(template.model)
    with torch.random.fork_rng(devices=[]):
        outputs = template.outputs({**free, **buffers}, split, x[None])
        total = losses_of(loss, outputs, y[None]).sum()
    for what, then in _surroundings(template.model).items():
        if then != before[what]:
            raise NotFusible(f"the forward pass changes {what}")
    wanted = {name: p for name, p in free.items() if p.requires_grad}
    gradients = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return [name for name, gradient in zip(wanted, gradients, strict=True) if gradient is not None]


def _surroundings(model: nn.Module) -> dict[str, Any]:
    """What a forward pass may depend on that a recorded step would take as fixed."""
    found: dict[str, Any] = {
        "Python's random numbers": random.getstate(),
        "NumPy's random numbers": str(np.random.get_state()),
    }
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if isinstance(value, bool | int | float | str | tuple) and name != "training":
                found[f"{path}.{name}".lstrip(".")] = value
    return found
