"""Operations that are faster on stacked trials than what vmap makes of them by itself.

`vmap` batches any operation correctly. For the few that networks spend their time in there are better ways,
used wherever a model calls the function, as a layer or directly. Those of attention and recurrent layers have
modules of their own; `better_rules` lists them all.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_NARROW_WIDTH = 16
"""Outputs of a layer below which its product is transposed."""
MAX_CLASSES = 64
"""Classes below which the log-softmax is taken over a transposed layout."""
IGNORED = -100
"""Class of rows that count for nothing, as torch has it."""
PLAIN = {"ignore_index": IGNORED, "reduction": "mean", "label_smoothing": 0.0}
"""Options of ``F.cross_entropy`` as they are when nobody sets them; the others are ``None``."""


class StackedLinear(torch.autograd.Function):
    """y = x·Wᵀ + b for every trial: one batched product with the bias inside.

    x: (trials, rows, in), W: (trials, out, in), b: (trials, out) or ``None``; y: (trials, rows, out). The
    gradient of W comes out in the layout of W, so that nothing is transposed; but of many rows of few
    features, it comes several times as fast as (xᵀ·gy)ᵀ.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, sequences: bool, turned: bool) -> Tensor:
        """`turned`: as W·xᵀ, (trials, out, rows); for a narrow output, it is two to three times as fast."""
        ctx.save_for_backward(x, w)
        ctx.narrow = sequences and x.shape[2] < w.shape[1]
        ctx.biased, ctx.turned = b is not None, turned
        if turned:
            x = x.transpose(1, 2)
            return torch.bmm(w, x) if b is None else torch.baddbmm(b.unsqueeze(2), w, x)
        w = w.transpose(1, 2)
        return torch.bmm(x, w) if b is None else torch.baddbmm(b.unsqueeze(1), x, w)

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        gy = gy.transpose(1, 2) if ctx.turned else gy
        gx = torch.bmm(gy, w) if ctx.needs_input_grad[0] else None
        gw = None
        if ctx.needs_input_grad[1] and ctx.narrow:
            gw = torch.bmm(x.transpose(1, 2), gy).transpose(1, 2)
        elif ctx.needs_input_grad[1]:
            gw = torch.bmm(gy.transpose(1, 2), x)
        gb = gy.sum(1) if ctx.biased and ctx.needs_input_grad[2] else None
        return gx, gw, gb, None, None


class Linear(torch.autograd.Function):
    """``F.linear`` of one trial, which vmap turns into `StackedLinear`."""

    @staticmethod
    def forward(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        return torch.nn.functional.linear(x, w, b)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise RuntimeError("exists under vmap alone")

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, int]:
        x, w = (in_front(t, dim, info.batch_size) for t, dim in zip((x, w), in_dims[:2], strict=True))
        b = in_front(b, in_dims[2], info.batch_size) if b is not None else None
        rows = x.reshape(len(x), -1, x.shape[-1])
        turned = w.shape[1] < min(MAX_NARROW_WIDTH, rows.shape[1])
        y = StackedLinear.apply(rows, w, b, x.ndim > 3, turned)
        y = y.transpose(1, 2) if turned else y  # here, so that the model may write into it
        return y.view(*x.shape[:-1], w.shape[1]), 0


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``F.linear``"""
    return Linear.apply(input, weight, bias)


class StackedCrossEntropy(torch.autograd.Function):
    """−log softmax(x)[y], mean over the rows of each trial; x: (trials, rows, classes), y: (trials, rows).

    The gradient is (softmax(x) − one-hot(y)) / rows. Rows whose class is −100 count for nothing.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        # Over few classes, logarithms of rows that lie side by side come ten times as fast.
        few = x.shape[2] < MAX_CLASSES
        p = torch.log_softmax(x.transpose(1, 2).contiguous() if few else x, 1 if few else 2)
        y = y.unsqueeze(1 if few else 2)
        kept = y.ne(IGNORED)
        y, count = torch.where(kept, y, 0), kept.sum((1, 2))
        ctx.few = few
        ctx.save_for_backward(p, y, kept, count)
        return torch.where(kept, p.gather(1 if few else 2, y), 0.0).sum((1, 2)).neg() / count

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
        p, y, kept, count = ctx.saved_tensors
        softmax = p.exp()
        softmax.scatter_add_(1 if ctx.few else 2, y, softmax.new_full((), -1.0).expand(y.shape))
        softmax.mul_(torch.where(kept, (g / count).view(-1, 1, 1), 0.0))
        return softmax.transpose(1, 2) if ctx.few else softmax, None


class CrossEntropy(torch.autograd.Function):
    """``F.cross_entropy`` of one trial, which vmap turns into `StackedCrossEntropy`."""

    @staticmethod
    def forward(x: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(x, y)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise RuntimeError("exists under vmap alone")

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, y: Tensor) -> tuple[Tensor, int]:
        x, y = (in_front(t, dim, info.batch_size) for t, dim in zip((x, y), in_dims, strict=True))
        return StackedCrossEntropy.apply(x, y), 0


def cross_entropy(input: Tensor, target: Tensor, **options: Any) -> Tensor:
    """``F.cross_entropy`` of rows with class numbers; other forms are left to vmap."""
    plain = all(value == PLAIN.get(name) for name, value in options.items())
    if not plain or target.is_floating_point() or input.ndim != 2:
        return F.cross_entropy(input, target, **options)
    return CrossEntropy.apply(input, target)


class ArgMax(torch.autograd.Function):
    """``x.argmax(1)`` of the rows of one trial. On a transposed layout it is slow."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.argmax(1)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.mark_non_differentiable(output)

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor) -> tuple[Tensor, int]:
        return x.movedim(in_dims[0], 0).contiguous().argmax(2), 0


def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """``Tensor.argmax`` over the classes of rows; other forms are left to vmap."""
    if dim not in (1, -1) or keepdim or input.ndim != 2:
        return torch.argmax(input, dim, keepdim)
    return ArgMax.apply(input)


def in_front(t: Tensor, dim: int | None, size: int) -> Tensor:
    """The trial axis first; what all trials share is repeated without a copy."""
    return t.movedim(dim, 0) if dim is not None else t.expand(size, *t.shape)


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
