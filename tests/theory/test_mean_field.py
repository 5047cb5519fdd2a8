"""Mean-field theory against closed forms, scipy's quadrature, sampling, iteration and real networks."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import expit, ndtr
from torch import nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.errors import UserError
from sweeper.theory.mean_field import (
    chi,
    depth_scale,
    fixed_point,
    length_map,
    propagation,
)
from sweeper.theory.scalar import scalar

ROOT = Path(__file__).resolve().parents[2]
ELEMENTWISE = [name for name, activation in ACTIVATIONS.items() if activation.elementwise]


def gaussian(f: Callable[[float], float], q: float) -> float:
    """E[f(√q z)] by scipy, z from −12 to 12, cut at 0."""

    def weighted(z: float) -> float:
        return f(math.sqrt(q) * z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    return sum(quad(weighted, *ends, epsabs=1e-13, epsrel=1e-12)[0] for ends in ((-12, 0), (0, 12)))


def density(x: float) -> float:
    """Of the standard normal distribution."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


FORMULAS: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "relu": (lambda x: max(x, 0.0), lambda x: float(x > 0)),
    "tanh": (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "sigmoid": (expit, lambda x: expit(x) * expit(-x)),
    "gelu": (lambda x: x * ndtr(x), lambda x: ndtr(x) + x * density(x)),
}


def iterated(name: str, sigma_w2: float, sigma_b2: float, layers: int, q: float = 1.0) -> float:
    """The length map applied `layers` times, by scipy's quadrature."""
    for _ in range(layers):
        q = sigma_w2 * gaussian(lambda x: FORMULAS[name][0](x) ** 2, q) + sigma_b2
    return q


@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 2.0, 50.0, 1e6])
def test_relu_by_closed_form(q: float) -> None:
    """E[φ²] = q/2 and E[φ′²] = 1/2, so χ is 1 with He weights and 1/6 with torch's, whatever q."""
    assert length_map("relu", q, 2.0, 0.1) == pytest.approx(q + 0.1, rel=1e-12)
    assert chi("relu", q, 2.0) == pytest.approx(1, abs=1e-12)
    assert chi("relu", q, 1 / 3) == pytest.approx(1 / 6, abs=1e-12)


@pytest.mark.parametrize("q", [1e-6, 0.3, 1.0, 2.0, 50.0, 1e6])
def test_erf_by_closed_form(q: float) -> None:
    """E[erf²] = (2/π) asin(2q/(1 + 2q)), E[erf′²] = (4/π)/√(1 + 4q) (Williams 1997), for a function."""
    phi = scalar(torch.erf)
    assert length_map(phi, q, 1.7, 0.2) == pytest.approx(
        1.7 * 2 / math.pi * math.asin(2 * q / (1 + 2 * q)) + 0.2, rel=1e-10
    )
    assert chi(phi, q, 1.7) == pytest.approx(1.7 * 4 / math.pi / math.sqrt(1 + 4 * q), rel=1e-10)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("q", [0.01, 0.7, 3.0])
def test_maps_by_quadrature(name: str, q: float) -> None:
    """Length map and χ equal scipy's adaptive quadrature of the formulas."""
    value, slope = FORMULAS[name]
    assert length_map(name, q, 1.3, 0.05) == pytest.approx(
        1.3 * gaussian(lambda x: value(x) ** 2, q) + 0.05, rel=1e-9
    )
    assert chi(name, q, 1.3) == pytest.approx(1.3 * gaussian(lambda x: slope(x) ** 2, q), rel=1e-9)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_maps_by_sampling(name: str) -> None:
    """For every activation, the means over random numbers agree within five standard errors."""
    z = torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    x = (1.5**0.5 * z).requires_grad_()
    output = ACTIVATIONS[name].make().double().eval()(x)
    (slope,) = torch.autograd.grad(output.sum(), x)
    computed = (length_map(name, 1.5, 1.0), chi(name, 1.5, 1.0))
    for sampled, expected in zip((output.detach(), slope), computed, strict=True):
        squares = sampled.square()
        error = squares.std().item() / math.sqrt(len(z))
        assert expected == pytest.approx(squares.mean().item(), abs=5 * error + 1e-8)


