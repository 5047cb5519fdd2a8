"""Operations that are faster on stacked trials than what vmap makes of them by itself.

`vmap` batches any operation correctly. For the few that networks spend their time in there are better ways,
used wherever a model calls the function, as a layer or directly. To add one, add a line to `RULES`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode


class StackedLinear(torch.autograd.Function):
    """y = x·Wᵀ + b for every trial: one batched product with the bias inside.

    x: (trials, rows, in), W: (trials, out, in), b: (trials, out) or ``None``. The gradient of W comes out
    in the layout of W, so that nothing is transposed.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.biased = b is not None
        if b is None:
            return torch.bmm(x, w.transpose(1, 2))
        return torch.baddbmm(b.unsqueeze(1), x, w.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, gy: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, w = ctx.saved_tensors
        gx = torch.bmm(gy, w) if ctx.needs_input_grad[0] else None
        gw = torch.bmm(gy.transpose(1, 2), x) if ctx.needs_input_grad[1] else None
        gb = gy.sum(1) if ctx.biased and ctx.needs_input_grad[2] else None
        return gx, gw, gb


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
        x, w = (_in_front(t, dim, info.batch_size) for t, dim in zip((x, w), in_dims[:2], strict=True))
        b = _in_front(b, in_dims[2], info.batch_size) if b is not None else None
        rows = x.reshape(len(x), -1, x.shape[-1])
        y = StackedLinear.apply(rows, w, b)
        return y.view(*x.shape[:-1], w.shape[1]), 0


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``F.linear``"""
    return Linear.apply(x, weight, bias)


def cross_entropy(input: Tensor, target: Tensor, **options: Any) -> Tensor:
    """``F.cross_entropy`` on class numbers, without its look-out for classes to be ignored."""
    if options or target.is_floating_point() or input.ndim != 2:
        return F.cross_entropy(input, target, **options)
    return -input.log_softmax(1).gather(1, target.unsqueeze(1)).mean()


def _in_front(t: Tensor, dim: int | None, size: int) -> Tensor:
    """The trial axis first; what all trials share is repeated without a copy."""
    return t.movedim(dim, 0) if dim is not None else t.expand(size, *t.shape)


RULES: Mapping[Any, Callable[..., Tensor]] = {F.linear: linear, F.cross_entropy: cross_entropy}


class BetterRules(TorchFunctionMode):
    """While open, calls of the functions in `RULES` go there."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return RULES.get(function, function)(*args, **(kwargs or {}))
