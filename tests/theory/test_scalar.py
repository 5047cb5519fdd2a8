"""Functions of one number that no catalogue has: their breaks, ranges and means over normal inputs."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.special import erf
from scipy.stats import norm
from torch import Tensor, nn

from sweeper.errors import UserError
from sweeper.theory.function_shape import Breaks, find_breaks, never_falls, output_range, steepest
from sweeper.theory.scalar import gaussian_mean, is_elementwise, scalar


def polynomial(x: Tensor) -> Tensor:
    """A function of no catalogue: a jump at −2, a kink at π, a bend at e."""
    return x.sin() + (x > -2) * 0.5 + (x - math.pi).abs() + (x - math.e) * (x - math.e).abs()


def test_breaks_of_any_function() -> None:
    """Jumps, kinks and bends are told apart and found wherever they lie."""
    breaks = scalar(polynomial).breaks
    assert breaks.jumps == pytest.approx([-2.0], abs=1e-9)
    assert breaks.kinks == pytest.approx([math.pi], abs=1e-9)
    assert breaks.bends == pytest.approx([math.e], abs=1e-4)
    assert breaks.all == breaks.jumps + breaks.bends + breaks.kinks
    assert scalar(torch.abs).breaks == Breaks(kinks=(0.0,))
    assert scalar(torch.sin).breaks == scalar(torch.erf).breaks == Breaks()
    assert find_breaks(torch.floor, torch.zeros_like).jumps == tuple(range(-31, 33))


@pytest.mark.parametrize("often", [5, 30, 300])
def test_what_turns_often_has_no_breaks_and_its_true_mean(often: int) -> None:
    """E[sin²(kz)] = (1 − exp(−2k²σ²)) / 2 for z ~ N(0, σ²), though many turns lie within a panel."""
    phi, variance = scalar(lambda x: torch.sin(often * x)), torch.tensor([0.01, 1.0, 9.0])
    assert phi.breaks == Breaks()
    expected = (1 - torch.exp(-2 * often**2 * variance.double())) / 2
    torch.testing.assert_close(phi.second_moment(variance), expected, rtol=1e-9, atol=1e-12)


def test_a_kink_at_a_point_of_the_grid_is_seen_beside_a_steep_slope() -> None:
    """What the function changes beside it must not hide it."""
    assert scalar(lambda x: 2.3 * x * x - 0.03 * x.abs()).breaks == Breaks(kinks=(0.0,))


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (torch.erf, "(-1, 1)"),
        (torch.sin, "[-1, 1]"),
        (torch.asinh, "(-inf, inf)"),
        (torch.square, "[0, inf)"),
        (lambda x: torch.exp(-x.square()), "(0, 1]"),
        (lambda x: x.square() * torch.exp(-x.square()), "[0, 0.367879]"),
        (lambda x: x.clamp(-20, 5), "[-20, 5]"),
        (lambda x: -torch.relu(x), "(-inf, 0]"),
    ],
)
def test_ranges_of_any_function(function: Callable[[Tensor], Tensor], shown: str) -> None:
    """Bounds that are taken, that are only approached, and that do not exist."""
    phi = scalar(function)
    assert output_range(phi.value, phi.breaks).text() == shown


def test_growing_slopes_have_no_lipschitz_constant() -> None:
    """x² gets steeper for ever: its constant is inf. Falling somewhere is seen."""
    assert math.isinf(steepest(scalar(torch.square).slope))
    assert not never_falls(scalar(torch.square).value)
    assert not never_falls(scalar(polynomial).value)


def test_what_is_not_elementwise_is_refused() -> None:
    """Rows that are normalised or compete are no function of one number; the message says so."""
    assert not is_elementwise(nn.Softmax(dim=-1).double())
    assert not is_elementwise(nn.LayerNorm(8).double())
    assert not is_elementwise(nn.GLU().double())
    with pytest.raises(UserError, match=r"^Softmax is not elementwise: its outputs depend on more than one"):
        scalar(nn.Softmax(dim=-1))
    with pytest.raises(UserError, match=r"^Softmax is not elementwise"):
        scalar("softmax")
    with pytest.raises(UserError, match=r"^no activation 'rleu'; did you mean 'relu'\?"):
        scalar("rleu")


def test_a_module_is_left_alone() -> None:
    """Computing with a user's module changes neither its precision, its mode nor its slope."""
    module = nn.PReLU(init=0.4)
    phi = scalar(module)
    assert module.weight.dtype is torch.float32
    assert module.training
    assert phi.slope_second_moment(1.0).item() == pytest.approx((1 + 0.4**2) / 2, rel=1e-7)


@pytest.mark.parametrize("sigma", [1e-6, 0.03, 0.5, 1.0, 3.0, 40.0, 1e6])
def test_gaussian_means_at_every_scale(sigma: float) -> None:
    """E[f(σz)] by closed forms for polynomials, erf, its slope, a kink and a jump, from tiny to huge σ."""
    s = torch.tensor([sigma], dtype=torch.float64)
    for power, moment in ((0, 1), (2, 1), (4, 3), (6, 15)):
        value = gaussian_mean(lambda x, p=power: x**p, s).item()
        assert value == pytest.approx(moment * sigma**power, rel=1e-12)
    angle = 2 / math.pi * math.asin(2 * sigma**2 / (1 + 2 * sigma**2))
    assert gaussian_mean(lambda x: torch.erf(x).square(), s).item() == pytest.approx(angle, rel=1e-10)
    slope = 4 / math.pi / math.sqrt(1 + 4 * sigma**2)
    squared = gaussian_mean(lambda x: 4 / math.pi * torch.exp(-2 * x.square()), s).item()
    assert squared == pytest.approx(slope, rel=1e-12)
    tail = norm.sf(1.7 / sigma)
    kinked = sigma * norm.pdf(1.7 / sigma) - 1.7 * tail
    step = gaussian_mean(lambda x: (x > 1.7).double(), s, [1.7]).item()
    assert step == pytest.approx(tail, rel=1e-10, abs=1e-30)
    value = gaussian_mean(lambda x: torch.relu(x - 1.7), s, [1.7]).item()
    assert value == pytest.approx(kinked, rel=1e-9, abs=1e-15)


def test_gaussian_means_of_many_scales_at_once() -> None:
    """Each σ has its own panels; the shape is kept."""
    sigma = torch.tensor([[0.1, 1.0], [2.0, 30.0]], dtype=torch.float64)
    means = gaussian_mean(lambda x: torch.nn.functional.hardtanh(x).square(), sigma, [-1, 1])
    t = 1 / sigma.numpy()
    inside = sigma.numpy() ** 2 * (erf(t / math.sqrt(2)) - 2 * t * norm.pdf(t))
    np.testing.assert_allclose(means, inside + 2 * norm.sf(t), rtol=1e-12)
