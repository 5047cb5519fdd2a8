"""Functions by tables of polynomials."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("llvmlite", reason="machine code needs llvmlite")

from sweeper.training.stacked.native import formulas, ir, tables, target
from tests.helpers.native import number_by_number

Function = Callable[[np.ndarray], np.ndarray]
pytestmark = pytest.mark.skipif(target.register_bytes() != 64, reason="tables need AVX-512")
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan, 1e-45, -1e-45, 3e38, -3e38, 5.8125, -5.8125, 9.0, -9.0]


def compiled(name: str, lanes: int = 16) -> Function:
    """A formula of arrays whose length is a multiple of `lanes`; backward, of a gradient of 1."""
    formula = formulas.FORMULAS[name]

    def plain(x: ir.Number) -> ir.Number:
        return formula(*([x.code.like(1.0, x.kind), x] if name.endswith("backward") else [x]))

    return number_by_number(plain, lanes)


def sizes(least: float, most: float) -> np.ndarray:
    """Every hundredth number or so between two positive ones, and a few of them again."""
    first, last = (int(np.float32(v).view(np.uint32)) for v in (least, most))
    return np.resize(
        np.arange(first, last, 101, dtype=np.uint32).view(np.float32), ((last - first) // 1616 + 1) * 16
    )


def units(found: np.ndarray, right: Tensor) -> float:
    """Most units in the last place between numbers and those in float64."""
    exact = right.numpy()
    return float((np.abs(found - exact) / np.spacing(np.abs(exact).astype(np.float32))).max())


def phi(x: Tensor) -> Tensor:
    """The distribution function of the normal distribution, in float64."""
    return torch.special.erfc(-x.double() * math.sqrt(0.5)) / 2


def slope(x: Tensor) -> Tensor:
    """That of GELU, in float64."""
    return phi(x) + x.double() * torch.exp(-(x.double() ** 2) / 2) / math.sqrt(2 * math.pi)


@pytest.mark.parametrize("sign", [1, -1])
def test_tanh_is_near_and_never_beyond_one(sign: int) -> None:
    """To 1.5 units in the last place, of numbers of all sizes, and at most 1 itself."""
    x = sign * sizes(1e-30, 60)
    found = compiled("tanh")(x)
    assert units(found, torch.tanh(torch.from_numpy(x).double())) <= 1.5
    assert np.abs(found).max() == 1


def test_gelu_is_near() -> None:
    """To 2.5 units in the last place above −3, and to a millionth below, where 1 + erf has few digits."""
    gelu = compiled("gelu")
    for x, most in ((sizes(1e-30, 60), 2.5), (-sizes(1e-30, 3), 2.5), (-sizes(3, 5.7), 16)):
        given = torch.from_numpy(x)
        assert units(gelu(x), given.double() * phi(given)) <= most


def test_the_slope_of_gelu_is_near() -> None:
    """To 1 unit in the last place of 1 everywhere, and of itself where it is large and where it is small."""
    backward = compiled("gelu_backward")
    for x, most in ((sizes(1e-30, 5.8), 1), (-sizes(1e-30, 0.5), 1), (-sizes(1, 4), 3), (-sizes(4, 5.7), 16)):
        assert units(backward(x), slope(torch.from_numpy(x))) <= most
    middle = -sizes(0.5, 1)
    assert np.abs(backward(middle) - slope(torch.from_numpy(middle)).numpy()).max() < 3e-8


@pytest.mark.parametrize("lanes", [1, 4, 16])
@pytest.mark.parametrize("name", ["tanh", "gelu", "gelu_backward"])
def test_special_values(name: str, lanes: int) -> None:
    """0 with its sign, infinity, NaN, and what is too large for the table, in any lane, as in float64."""
    x = np.resize(np.array(SPECIAL, dtype=np.float32), 16 * len(SPECIAL))
    given = torch.from_numpy(x)
    exact = {
        "tanh": torch.tanh,
        "gelu": lambda x: x * (0.5 * (torch.erf(x * math.sqrt(0.5)) + 1)),  # torch's own loses infinity
        "gelu_backward": lambda x: torch.ops.aten.gelu_backward(torch.ones_like(x), x),
    }
    right = exact[name](given.double()).float()
    found = torch.from_numpy(compiled(name, lanes)(x))
    torch.testing.assert_close(found, right, rtol=1e-6, atol=1e-7, equal_nan=True)
    if name != "gelu_backward":
        zero = x == 0
        assert np.array_equal(np.signbit(found.numpy()[zero]), np.signbit(x[zero]))


@pytest.mark.parametrize("name", ["tanh", "gelu", "gelu_backward"])
def test_the_same_whatever_the_lanes(name: str) -> None:
    """What a number gives does not depend on how many others are computed with it, nor on which."""
    generator = np.random.default_rng(0)
    x = (generator.standard_normal(1 << 14) * 3).astype(np.float32)
    first = compiled(name)(x)
    for lanes in (1, 2, 4, 8):
        assert np.array_equal(compiled(name, lanes)(x), first)
    order = generator.permutation(len(x))
    assert np.array_equal(compiled(name)(x[order]), first[order])


def test_float64_keeps_its_formulas() -> None:
    """Tables are of float32 alone."""
    code = ir.Code()
    assert not tables.serve(ir.Number(code, "%x", ir.Kind("double", 8)))
