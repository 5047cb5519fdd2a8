"""Machine code for convolutions gives what torch gives, forward and backward, transposed ones too."""

import importlib.util

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.helpers.native import compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
PLAIN = {
    "plain": {},
    "2 apart, beyond the edge": {"stride": 2, "padding": 1},
    "with holes, in groups": {"dilation": 2, "padding": (2, 1), "groups": 2},
}
TRANSPOSED = {
    **PLAIN,
    "with another end": {"stride": 3, "padding": 1, "output_padding": (2, 1)},
    "in groups, 2 apart": {"stride": 2, "groups": 2, "output_padding": 1},
}


@pytest.mark.parametrize(
    ("transposed", "name"), [*((False, name) for name in PLAIN), *((True, name) for name in TRANSPOSED)]
)
def test_output_and_gradients(transposed: bool, name: str) -> None:
    """Of 4 channels and 6 features: y, and the gradients of the sum of y³ by input, weights and bias."""
    options = (TRANSPOSED if transposed else PLAIN)[name]
    groups = int(options.get("groups", 1))
    generator = torch.Generator().manual_seed(0)
    sizes = (4, 6 // groups, 3, 2) if transposed else (6, 4 // groups, 3, 2)
    weight, bias = torch.randn(sizes, generator=generator), torch.randn(6, generator=generator)
    x = torch.randn(5, 4 * 7 * 6, generator=generator).double()

    def function(rows: Tensor) -> list[Tensor]:
        given = [t.double().clone().requires_grad_() for t in (rows[0].view(5, 4, 7, 6), weight, bias)]
        with torch.enable_grad():
            y = (F.conv_transpose2d if transposed else F.conv2d)(*given, **options)  # type: ignore[operator]
            return [y[None], *(t[None] for t in torch.autograd.grad((y**3).sum(), given))]

    for mine, theirs in zip(compiled(function, x), function(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs.detach())


BESIDE = torch.channels_last


@pytest.mark.parametrize(
    ("transposed", "name"), [*((False, name) for name in PLAIN), *((True, name) for name in TRANSPOSED)]
)
@pytest.mark.parametrize("order", ["pictures", "gradients", "weights", "all"])
def test_other_orders_in_memory(transposed: bool, name: str, order: str) -> None:
    """Channels that lie side by side, of what is read, of the gradient that comes back, of the weights."""
    options = (TRANSPOSED if transposed else PLAIN)[name]
    groups = int(options.get("groups", 1))
    generator = torch.Generator().manual_seed(0)
    sizes = (4, 6 // groups, 3, 2) if transposed else (6, 4 // groups, 3, 2)
    weight = torch.randn(sizes, generator=generator).double()
    x = torch.randn(5, 4 * 7 * 6, generator=generator).double()

    def function(rows: Tensor) -> list[Tensor]:
        pictures, w = rows[0].view(5, 4, 7, 6).clone(), weight.clone()
        pictures = pictures.to(memory_format=BESIDE) if order in ("pictures", "all") else pictures
        w = w.to(memory_format=BESIDE) if order in ("weights", "all") else w
        given = [pictures.detach().requires_grad_(), w.detach().requires_grad_()]
        with torch.enable_grad():
            y = (F.conv_transpose2d if transposed else F.conv2d)(*given, **options)  # type: ignore[operator]
            turned = y.permute(0, 2, 3, 1).contiguous() if order in ("gradients", "all") else y
            found = torch.autograd.grad((turned**3).sum(), given)
            return [y[None], *(t[None] for t in found)]

    for mine, theirs in zip(compiled(function, x), function(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs.detach())


def test_columns_of_others() -> None:
    """Rows that are columns of others."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(6, 4, 3, 2, generator=generator).double()
    x = torch.randn(5, 4 * 7 * 6, generator=generator).double()

    def turned(rows: Tensor) -> list[Tensor]:
        given = rows[0].view(5, 4, 42).clone().requires_grad_()
        with torch.enable_grad():
            y = F.conv1d(given.transpose(1, 2), weight.flatten()[:126].view(1, 42, 3))
            return [y[None], torch.autograd.grad((y**3).sum(), given)[0][None]]

    for mine, theirs in zip(compiled(turned, x), turned(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs.detach())
