"""Operations with options that machine code does not know give what torch gives, or are refused."""

import importlib.util
from collections.abc import Callable
from contextlib import suppress

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.kernel import SlopeKernel
from sweeper.training.stacked.native.program import drawn as drawn_first
from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import agrees, compiled, drawn, gradient_of, recorded

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


def _numbers(x: Tensor) -> Tensor:
    return (x.detach()[:, :, :1].abs() * 2).long().clamp(max=9)


OPTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "means beyond the edge": lambda x: F.avg_pool2d(x[:, None, :, :7].tanh(), (1, 2), (1, 4), (0, 1)),
    "means of windows that are cut": lambda x: F.avg_pool2d(x, (5, 2), ceil_mode=True),
    "rows that come often count less": lambda x: F.embedding(
        _numbers(x)[0, :, 0], x[0], scale_grad_by_freq=True
    )[None],
    "fewer heads of keys": lambda x: F.scaled_dot_product_attention(
        x[0].view(1, 1, 13, 18).expand(1, 4, 13, 18).tanh(),
        *[x[0].view(1, 1, 13, 18).expand(1, 2, 13, 18).sin() for _ in range(2)],
        enable_gqa=True,
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_are_known_or_refused(name: str) -> None:
    """The output, and the gradient of the sum of its cubes."""
    with suppress(NotCompiled):
        agrees(gradient_of(OPTIONS[name]), drawn(13, 18), 1e-9)


def test_a_scatter_that_adds_or_multiplies_is_known_or_refused() -> None:
    """``reduce`` is no option to leave out."""
    for how in ("add", "multiply"):
        with suppress(NotCompiled):
            agrees(lambda x, how=how: [x.scatter(2, _numbers(x), 1.5, reduce=how)], drawn(13, 18))


def test_random_numbers_beside_others_are_refused() -> None:
    """What is drawn into a part of an array is not put there before a pass begins."""
    calls, _, _ = recorded(lambda x: [torch.empty_like(x)[:, 1:].normal_() + 1], drawn(3, 4)).recorded
    with pytest.raises(NotCompiled, match="beside others"):
        drawn_first(calls)


LOOKED_UP: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "embedding": F.embedding,
    "gather": lambda at, x: x.gather(0, at[:, None].expand(-1, x.shape[1])),
    "scatter_add": lambda at, x: torch.zeros_like(x).scatter_add(0, at[:, None].expand(-1, x.shape[1]), x),
}


@pytest.mark.parametrize("name", LOOKED_UP)
def test_an_index_far_beyond_the_table_reads_no_memory(name: str) -> None:
    """An address that does not exist would end the process."""
    x = torch.arange(4.0)[:, None].repeat(1, 5)
    with pytest.raises(IndexError, match="lies beyond what it points into"):
        compiled(lambda x: [LOOKED_UP[name](x[0, :, 0].long(), x[0, :4])], x, x + 2**50)


def test_a_slope_at_zero_is_that_of_torch() -> None:
    """A learned slope counts where a number is exactly zero, in the gradients of both."""
    z = torch.tensor([[0.0, 1.0, -2.0, -0.0]], dtype=torch.float64, requires_grad=True)
    w, g = torch.tensor([[0.25]], dtype=torch.float64, requires_grad=True), torch.full_like(z, 3.0)
    wanted = torch.autograd.grad(F.prelu(z, w[0]), [z, w], g)
    found = [torch.empty_like(z), torch.empty_like(w)]
    with torch.no_grad():
        for run in SlopeKernel().backward(g, z, torch.empty_like(z), [w], found[0], found[1:]):
            run()
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_rounding_to_decimals_is_named() -> None:
    """Why there is no machine code of it, in words."""
    with pytest.raises(NotCompiled, match=r"^rounding to decimals$"):
        compiled(lambda x: [x.round(decimals=1)], drawn(2, 3))