def test_a_module_a_function_and_a_name_are_one() -> None:
    """Whatever an activation is given as, the numbers are the same."""
    given = ["tanh", nn.Tanh(), torch.tanh, scalar("tanh")]
    assert {propagation(each, 2.0, 0.1) for each in given} == {propagation("tanh", 2.0, 0.1)}
    with pytest.raises(UserError, match="not elementwise"):
        propagation(nn.Softmax(dim=-1), 1.0)


def test_known_fixed_points() -> None:
    """tanh with torch's gain 5/3 is chaotic; SELU stays at 1, yet its gradients explode."""
    chaotic = propagation("tanh", (5 / 3) ** 2)
    assert chaotic.q == pytest.approx(1.1785, abs=5e-5)
    assert chaotic.chi == pytest.approx(1.2098, abs=5e-5)
    assert chaotic.q == pytest.approx(iterated("tanh", (5 / 3) ** 2, 0, 60), rel=1e-9)
    assert nn.init.calculate_gain("tanh") == 5 / 3
    selu = propagation("selu", 1.0)
    assert selu.q == 1.0
    assert selu.chi == pytest.approx(1.0716, abs=5e-5)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "q", "factor"),
    [
        ("relu", 1 / 3, 0.0, 1 / 6),
        ("tanh", 1 / 3, 0.0, 1 / 3),
        ("gelu", 1 / 3, 0.0, 1 / 12),
        ("sigmoid", 1 / 3, 0.08503, 0.02001),
        ("relu", 2.0, 1.0, 1.0),
        ("tanh", 2.0, 0.61796, 1.1055),
        ("sigmoid", 2.0, 0.55529, 0.1010),
        ("tanh", 1.0, 0.0, 1.0),
        ("selu", 2.0, math.inf, 1.0507009873554805**2),
        ("softplus", 2.0, math.inf, 1.0),
    ],
)
def test_torch_default_and_he(name: str, sigma_w2: float, q: float, factor: float) -> None:
    """χ at the fixed point: closed forms where q* is 0, 1 or inf, and known digits."""
    found = propagation(name, sigma_w2)
    assert found.q == pytest.approx(q, abs=1e-5)
    assert found.chi == pytest.approx(factor, abs=5e-5 if 0 < q < math.inf and name != "relu" else 1e-9)
    if name == "sigmoid":
        slope = FORMULAS[name][1]
        assert found.q == pytest.approx(iterated(name, sigma_w2, 0, 30), rel=1e-9)
        assert found.chi == pytest.approx(sigma_w2 * gaussian(lambda x: slope(x) ** 2, found.q), rel=1e-9)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize(
    ("sigma_w2", "sigma_b2", "start"), [(1.6, 0.1, 1.0), (0.4, 0.02, 3.0), (2.0, 0.0, 1.0)]
)
def test_fixed_points_by_iteration(name: str, sigma_w2: float, sigma_b2: float, start: float) -> None:
    """The root is where the map itself goes: after many layers it is there, or on its way."""
    phi, q = scalar(name), start
    for _ in range(300):
        q = length_map(phi, q, sigma_w2, sigma_b2)
    nearly = length_map(phi, q, sigma_w2, sigma_b2)
    found = fixed_point(phi, sigma_w2, sigma_b2, start)
    if math.isinf(found):
        assert nearly > q or q > 1e20
    elif abs(nearly - q) <= 1e-13 * q:
        assert found == pytest.approx(q, rel=1e-6)
    else:  # it still moves, away from the start and towards what was found
        assert min(start, found) <= q <= max(start, found)
        assert (nearly - q) * (found - q) > 0


