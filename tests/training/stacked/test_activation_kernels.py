"""The activations of the catalogue as both engines compute them, at ordinary, tiny, huge and no numbers."""

import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from sweeper.components.activations import ACTIVATIONS, activation_of
from sweeper.data import disk
from sweeper.training.stacked.kernel import kernel_for
from sweeper.training.stacked.native.library import activation_functions

ELEMENTWISE = [name for name, own in ACTIVATIONS.items() if own.elementwise and name != "rrelu"]
LEARNED = [
    name
    for name, own in ACTIVATIONS.items()
    if own.learns and all(not is_lazy(each) and each.numel() == 1 for each in own.make().parameters())
]
"""Arrays of numbers that are learned have no kernel."""
EDGES = (0.0, 1e-30, 1e-12, 1e-8, 1e-4, 0.01, 0.1, 0.3, 0.5, 0.9, 1, 2, 3, 4, 6, 9, 20, 30, 90, 800, 1e30)
"""Where activations bend, and numbers of all sizes beside."""
NOWHERE = (torch.nan, torch.inf, -torch.inf)
UNSURE = {"gelu": torch.inf}
"""Here torch gives infinity or NaN, by the processor and by how many numbers there are."""
UNSIGNED = ("gelu", "softshrink")
"""Of −0 torch gives 0 or −0, by the place of the number in its array."""
SMALL = 0.1
"""Below, nothing cancels."""
BOTH = (torch.float32, torch.float64)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disk.PLACE, str(tmp_path))


def numbers(dtype: torch.dtype, *more: float) -> tuple[Tensor, Tensor]:
    """Numbers (2, 32, n) of two trials, and gradients.

    As many as fill whole vectors: torch itself treats NaN in what is left over in another way.
    """
    line = torch.tensor(EDGES, dtype=dtype)
    z = torch.cat([line, -line, torch.tensor(more, dtype=dtype)]).repeat(2, 32, 1)
    return z, torch.linspace(-1, 1, z.numel(), dtype=dtype).view_as(z)


def alone(name: str, z: Tensor, g: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """By torch: output, its gradient, that of what is learned; what is learned."""
    module, z = activation_of(name).make().to(z.dtype), z.clone().requires_grad_()
    learned = list(module.parameters())
    a = module(z)
    gz, *gw = torch.autograd.grad(a, [z, *learned], g)
    return [a.detach(), gz, *gw], [w.detach() for w in learned]


def recorded(name: str, z: Tensor, g: Tensor, w: list[Tensor]) -> list[Tensor]:
    """By recorded operations."""
    kernel, a, gz = kernel_for(activation_of(name), z.dtype), torch.empty_like(z), torch.empty_like(z)
    wide, gw = [t.repeat(len(z), 1) for t in w], [t.repeat(len(z), 1) for t in w]
    for run in (*kernel.forward(z, a, wide), *kernel.backward(g, z, a, wide, gz, gw)):
        run()
    return [a, gz, *(t.sum(0) for t in gw)]


def as_code(name: str, z: Tensor, g: Tensor, w: list[Tensor]) -> list[Tensor]:
    """By machine code."""
    a, gz, gw = torch.empty_like(z), torch.empty_like(z), [torch.zeros_like(t) for t in w]
    addresses = activation_functions(kernel_for(activation_of(name), z.dtype), z.dtype, len(w))
    for address, given in zip(addresses, ([z, a, *w], [g, z, a, gz, *w, *gw]), strict=True):
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in given]
        ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(given), ctypes.c_int64)(address)(*pointers, z.numel())
    return [a, gz, *gw]


def compared(name: str, z: Tensor, g: Tensor, *, compiled: bool) -> Iterator[tuple[Tensor, Tensor]]:
    """Results of a stack and of torch: outputs, gradients, gradients of what is learned."""
    if compiled and importlib.util.find_spec("llvmlite") is None:
        pytest.skip("machine code needs llvmlite")
    expected, w = alone(name, z, g)
    yield from zip((as_code if compiled else recorded)(name, z, g, w), expected, strict=True)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_activation_is_that_of_torch_at_any_number(
    name: str, dtype: torch.dtype, compiled: bool
) -> None:
    """Forward and gradient: tiny numbers keep all their digits, and NaN, infinity and −0 are as in torch."""
    z, g = numbers(dtype, *(value for value in NOWHERE if value != UNSURE.get(name)))
    near, small = 16 * torch.finfo(dtype).eps, z.abs() <= SMALL
    (a, a_alone), (gz, gz_alone), *_ = compared(name, z, g, compiled=compiled)
    for mine, theirs in ((a, a_alone), (gz, gz_alone)):
        torch.testing.assert_close(mine, theirs, rtol=near, atol=near, equal_nan=True)
        torch.testing.assert_close(mine[small], theirs[small], rtol=near, atol=0)
    zero = z == (0 if name not in UNSIGNED else torch.nan)
    assert torch.equal(a[zero].signbit(), a_alone[zero].signbit())


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("value", [*NOWHERE, -0.0])
@pytest.mark.parametrize("name", LEARNED)
def test_what_learns_has_the_gradient_of_torch(name: str, value: float, compiled: bool) -> None:
    """Also of numbers that are none: those that torch leaves out of it are left out."""
    z, g = numbers(torch.float64)
    z = torch.where(z.abs() > 100, value, z)
    for mine, theirs in list(compared(name, z, g, compiled=compiled))[2:]:
        torch.testing.assert_close(mine, theirs, equal_nan=True)
