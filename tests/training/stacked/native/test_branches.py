"""Single operations as machine code with the options, sizes and layouts that few models have."""

import importlib.util
from collections.abc import Callable
from contextlib import suppress

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import Function, agrees, drawn, gradient_of, rounded

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"),
    pytest.mark.filterwarnings("ignore:.*degrees of freedom is <= 0"),
]


def _long(x: Tensor) -> Tensor:
    return x.repeat(1, 1, 40)


KNOWN: dict[str, Function] = {
    "a long product beside what it is added to": lambda x: [
        torch.baddbmm(x[:, :, :13].tanh(), _long(x), _long(x).transpose(1, 2))
    ],
    "halves go to the even number": lambda x: [(rounded(x) / 2).round()],
    "pictures from channels": lambda x: [F.pixel_shuffle(x[:, :12].reshape(1, 12, 3, 6), 2)],
    "channels from pictures": lambda x: [F.pixel_unshuffle(x[:, :12].reshape(1, 2, 6, 18), 2)],
    "spreads of fewer rows than are taken off": lambda x: [
        x[:, :2].var(1, correction=4),
        x[:, :2].std(1, correction=2),
        x[:, :1].var(1, correction=3),
    ],
    "whole numbers beside those that single precision has": lambda x: [
        ((x * 0).long() + 2**24 + 1 == float(2**24)).double(),
        ((x * 3).long() < 0.5).double(),
    ],
    "layer norm over two axes": lambda x: [F.layer_norm(x, (13, 18), x[0].sin(), x[0].cos())],
}
KNOWN_OR_REFUSED: dict[str, Function] = {
    "a product added to twice what is there": lambda x: [
        torch.baddbmm(x[:, :13, :13], x, x.transpose(1, 2), beta=2.0)
    ],
    "half a product added to what is there": lambda x: [
        torch.baddbmm(x[:, :13, :13], x, x.transpose(1, 2), alpha=0.5)
    ],
    "all cut away and more": lambda x: [F.pad(x, (-18, 5))],
    "one axis rolled twice": lambda x: [x.roll((3, 2), (1, 1))],
    "three times what is added by rows": lambda x: [
        x.index_add(1, torch.tensor([0, 2, 5]), x[:, :3].tanh(), alpha=3)
    ],
    "an array that is negated when it is read": lambda x: [torch._neg_view(x) + 1],
}
BACKWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "selu of what it replaces": lambda x: F.selu(x * 1.5, inplace=True),
    "a slope that is computed": lambda x: F.prelu(x, x[0, 0, :1].tanh()),
    "layer norm with a gain alone": lambda x: F.layer_norm(x, (18,), x[0, 0].tanh()),
    "layer norm with a gain and a shift": lambda x: F.layer_norm(x, (18,), x[0, 0].tanh(), x[0, 1]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_numbers_are_those_of_torch(name: str) -> None:
    """Up to rounding, infinite ones and those that are none included."""
    agrees(KNOWN[name], drawn(13, 18), 1e-9)


@pytest.mark.parametrize("name", KNOWN_OR_REFUSED)
def test_numbers_are_those_of_torch_or_refused(name: str) -> None:
    """Nothing is left out without a word."""
    with suppress(NotCompiled):
        agrees(KNOWN_OR_REFUSED[name], drawn(13, 18), 1e-9)


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_are_those_of_torch_or_refused(name: str) -> None:
    """The output, and the gradient of the sum of its cubes."""
    with suppress(NotCompiled):
        agrees(gradient_of(BACKWARD[name]), drawn(13, 18), 1e-9)
