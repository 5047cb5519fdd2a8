"""Weighted activation penalties of all trials at once; 0 for trials without one."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from sweeper.components.penalties import PENALTIES, l1, l2
from sweeper.training.reasons import reason_of


def weighted(penalty: Callable[[Tensor], Tensor], activations: Sequence[Tensor], weight: Tensor) -> Tensor:
    """weight · Σ penalty(a) of every trial, 0 where the weight is 0, whatever the activations are there.

    activations: of each hidden layer, (trials, rows, …); weight: (trials,) -> (trials,)
    """
    if penalty is l1:
        return L1.apply(weight, *activations)
    if penalty is l2:
        return L2.apply(weight, *activations)
    total = torch.zeros_like(weight)
    for a in activations:
        on = weight.view(-1, *[1] * (a.ndim - 1)) > 0
        total = total + vmap(penalty)(torch.where(on, a, 0.0))
    # Of zeros it may be no number, and 0 · NaN is NaN: this `where` keeps that out of the value, the
    # one above out of the gradient.
    return torch.where(weight > 0, weight * total, 0.0)


def uncomputable(activations: Sequence[Tensor]) -> dict[str, str]:
    """Kind of penalty -> why it cannot be computed of one trial's activations."""
    reasons = dict[str, str]()
    for kind, penalty in PENALTIES.items():
        try:
            for a in activations:
                penalty(a)
        except Exception as error:  # as of shapes that it does not know
            reasons[kind] = reason_of(error)
    return reasons


class L1(torch.autograd.Function):
    """w · Σ mean |a|, with gradient w · sign(a) / n."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, *activations: Tensor) -> Tensor:
        ctx.save_for_backward(weight, *activations)
        return _where_on(weight, torch.stack([a.abs().flatten(1).mean(1) for a in activations]))

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        weight, *activations = ctx.saved_tensors
        return None, *_scaled([a.sign() for a in activations], g * weight)


class L2(torch.autograd.Function):
    """w · Σ mean a², with gradient 2 · w · a / n."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, *activations: Tensor) -> Tensor:
        ctx.save_for_backward(weight, *activations)
        norms = torch.stack([torch.linalg.vector_norm(a.flatten(1), dim=1) for a in activations])
        roots = norms.new_tensor([a[0].numel() ** -0.5 for a in activations])
        return _where_on(weight, (norms * roots[:, None]).square())

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        weight, *activations = ctx.saved_tensors
        # An infinite activation times a weight of 0 would be NaN.
        return None, *_scaled([a.nan_to_num() for a in activations], g * weight * 2)


def _where_on(weight: Tensor, penalties: Tensor) -> Tensor:
    """penalties: (layers, trials)"""
    return torch.where(weight > 0, weight * penalties.sum(0), 0.0)


def _scaled(directions: Sequence[Tensor], factor: Tensor) -> list[Tensor]:
    """Each direction times factor / n, n being its number of elements per trial."""
    factors = {n: factor / n for n in {a[0].numel() for a in directions}}
    return [a.mul_(factors[a[0].numel()].view(-1, *[1] * (a.ndim - 1))) for a in directions]
