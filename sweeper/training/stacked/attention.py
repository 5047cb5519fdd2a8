"""Attention of stacked trials: one call for all of them, where vmap alone loops over the trials."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.batching_rules import in_front


class Attention(torch.autograd.Function):
    """softmax(q·kᵀ·scale + mask)·v of one trial, for which vmap alone loops over the trials.

    q, k, v: (rows, …, length, features); a stack has its trials side by side with the rows. A mask can be
    broadcast to (rows, …, length, length).
    """

    @staticmethod
    def forward(*arguments: Any) -> Tensor:
        raise RuntimeError("exists under vmap alone")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise RuntimeError("exists under vmap alone")

    @staticmethod
    def vmap(
        info: Any,
        in_dims: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        mask: Tensor | None,
        causal: bool,
        scale: float | None,
        grouped: bool,
    ) -> tuple[Tensor, int]:
        trials, ndim = info.batch_size, q.ndim - (in_dims[0] is not None)
        stacked = (in_front(t, dim, trials) for t, dim in zip((q, k, v), in_dims[:3], strict=True))
        q, k, v = (t.flatten(0, 1) for t in stacked)
        rows = len(q) // trials
        if mask is not None:
            mask = _side_by_side(mask, in_dims[3], trials, rows, ndim)
        y = F.scaled_dot_product_attention(q, k, v, mask, 0.0, causal, scale=scale, enable_gqa=grouped)
        return y.unflatten(0, (trials, -1)), 0


def _side_by_side(mask: Tensor, dim: int | None, trials: int, rows: int, ndim: int) -> Tensor:
    """A mask for the rows of all trials; `ndim`: of the queries of one trial."""
    if dim is None and (mask.ndim < ndim or len(mask) == 1):
        return mask
    mask = in_front(mask, dim, trials)
    missing = [1] * (ndim - mask.ndim + 1)
    mask = mask.reshape(trials, *missing, *mask.shape[1:])
    return mask.expand(trials, rows, *mask.shape[2:]).flatten(0, 1)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``F.scaled_dot_product_attention``; with dropout or without rows, torch makes it of others."""
    alike = query.ndim == key.ndim == value.ndim >= 3 and len(query) == len(key) == len(value)
    if dropout_p > 0 or not alike:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
    return Attention.apply(query, key, value, attn_mask, is_causal, scale, enable_gqa)