def test_start_decides_where_lengths_stay() -> None:
    """With He weights ReLU keeps any length; with biases in addition it keeps none."""
    assert fixed_point("relu", 2.0, start=7.5) == 7.5
    assert fixed_point("relu", 2.0, 0.1) == math.inf
    # sin is of no catalogue, and has a closed form; from above and from below its fixed point is the same.
    up, down = (fixed_point(torch.sin, 4.0, start=start) for start in (0.1, 50.0))
    assert up == pytest.approx(down, rel=1e-9)
    assert up == pytest.approx(2 * (1 - math.exp(-2 * up)), rel=1e-12)  # E[sin²(√q z)] = (1 − e^−2q)/2
    assert fixed_point("relu", 1.6, 0.1) == pytest.approx(0.5, rel=1e-12)  # a power of 2 is no obstacle
    assert fixed_point("relu", 1.0, 16.0) == pytest.approx(32, rel=1e-12)


@pytest.mark.parametrize(
    ("sigma_b2", "sigma_w2"),
    [
        (2.01e-5, 1.049996),
        (0.01, 1.424205),
        (0.05, 1.760955),
        (0.1, 1.986073),
        (0.2, 2.285152),
        (0.3, 2.505127),
    ],
)
def test_critical_line_of_tanh(sigma_b2: float, sigma_w2: float) -> None:
    """Known digits of where χ is 1, and a search of its own with scipy for the same place."""
    assert propagation("tanh", sigma_w2, sigma_b2).chi == pytest.approx(1, abs=2e-6)
    slope = FORMULAS["tanh"][1]

    def excess(q: float) -> float:
        weight = 1 / gaussian(lambda x: slope(x) ** 2, q)
        return q - weight * gaussian(lambda x: math.tanh(x) ** 2, q) - sigma_b2

    q = brentq(excess, 1e-4, 2.0, xtol=1e-12)
    weight = 1 / gaussian(lambda x: slope(x) ** 2, q)
    assert propagation("tanh", weight, sigma_b2).chi == pytest.approx(1, abs=1e-7)


@pytest.mark.parametrize(
    ("activation", "sigma_w2"), [("tanh", 1), ("relu", 2), ("leaky_relu", 2 / (1 + 0.01**2))]
)
def test_other_critical_lines(activation: str, sigma_w2: float) -> None:
    """Without bias a smooth function is critical at 1/φ′(0)², and ReLU and its like at 1/E[φ′²]."""
    assert propagation(activation, sigma_w2).chi == pytest.approx(1, abs=1e-7)


def test_the_critical_line_of_erf() -> None:
    """By closed form, at q* = 0.8."""
    weight = math.pi / 4 * math.sqrt(1 + 4 * 0.8)
    bias = 0.8 - weight * 2 / math.pi * math.asin(1.6 / 2.6)
    assert propagation(torch.erf, weight, bias).chi == pytest.approx(1, rel=1e-7)


def test_depth_scales() -> None:
    """1/|ln χ|: infinite on the critical line, 0 where the gradient stops at once."""
    assert depth_scale(1 / 6) == pytest.approx(1 / math.log(6))
    assert depth_scale(math.e) == pytest.approx(1)
    assert (depth_scale(1.0), depth_scale(0.0)) == (math.inf, 0.0)
    assert propagation("relu", 1 / 3).depth_scale == pytest.approx(1 / math.log(6), rel=1e-9)


@pytest.mark.parametrize(("activation", "gain"), [("tanh", 1.5925), ("relu", math.sqrt(2))])
def test_known_gains_keep_the_length(activation: str, gain: float) -> None:
    """Pre-activations of variance 1 keep it."""
    assert length_map(activation, 1.0, gain**2) == pytest.approx(1, abs=1e-4)


def test_a_slope_without_bound_has_no_finite_limit() -> None:
    """Squared ReLU grows layer by layer: its fixed point is infinite, and the gradient's factor there."""
    found = propagation(lambda x: torch.relu(x).square(), 2.0)
    assert (found.q, found.chi) == (math.inf, math.inf)
    assert propagation("relu", 3.0).chi == pytest.approx(1.5)
