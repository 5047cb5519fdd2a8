"""Single operations as machine code, forward and backward, where their options are no defaults."""

import importlib.util
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.helpers.native import Function, compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


def gradient_of(function: Callable[[Tensor], Tensor]) -> Function:
    """x -> the gradient of `function` with respect to x, each output weighted by itself."""

    def gradient(x: Tensor) -> list[Tensor]:
        given = x.detach().clone().requires_grad_()
        out = function(given)
        return list(torch.autograd.grad((out * out.detach().sigmoid()).sum(), given))

    return gradient


def _looked_up(x: Tensor) -> Tensor:
    """Rows of a table of ten numbers, of which the second is padding."""
    numbers = (x.detach()[0, :, 0].abs() * 3).long().clamp(max=9)
    return F.embedding(numbers, x[0, :10, :4], padding_idx=1)


def _without_some(x: Tensor) -> Tensor:
    return torch.where(x > 1.5, math.nan, x)


def _truths(x: Tensor) -> list[Tensor]:
    """What torch makes of two truth values, and of one and a number."""
    a, b = x > 0, x.abs() > 1
    pairs = [a + b, a * b, a | b, a & b, a ^ b, ~a, torch.maximum(a, b), torch.minimum(a, b)]
    logical = [torch.logical_or(x, b), torch.logical_xor(a, x), torch.logical_and(x, b), torch.logical_not(x)]
    compared = [a < b, a <= b, a > b, a >= b, a == b, a != b, a < 2, a != 2, a > 1, a < 0.5]
    pairs += logical + compared
    return [torch.where(each, x, -x) for each in pairs]


def _truths_in_place(x: Tensor) -> list[Tensor]:
    """Truth values written over whole numbers and over real ones."""
    whole, real, other = (x * 2).long(), (x * 2).trunc(), (x * x).long()
    found = [
        each.clone().logical_and_(other) + each.clone().logical_or_(other) + each.clone().logical_xor_(other)
        for each in (whole, real)
    ]
    found += [whole.clone().logical_not_(), real.clone().logical_not_(), real.clone().gt_(0.5)]
    found += [whole.clone().bitwise_and_(other), whole.clone().eq_(other)]
    return [each.to(x.dtype) for each in found]


def _of_several_types(x: Tensor) -> list[Tensor]:
    """Joined along rows and columns, the result in the widest type."""
    whole, small, truths, wide = (x * 4).long(), (x * -3).int(), x > 0, x.double()
    joined = [
        torch.cat([whole, x], 1),
        torch.cat([x, small, truths], 2),
        torch.cat([truths, whole], 1),
        torch.cat([small, wide], 2),
    ]
    return [each.to(x.dtype) for each in joined] + [torch.stack([x, wide.to(x.dtype)], 1)]


def _whole(x: Tensor) -> list[Tensor]:
    """Of whole numbers, negative ones too."""
    a, b = (x * 4).long(), (x * x * 3).long()
    numbers = [~a, a | b, a ^ b, a & b, a + b, a - b, a * b, -a, torch.maximum(a, b), a.clamp(-2, 1)]
    numbers += [a.sign(), a.int() + b.int(), a < b, a >= b, a == b, a != 1]
    return [each.to(x.dtype) for each in numbers]


def _infinite(x: Tensor) -> Tensor:
    """With each value that is no finite number."""
    return torch.where(x > 1.5, math.nan, torch.where(x > 1, math.inf, torch.where(x < -1, -math.inf, x)))


def _with_ties(x: Tensor) -> Tensor:
    """Many of the same value at both ends, each with a gradient of its own."""
    return torch.where(x.abs() > 0.5, x - x.detach() + x.detach().sign() * 0.5, x)


def _hidden(x: Tensor) -> Tensor:
    """−∞ in places, and in all of every third row."""
    rows = (torch.arange(x.shape[1]) % 3 == 0)[:, None]
    return torch.where(rows | (x > 1), -math.inf, x)


ROWS, APART = torch.tensor([2, 0, 1, 1, -3, 7]), torch.tensor([3, 1, -2, 8])
FIRST = torch.zeros(1, dtype=torch.long)


