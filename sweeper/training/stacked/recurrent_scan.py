"""One direction of one recurrent layer of all trials: forward and backward over time.

Torch's own LSTM, GRU and RNN cannot be batched over trials. Here a step of time is one batched product and a
few operations on all trials at once; the gradient of the recurrent weight is one product over all times.
Gates and their order are those of ``nn.LSTM``, ``nn.GRU`` and ``nn.RNN``.

Shapes, with `n` trials, `t` times, `b` rows, `h` units and `g` gates: pre-activations of the gates from the
input (n, t, b, g·h); states (n, b, h), or (n, b, p) for the output of an LSTM that projects to `p` features.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from sweeper.training.stacked.batching_rules import in_front

aten: Any = torch.ops.aten
"""Called below whatever looks at torch's functions: no gate is an activation of the model's own."""


class Step(NamedTuple):
    """One step of time."""

    h: Tensor
    """The output, before an LSTM projects it."""
    c: Tensor | None
    """The cell of an LSTM."""
    kept: Sequence[Tensor]
    """What the backward step needs."""


class Gradients(NamedTuple):
    """What one backward step gives."""

    x: Tensor
    """Of the pre-activations that come from the input."""
    h: Tensor
    """Of those that come from the state before."""
    direct: Tensor | None
    """Of that state, by another way than the recurrent weight."""
    c: Tensor | None
    """Of the cell before."""


Forward = Callable[[Tensor, Tensor, Tensor | None, Tensor, Tensor | None], Step]
"""(pre-activations from the input, state, cell, recurrent weight transposed, its bias) -> step"""
Backward = Callable[[Tensor, Tensor | None, Sequence[Tensor]], Gradients]
"""(gradient of the output, of the cell, what was kept) -> gradients"""


@dataclass(frozen=True)
class Cell:
    """An update rule of a recurrent state."""

    forward: Forward
    backward: Backward
    separate_bias: bool = False
    """Whether the recurrent weight's bias is needed apart from the input's, as in a GRU."""


def _lstm(x: Tensor, h: Tensor, c: Tensor | None, w: Tensor, bias: Tensor | None) -> Step:
    """i, f, o = sigmoid(a), g = tanh(a); c' = f·c + i·g; h' = o·tanh(c')"""
    assert c is not None
    gates = torch.baddbmm(x, h, w).unflatten(2, (4, -1))
    i, f, g, o = gates.unbind(2)
    g = aten.tanh(g)  # 2·sigmoid(2a) − 1 is faster, and lacks the digits of small numbers
    aten.sigmoid_(gates)
    new = torch.addcmul(f * c, i, g)
    squashed = aten.tanh(new)
    return Step(o * squashed, new, (i, f, g, o, c, squashed))


def _lstm_backward(gh: Tensor, gc: Tensor | None, kept: Sequence[Tensor]) -> Gradients:
    i, f, g, o, c, squashed = kept
    through = aten.tanh_backward(gh * o, squashed)
    gc = through if gc is None else gc + through
    gates = (
        aten.sigmoid_backward(gc * g, i),
        aten.sigmoid_backward(gc * c, f),
        aten.tanh_backward(gc * i, g),
        aten.sigmoid_backward(gh * squashed, o),
    )
    ga = torch.cat(gates, 2)
    return Gradients(ga, ga, None, gc * f)


def _gru(x: Tensor, h: Tensor, c: Tensor | None, w: Tensor, bias: Tensor | None) -> Step:
    """r, z = sigmoid(x + Wh); n = tanh(x + r·Wh); h' = n + z·(h − n)"""
    a = torch.bmm(h, w) if bias is None else torch.baddbmm(bias.unsqueeze(1), h, w)
    units = h.shape[2]
    r, z = aten.sigmoid_(x[..., : 2 * units] + a[..., : 2 * units]).chunk(2, 2)
    inner = a[..., 2 * units :]
    n = aten.tanh_(torch.addcmul(x[..., 2 * units :], r, inner))
    return Step(torch.lerp(n, h, z), None, (r, z, n, inner, h))


def _gru_backward(gh: Tensor, gc: Tensor | None, kept: Sequence[Tensor]) -> Gradients:
    r, z, n, inner, h = kept
    direct = gh * z
    gn = aten.tanh_backward(gh - direct, n)
    gz = aten.sigmoid_backward(gh * (h - n), z)
    gr = aten.sigmoid_backward(gn * inner, r)
    return Gradients(torch.cat([gr, gz, gn], 2), torch.cat([gr, gz, gn * r], 2), direct, None)


def _rnn(x: Tensor, h: Tensor, c: Tensor | None, w: Tensor, bias: Tensor | None) -> Step:
    """h' = tanh(x + Wh)"""
    new = aten.tanh_(torch.baddbmm(x, h, w))
    return Step(new, None, (new,))


def _rnn_backward(gh: Tensor, gc: Tensor | None, kept: Sequence[Tensor]) -> Gradients:
    ga = aten.tanh_backward(gh, kept[0])
    return Gradients(ga, ga, None, None)


def _relu(x: Tensor, h: Tensor, c: Tensor | None, w: Tensor, bias: Tensor | None) -> Step:
    """h' = max(0, x + Wh)"""
    new = aten.relu(torch.baddbmm(x, h, w))
    return Step(new, None, (new,))


def _relu_backward(gh: Tensor, gc: Tensor | None, kept: Sequence[Tensor]) -> Gradients:
    ga = aten.threshold_backward(gh, kept[0], 0)
    return Gradients(ga, ga, None, None)


LSTM = Cell(_lstm, _lstm_backward)
GRU = Cell(_gru, _gru_backward, separate_bias=True)
RNN = Cell(_rnn, _rnn_backward)
RELU = Cell(_relu, _relu_backward)


class StackedScan(torch.autograd.Function):
    """A cell over time; returns all outputs (n, t, b, ·), the last one, and the last cell of an LSTM."""

    @staticmethod
    def forward(
        ctx: Any,
        cell: Cell,
        backwards: bool,
        x: Tensor,
        h: Tensor,
        c: Tensor | None,
        w: Tensor,
        bias: Tensor | None,
        projection: Tensor | None,
        mask: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """`mask`: (n, t, b, 1), false where a row has ended or not begun and its state stays."""
        times = x.shape[1]
        ctx.cell, ctx.order = cell, range(times)[::-1] if backwards else range(times)
        before, steps, outputs = h, list[Step](), [h] * times
        for t in ctx.order:
            step = cell.forward(x[:, t], h, c, w.transpose(1, 2), bias)
            new = step.h if projection is None else torch.bmm(step.h, projection.transpose(1, 2))
            if mask is None:
                h, c = new, step.c
            else:
                h = torch.where(mask[:, t], new, h)
                c = None if c is None or step.c is None else torch.where(mask[:, t], step.c, c)
            steps.append(step)
            outputs[t] = h
        ctx.steps, ctx.backwards = steps, backwards
        stacked = torch.stack(outputs, 1)
        ctx.save_for_backward(before, w, bias, projection, mask, stacked)
        ctx.set_materialize_grads(False)
        return stacked, h.clone(), None if c is None else c.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gy: Tensor | None, gh: Tensor | None, gc: Tensor | None) -> tuple[Any, ...]:
        before, w, bias, projection, mask, outputs = ctx.saved_tensors
        if gh is None:
            gh = torch.zeros_like(outputs[:, 0])
        gx: list[Tensor] = [gh] * len(ctx.steps)
        recurrent, projected = list(gx), list(gx)
        for t, step in zip(ctx.order[::-1], ctx.steps[::-1], strict=True):
            gh = gh if gy is None else gh + gy[:, t]
            m = None if mask is None else mask[:, t]
            (gh, stays), (gc, cell_stays) = _split_by_mask(gh, m), _split_by_mask(gc, m)
            projected[t] = gh
            inner = gh if projection is None else torch.bmm(gh, projection)
            gradients = ctx.cell.backward(inner, gc, step.kept)
            gx[t], recurrent[t] = gradients.x, gradients.h
            gc = _sum(gradients.c, cell_stays)
            direct = _sum(gradients.direct, stays)
            gh = torch.bmm(gradients.h, w) if direct is None else torch.baddbmm(direct, gradients.h, w)
        ga = torch.stack(gx, 1)
        apart = any(a is not b for a, b in zip(gx, recurrent, strict=True))
        of_state = (torch.stack(recurrent, 1) if apart else ga).flatten(1, 2)
        first = before.unsqueeze(1)
        earlier = torch.cat([outputs[:, 1:], first] if ctx.backwards else [first, outputs[:, :-1]], 1)
        gw = torch.bmm(of_state.transpose(1, 2), earlier.flatten(1, 2))
        gb = None if bias is None else of_state.sum(1)
        gp = None if projection is None else _of_projection(projected, ctx)
        return None, None, ga, gh, gc, gw, gb, gp, None


def _split_by_mask(g: Tensor | None, mask: Tensor | None) -> tuple[Any, Tensor | None]:
    """The gradient of rows that made a step, and of rows whose state stayed."""
    if g is None or mask is None:
        return g, None
    return torch.where(mask, g, 0), torch.where(mask, 0, g)


def _sum(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return b if a is None else a if b is None else a + b


def _of_projection(projected: Sequence[Tensor], ctx: Any) -> Tensor:
    """Gradient of an LSTM's projection, from that of what it makes."""
    steps = ctx.steps[::-1] if ctx.backwards else ctx.steps
    outputs = torch.cat([step.h for step in steps], 1)
    return torch.bmm(torch.cat(list(projected), 1).transpose(1, 2), outputs)


class Scan(torch.autograd.Function):
    """One direction of a layer of one trial, which vmap turns into `StackedScan`."""

    @staticmethod
    def forward(*arguments: Any) -> Any:
        raise RuntimeError("exists under vmap alone")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise RuntimeError("exists under vmap alone")

    @staticmethod
    def vmap(info: Any, in_dims: Any, cell: Cell, backwards: bool, *given: Tensor | None) -> tuple[Any, Any]:
        stacked = [
            None if t is None else in_front(t, dim, info.batch_size)
            for t, dim in zip(given, in_dims[2:], strict=True)
        ]
        y, h, c = StackedScan.apply(cell, backwards, *stacked)
        return (y, h, c), (0, 0, None if c is None else 0)
