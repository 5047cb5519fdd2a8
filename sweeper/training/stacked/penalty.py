"""Weighted activation penalties of all trials at once; who has no penalty is left alone."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from sweeper.components.penalties import l1, l2


def weighted(penalty: Callable[[Tensor], Tensor], a: Tensor, weight: Tensor) -> Tensor:
    """weight · penalty(a) of every trial, 0 where the weight is 0, whatever the activations are there.

    a: (trials, rows, …), weight: (trials,) -> (trials,)
    """
    if penalty is l1:
        return L1.apply(a, weight)
    if penalty is l2:
        return L2.apply(a, weight)
    on = weight.view(-1, *[1] * (a.ndim - 1)) > 0
    return weight * vmap(penalty)(torch.where(on, a, 0.0))


class L1(torch.autograd.Function):
    """w · mean |a|, with gradient w · sign(a) / n."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(a, weight)
        return _where_on(weight, a.abs().flatten(1).mean(1))

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        a, weight = ctx.saved_tensors
        return _scaled(a.sign(), g * weight / a[0].numel()), None


class L2(torch.autograd.Function):
    """w · mean a², with gradient 2 · w · a / n."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(a, weight)
        norm = torch.linalg.vector_norm(a.flatten(1), dim=1)
        return _where_on(weight, norm.square() / a[0].numel())

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        a, weight = ctx.saved_tensors
        # An infinite activation times a weight of 0 would be NaN.
        return _scaled(a.nan_to_num(), g * weight * (2 / a[0].numel())), None


def _where_on(weight: Tensor, penalty: Tensor) -> Tensor:
    return torch.where(weight > 0, weight * penalty, 0.0)


def _scaled(a: Tensor, factor: Tensor) -> Tensor:
    return a.mul_(factor.view(-1, *[1] * (a.ndim - 1)))