FORWARD: dict[str, Function] = {
    "parts of several types": _of_several_types,
    "truth values": _truths,
    "truth values in place": _truths_in_place,
    "whole numbers against others": lambda x: [((x * 4).long() >= 1.5).to(x.dtype)],
    "numbers for what is none": lambda x: [
        _infinite(x).nan_to_num(),
        _infinite(x).nan_to_num(7.0, 8.0, 9.0),
        _infinite(x).nan_to_num(0.5),
    ],
    "differences the other way": lambda x: [torch.rsub(x, x * x, alpha=0.3), torch.sub(x, x * x, alpha=-0.3)],
    "shares of nothing": lambda x: [torch.softmax(x, 2), torch._safe_softmax(_hidden(x), 2)],
    "whole numbers": _whole,
    "norm of order 1": lambda x: [torch.linalg.vector_norm(x, 1, dim=1)],
    "norm of order 1 of all": lambda x: [torch.linalg.vector_norm(x, 1)[None]],
    "norm of order 2": lambda x: [torch.linalg.vector_norm(x, 2, dim=2)],
    "largest, or no number": lambda x: [_without_some(x).amax(1), _without_some(x).amax(2)],
    "the last ones": lambda x: [x[:, torch.tensor([-1, 0, -2])]],
    "no number is true": lambda x: [
        torch.where(x > 0, math.nan, x.round()).bool().to(x.dtype),
        torch.logical_and(torch.where(x > 0, math.nan, x), x < 1).to(x.dtype),
    ],
    "spreads": lambda x: [
        x.var(1),
        x.std(2, correction=0),
        x.var((1, 2), correction=5),
        x.std(1, keepdim=True) * x,
        x[:, :, :3].var(2, correction=2.5),
    ],
    "smallest, or no number": lambda x: [_without_some(x).amin(1), _without_some(x).amin((1, 2))],
    "some and every": lambda x: [
        each.to(x.dtype)
        for each in ((x > 1).any(1), (x > -1).all(2), (x > 2.5).any()[None], (x * 2).long().any(2), x.all(1))
    ],
    "to whole numbers": lambda x: [
        (x * 4).floor(),
        (x * 4).ceil(),
        (x * 4).trunc(),
        (x * 2).round() + x.round(),
    ],
    "powers of negative numbers": lambda x: [x**1.5, x**-3, x**0, (x * 0) ** 0, (x * 3).round() ** 5],
    "log of sums, infinite": lambda x: [_hidden(x).logsumexp(1), _infinite(x).logsumexp(2)],
    "numbers added up by rows": lambda x: [
        torch.zeros_like(x).index_add(1, ROWS.abs(), x[:, :6]),
        x.index_add(2, APART.abs(), x[:, :, :4]),
    ],
    "joined with nothing": lambda x: [torch.cat([x[:, :0], x.tanh(), x[:, :0] * 2, x[:, :3]], 1)],
    "sums": lambda x: [x.sum(1), x.sum(2), x.mean((1, 2))],
    "addcdiv": lambda x: [torch.addcdiv(x, x + 1, x * x + 2, value=-0.7)],
    "addcmul": lambda x: [torch.addcmul(x, x + 1, x * x + 2, value=-0.7)],
    "lerp, near and far": lambda x: [torch.lerp(x, x * x, 0.2), torch.lerp(x, x * x, 0.7)],
    "sign": lambda x: [x.sign(), (x > 0).float() + (x > 1)],
    "products": lambda x: [x[:, :, :16] @ x[:, :16], x.transpose(1, 2) @ x],
}
BACKWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "lower triangle": lambda x: x.tanh().tril() + x.tril(-3) + x.tril(4) + x.transpose(1, 2).tril(2).sum(),
    "upper triangle": lambda x: x.tanh().triu() + x.triu(-3) + x.triu(40) + x.triu(-50) + x[:, :, :1].triu(),
    "channels as pixels": lambda x: (
        F.pixel_shuffle(x[:, :36, None].tanh().view(1, 4, 9, 1, -1), 3)
        * F.pixel_unshuffle(x[:, :36, :18].view(1, 4, 9, 18)[:, :, :9], 3).sum()
    ),
    "reflected edges": lambda x: (
        F.pad(x.tanh(), (3, 2), "reflect")
        + F.pad(x[:, None], (0, 5, 4, 1), "reflect").sum((1, 2), keepdim=True)[:, 0]
    ),
    "powers": lambda x: x.abs() ** 1.7 + (x * x + 1) ** x + 2.0**x + x.abs().sqrt() ** x.abs(),
    "log of sums": lambda x: x.logsumexp(1) * x.logsumexp((1, 2)) + x.logsumexp(1, keepdim=True).sum(),
    "smallest": lambda x: _with_ties(x).amin(1) + _with_ties(x).amin((1, 2), keepdim=True).sum(),
    "selected": lambda x: x.tanh().index_select(2, ROWS.abs()) + x.index_select(1, APART.abs()).sum(),
    "picked rows": lambda x: x[:, ROWS] * 2,
    "picked columns": lambda x: x.tanh()[:, :, ROWS],
    "picked pairs": lambda x: x[:, ROWS[:, None], ROWS[:3]] + x[:, ROWS[:5, None], ROWS[None, :3]].sum(),
    "picked from a turned table": lambda x: x.transpose(1, 2)[:, ROWS],
    "picked by row": lambda x: x.tanh()[0, torch.arange(37), (x[0, :, 0].abs() * 4).long()][None],
    "put in places": lambda x: x.clone().index_put((FIRST, APART), x[0, :4]),
    "every third": lambda x: x[:, :, 1::3].tanh(),
    "hardshrink": lambda x: F.hardshrink(x, 0.5),
    "softshrink": lambda x: F.softshrink(x, 0.3),
    "hardtanh": lambda x: F.hardtanh(x, -0.4, 0.9),
    "huber": lambda x: F.huber_loss(x, torch.zeros_like(x), delta=0.3, reduction="none"),
    "softplus": lambda x: F.softplus(x, 2.0, 1.0),
    "mish": F.mish,
    "elu": lambda x: F.elu(x, 0.7),
    "celu": lambda x: F.celu(x, 0.6),
    "celu in place": lambda x: F.celu_(x * 1.5, 0.6),
    "elu in place": lambda x: F.elu_(x * 1.5, 0.7),
    "running extremes": lambda x: _with_ties(x).cummin(1)[0] + _with_ties(x).cummax(2)[0],
    "waves": lambda x: (x * 3).sin() + (x * 40).cos() * torch.where(x > 1, x * 1e9, x).sin(),
    "slopes of spreads": lambda x: (
        (x - x.mean(2, keepdim=True)) / (x.std(2, keepdim=True) + 1) + x.var(1, keepdim=True)
    ),
    "shares of nothing": lambda x: torch._safe_softmax(_hidden(x), 2),
    "leaky relu": lambda x: F.leaky_relu(x, 0.3),
    "embedding with padding": _looked_up,
}


