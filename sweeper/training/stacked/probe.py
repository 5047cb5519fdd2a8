"""One batched step on one batch, before anything is trained: what is updated?"""

from collections.abc import Callable

import torch
from torch import Tensor

from sweeper.components.tree import Tree, stacked
from sweeper.training.stacked.activation_dispatch import ActivationDispatch
from sweeper.training.stacked.template import Template, losses_of


def trained_names(
    template: Template, loss: Callable[[Tensor, Tensor], Tensor], x: Tree, y: Tree
) -> list[str]:
    """Parameters that an optimizer would update: those that the loss of (x, y) has a gradient for.

    Frozen ones and those that the forward pass leaves out keep their values, as in ``torch.optim``.
    """
    free = {n: p.detach()[None].requires_grad_(p.requires_grad) for n, p in template.parameters.items()}
    buffers = {name: b.detach().clone()[None] for name, b in template.buffers.items()}
    dispatch = ActivationDispatch([[kernel] for kernel in template.kernels])
    with torch.random.fork_rng(devices=[]):
        outputs = template.outputs({**free, **buffers}, dispatch, stacked(x, 1))
        total = losses_of(loss, outputs, stacked(y, 1)).sum()
    wanted = {name: p for name, p in free.items() if p.requires_grad}
    gradients = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return [name for name, gradient in zip(wanted, gradients, strict=True) if gradient is not None]
