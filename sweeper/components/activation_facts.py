"""Facts about activation functions (draft: derivative only)."""

import torch
from torch import Tensor, nn


def derivative(module: nn.Module, z: Tensor) -> Tensor:
    """φ′(z), elementwise, by autograd on a detached copy; shape of `z`."""
    with torch.enable_grad():
        point = z.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(module(point).sum(), point)
    return slope
