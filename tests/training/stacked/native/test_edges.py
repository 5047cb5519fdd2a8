"""Single operations as machine code where their formulas change: at steps, at zero, beside no number."""

import importlib.util
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.helpers.native import Function, agrees, drawn, gradient_of, rounded

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


BACKWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "corners of hard shrink": lambda x: F.hardshrink(rounded(x), 1.0) + x,
    "corners of soft shrink": lambda x: F.softshrink(rounded(x), 1.0) + x,
    "leaky relu at zero": lambda x: F.leaky_relu(rounded(x), 0.3) + x,
    "slopes at zero": lambda x: F.prelu(rounded(x), x.new_full((1,), 0.3)) + x,
    "threshold at its number": lambda x: F.threshold(rounded(x), 1.0, 5.0) + x,
    "cubes and roots": lambda x: x**3 + (x.abs() + 1).rsqrt(),
    "mish of large numbers": lambda x: F.mish(x * 9),
    "batch norm with a gain that does not learn": lambda x: F.batch_norm(
        x[0], None, None, weight=x[0, 0].detach().tanh(), training=True
    )[None],
    "batch norm with a gain and a shift that do not learn": lambda x: F.batch_norm(
        x[0], None, None, x[0, 0].detach().tanh(), x[0, 1].detach(), training=True
    )[None],
    "a row of an axis counted from its end": lambda x: x[:, -2] * x[:, 3],
}
FORWARD: dict[str, Function] = {
    "no number in shrinking": lambda x: [
        F.softshrink(torch.where(x > 1, torch.nan, x), 0.5),
        F.hardshrink(torch.where(x > 1, torch.nan, x), 0.5),
    ],
    "log sigmoid of no number": lambda x: [F.logsigmoid(torch.where(x > 1, torch.nan, x))],
    "sizes and products of whole numbers": lambda x: [
        (x * 3).long().abs().double(),
        torch.addcmul((x * 3).long(), (x * 2).long(), (x * 5).long()).double(),
    ],
    "reciprocals and roots": lambda x: [x.reciprocal(), x.abs().rsqrt(), x.abs() ** -0.5, x**-2],
}


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_are_those_of_torch(name: str) -> None:
    """The output, and the gradient of the sum of its cubes."""
    agrees(gradient_of(BACKWARD[name]), drawn(13, 18), 1e-9)


@pytest.mark.parametrize("name", FORWARD)
def test_numbers_are_those_of_torch(name: str) -> None:
    """Also beside what is none."""
    agrees(FORWARD[name], drawn(13, 18), 1e-9)


@pytest.mark.parametrize("name", ["expm1", "log1p", "erf", "tanh", "sin"])
def test_zero_keeps_its_sign(name: str) -> None:
    """A function through zero gives −0 at −0, by which its reciprocal is −∞, as torch's is."""
    x = torch.tensor([[-0.0, 0.0] * 9] * 13, dtype=torch.float64)
    agrees(lambda x: [1 / getattr(torch, name)(x)], x)