@pytest.mark.parametrize("columns", [18, 31])
@pytest.mark.parametrize("name", [*FORWARD, *BACKWARD])
def test_numbers_are_those_of_torch(name: str, columns: int) -> None:
    """Of full vectors and of what is left after them."""
    function = FORWARD[name] if name in FORWARD else gradient_of(BACKWARD[name])
    x = torch.randn(37, columns, generator=torch.Generator().manual_seed(1))
    for mine, theirs in zip(compiled(function, x), function(x[None].clone()), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2e-5, atol=2e-5, equal_nan=True)


BEYOND: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "embedding": F.embedding,
    "gather": lambda at, x: x.gather(0, at[:, None].expand(-1, x.shape[1])),
    "scatter_add": lambda at, x: torch.zeros_like(x).scatter_add(0, at[:, None].expand(-1, x.shape[1]), x),
}


@pytest.mark.parametrize("beyond", [0, 1, 2, -7])
@pytest.mark.parametrize("name", BEYOND)
def test_an_index_beyond_the_table_is_an_error(name: str, beyond: int) -> None:
    """The first number beyond the last row, or before the first, is refused, and reads no memory."""
    rows, x = 4, torch.arange(4.0)[:, None].repeat(1, 5)
    looked_up: Function = lambda x: [BEYOND[name](x[0, :, 0].long(), x[0, :rows])]  # noqa: E731
    if not beyond:
        torch.testing.assert_close(compiled(looked_up, x)[0], x)
        return
    with pytest.raises(IndexError, match="lies beyond what it points into"):
        compiled(looked_up, x, x + beyond)
