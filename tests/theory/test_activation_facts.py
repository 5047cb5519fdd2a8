"""Facts about activation functions against closed forms, and scipy on formulas written out here."""

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.special import expit, ndtr
from scipy.stats import norm
from torch import nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.theory.activation_facts import Facts, catalogue, facts_of, facts_of_entry
from sweeper.theory.function_shape import Breaks, output_range, steepest
from sweeper.theory.scalar import derivative, scalar

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805  # SELU
RRELU = (1 / 8 + 1 / 3) / 2


def softplus(x: float) -> float:
    """ln(1 + eˣ), also where eˣ is large."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def density(x: float) -> float:
    """Of the standard normal distribution."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def mish_slope(x: float) -> float:
    """Of x·tanh(softplus(x))."""
    t = math.tanh(softplus(x))
    return t + x * (1 - t * t) * expit(x)


def gelu_tanh_slope(x: float) -> float:
    """Of x/2·(1 + tanh u), u = √(2/π)(x + 0.044715 x³)."""
    root = math.sqrt(2 / math.pi)
    t = math.tanh(root * (x + 0.044715 * x**3))
    return (1 + t) / 2 + x / 2 * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x)


def negative(slope: float) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """x where x > 0, slope·x elsewhere; and its derivative."""
    return lambda x: x if x > 0 else slope * x, lambda x: 1.0 if x > 0 else slope


# name: φ, φ′, and where the two are not smooth. Written from the formulas in torch's documentation.
FORMULAS: dict[str, tuple[Callable[[float], float], Callable[[float], float], tuple[float, ...]]] = {
    "celu": (lambda x: x if x > 0 else math.expm1(x), lambda x: min(1, math.exp(min(x, 0))), (0,)),
    "elu": (lambda x: x if x > 0 else math.expm1(x), lambda x: min(1, math.exp(min(x, 0))), (0,)),
    "gelu": (lambda x: x * ndtr(x), lambda x: ndtr(x) + x * density(x), ()),
    "gelu_tanh": (
        lambda x: x / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        gelu_tanh_slope,
        (),
    ),
    "hardshrink": (lambda x: x * (abs(x) > 0.5), lambda x: float(abs(x) > 0.5), (-0.5, 0.5)),
    "hardsigmoid": (lambda x: min(max(x / 6 + 0.5, 0), 1), lambda x: (abs(x) < 3) / 6, (-3, 3)),
    "hardswish": (
        lambda x: x * min(max(x + 3, 0), 6) / 6,
        lambda x: (x / 3 + 0.5) if abs(x) < 3 else float(x > 0),
        (-3, 3),
    ),
    "hardtanh": (lambda x: min(max(x, -1), 1), lambda x: float(abs(x) < 1), (-1, 1)),
    "leaky_relu": (*negative(0.01), (0,)),
    "logsigmoid": (lambda x: -softplus(-x), lambda x: expit(-x), ()),
    "mish": (lambda x: x * math.tanh(softplus(x)), mish_slope, ()),
    "prelu": (*negative(0.25), (0,)),
    "relu": (*negative(0.0), (0,)),
    "relu6": (lambda x: min(max(x, 0), 6), lambda x: float(0 < x < 6), (0, 6)),
    "rrelu": (*negative(RRELU), (0,)),
    "selu": (
        lambda x: SCALE * (x if x > 0 else ALPHA * math.expm1(x)),
        lambda x: SCALE * (1 if x > 0 else ALPHA * math.exp(x)),
        (0,),
    ),
    "sigmoid": (expit, lambda x: expit(x) * expit(-x), ()),
    "silu": (lambda x: x * expit(x), lambda x: expit(x) * (1 + x * expit(-x)), ()),
    "softplus": (softplus, expit, ()),
    "softshrink": (
        lambda x: math.copysign(max(abs(x) - 0.5, 0), x),
        lambda x: float(abs(x) > 0.5),
        (-0.5, 0.5),
    ),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: (1 + abs(x)) ** -2, (0,)),
    "tanh": (math.tanh, lambda x: math.cosh(x) ** -2, ()),
    "tanhshrink": (lambda x: x - math.tanh(x), lambda x: math.tanh(x) ** 2, ()),
    "threshold": (lambda x: x if x > 0.1 else 0.0, lambda x: float(x > 0.1), (0.1,)),
}
EACH = pytest.mark.parametrize("name", FORMULAS)

# name: range, smoothness, never falls, odd, flat sides; known from calculus.
KNOWN = {
    "celu": ("(-1, inf)", "C1, bend at 0", True, False, "left"),
    "elu": ("(-1, inf)", "C1, bend at 0", True, False, "left"),
    "gelu": ("[-0.169971, inf)", "smooth", False, False, "left"),
    "gelu_tanh": ("[-0.170041, inf)", "smooth", False, False, "left"),
    "hardshrink": ("(-inf, inf)", "jumps at -0.5, 0.5", True, True, "no"),
    "hardsigmoid": ("[0, 1]", "kinks at -3, 3", True, False, "both"),
    "hardswish": ("[-0.375, inf)", "kinks at -3, 3", False, False, "left"),
    "hardtanh": ("[-1, 1]", "kinks at -1, 1", True, True, "both"),
    "leaky_relu": ("(-inf, inf)", "kink at 0", True, False, "no"),
    "logsigmoid": ("(-inf, 0)", "smooth", True, False, "right"),
    "mish": ("[-0.308843, inf)", "smooth", False, False, "left"),
    "prelu": ("(-inf, inf)", "kink at 0", True, False, "no"),
    "relu": ("[0, inf)", "kink at 0", True, False, "left"),
    "relu6": ("[0, 6]", "kinks at 0, 6", True, False, "both"),
    "rrelu": ("(-inf, inf)", "kink at 0", True, False, "no"),
    "selu": ("(-1.7581, inf)", "kink at 0", True, False, "left"),
    "sigmoid": ("(0, 1)", "smooth", True, False, "both"),
    "silu": ("[-0.278465, inf)", "smooth", False, False, "left"),
    "softplus": ("(0, inf)", "smooth", True, False, "left"),
    "softshrink": ("(-inf, inf)", "kinks at -0.5, 0.5", True, True, "no"),
    "softsign": ("(-1, 1)", "C1, bend at 0", True, True, "both"),
    "tanh": ("(-1, 1)", "smooth", True, True, "both"),
    "tanhshrink": ("(-inf, inf)", "smooth", True, True, "no"),
    "threshold": ("[0, inf)", "jump at 0.1", True, False, "left"),
}


def test_formulas_are_of_the_catalogue() -> None:
    """What is checked here is what the catalogue has; more may be added to it."""
    elementwise = {name for name, activation in ACTIVATIONS.items() if activation.elementwise}
    assert set(FORMULAS) == set(KNOWN) <= elementwise


@EACH
def test_derivatives_by_formula(name: str) -> None:
    """φ and φ′ of the module equal the formulas, away from breaks."""
    formula, slope, breaks = FORMULAS[name]
    x = [x for x in np.linspace(-9.03, 9.01, 400).tolist() if all(abs(x - b) > 1e-6 for b in breaks)]
    z, module = torch.tensor(x, dtype=torch.float64), ACTIVATIONS[name].make().double().eval()
    np.testing.assert_allclose(module(z).detach(), [formula(v) for v in x], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(derivative(module, z), [slope(v) for v in x], rtol=1e-7, atol=1e-12)


@EACH
def test_kind_of_function(name: str) -> None:
    """Range, smoothness, monotonicity, symmetry and flat sides are those that calculus gives."""
    facts = facts_of(name)
    assert (facts.range, facts.smoothness, facts.monotone, facts.odd, facts.saturates) == KNOWN[name]
    z = np.random.default_rng(0).standard_normal(20_000)
    outputs = np.array([FORMULAS[name][0](float(v)) for v in [*z, *-z]])
    assert facts.zero_centred is bool(abs(outputs.mean()) <= 0.1 * np.sqrt(np.square(outputs).mean()))
    assert facts.bounded is ("inf" not in facts.range)
    assert facts.positive is (facts.outputs.low >= 0)
    assert facts.smooth is facts.smoothness.startswith(("smooth", "C1"))


@EACH
def test_lipschitz_constant(name: str) -> None:
    """sup |φ′| equals the largest slope that scipy finds in the formula; a function that jumps has none."""
    slope, breaks = FORMULAS[name][1:]
    facts = facts_of(name)
    if "jump" in facts.smoothness:
        assert facts.lipschitz is None
        return
    edges = [-12.0, *breaks, -2.0, -1.0, 0.0, 1.0, 2.0, 12.0]
    found = [
        -minimize_scalar(
            lambda x: -abs(slope(x)), bounds=pair, method="bounded", options={"xatol": 1e-11}
        ).fun
        for pair in pairwise(sorted(edges))
        if pair[1] > pair[0]
    ]
    # Bounded search stops short of ends: a supremum at infinity or at a kink is met to some digits only.
    assert facts.lipschitz == pytest.approx(max(found), abs=1e-5)
    assert facts.lipschitz >= max(found) - 1e-8


@pytest.mark.parametrize(
    ("name", "bounds"),
    [("gelu", (-2, 0)), ("gelu_tanh", (-2, 0)), ("silu", (-3, 0)), ("mish", (-3, 0)), ("hardswish", (-3, 0))],
)
def test_minima_inside(name: str, bounds: tuple[float, float]) -> None:
    """The infimum of a function that dips equals the minimum that scipy finds in its formula."""
    found = minimize_scalar(FORMULAS[name][0], bounds=bounds, method="bounded", options={"xatol": 1e-11})
    assert facts_of(name).outputs.low == pytest.approx(found.fun, abs=1e-12)
    assert facts_of(name).outputs.low_taken


def test_closed_form_bounds() -> None:
    """Numbers that have one: Lipschitz constants, and SELU's lower bound λα."""
    lipschitz = {
        "elu": 1,
        "celu": 1,
        "selu": SCALE * ALPHA,
        "hardswish": 1.5,
        "sigmoid": 1 / 4,
        "hardsigmoid": 1 / 6,
        "tanh": 1,
        "softsign": 1,
        "relu": 1,
        "relu6": 1,
        "prelu": 1,
        "softplus": 1,
        "logsigmoid": 1,
        "softshrink": 1,
        "tanhshrink": 1,
    }
    computed = {name: facts_of(name).lipschitz for name in lipschitz}
    assert computed == pytest.approx(lipschitz, abs=1e-8)  # torch has 1/6 in single precision
    assert facts_of("selu").outputs.low == pytest.approx(-SCALE * ALPHA, rel=1e-12)
    # GELU is steepest at √2: Φ(√2) + √2 φ(√2).
    root = math.sqrt(2)
    assert facts_of("gelu").lipschitz == pytest.approx(norm.cdf(root) + root * norm.pdf(root), rel=1e-12)
    # α other than 1: max(1, α), and no longer C1.
    steep = scalar(nn.ELU(alpha=2.5))
    assert steepest(steep.slope) == pytest.approx(2.5, rel=1e-12)
    assert steep.breaks == Breaks(kinks=(0.0,))
    mild = scalar(nn.CELU(alpha=2.5))
    assert steepest(mild.slope) == pytest.approx(1.0, rel=1e-12)
    assert output_range(mild.value, mild.breaks).text() == "(-2.5, inf)"


@EACH
def test_moments(name: str) -> None:
    """E[φ(z)²] and E[φ′(z)²] equal scipy's quadrature of the formulas, cut at their breaks."""
    formula, slope, breaks = FORMULAS[name]
    edges = [-12.0, *sorted({*breaks, 0.0}), 12.0]

    def mean(f: Callable[[float], float]) -> float:
        pieces = pairwise(edges)
        return sum(
            quad(lambda z: f(z) ** 2 * math.exp(-z * z / 2), *piece, epsabs=1e-12, epsrel=1e-11)[0]
            for piece in pieces
        ) / math.sqrt(2 * math.pi)

    facts = facts_of(name)
    assert facts.second_moment == pytest.approx(mean(formula), rel=1e-9)
    assert facts.slope_second_moment == pytest.approx(mean(slope), rel=1e-7)


def test_closed_form_moments() -> None:
    """Those of ReLU, leaky ReLU, ELU and SELU can be written down."""

    def exponential(rate: float) -> float:  # E[exp(rate·z); z < 0]
        return math.exp(rate**2 / 2) * norm.cdf(-rate)

    elu = 0.5 + exponential(2) - 2 * exponential(1) + 0.5
    assert facts_of("relu").second_moment == pytest.approx(0.5, rel=1e-13)
    assert facts_of("relu").slope_second_moment == pytest.approx(0.5, rel=1e-13)
    assert facts_of("leaky_relu").second_moment == pytest.approx((1 + 0.01**2) / 2, rel=1e-13)
    assert facts_of("elu").second_moment == pytest.approx(elu, rel=1e-12)
    assert facts_of("elu").slope_second_moment == pytest.approx(0.5 + exponential(2), rel=1e-12)
    assert facts_of("selu").gain == pytest.approx(1, rel=1e-12)
    chi = SCALE**2 * (0.5 + ALPHA**2 * exponential(2))
    assert facts_of("selu").backward(1.0) == pytest.approx(chi, rel=1e-12)
    assert facts_of("relu").forward(2.0) == pytest.approx(1, rel=1e-13)


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("tanh", 1.5925),
        ("sigmoid", 1.8462),
        ("elu", 1.2452),
        ("gelu", 1.5335),
        ("silu", 1.6765),
        ("mish", 1.4868),
        ("softsign", 2.3375),
        ("selu", 1.0),
    ],
)
def test_gains(name: str, gain: float) -> None:
    """Gains that keep the second moment, to the digits that they are known to, and by sampling."""
    assert facts_of(name).gain == pytest.approx(gain, abs=5.1e-5)
    z = np.random.default_rng(0).standard_normal(200_000)
    sampled = np.mean(np.square(np.vectorize(FORMULAS[name][0])(z))) ** -0.5
    assert facts_of(name).gain == pytest.approx(sampled, rel=0.01)


def test_softmax() -> None:
    """Not elementwise: what is asked of single numbers is None; outputs lie in (0, 1); 1/2-Lipschitz."""
    facts = facts_of("softmax")
    assert not facts.elementwise
    assert facts.range == "(0, 1)"
    assert facts.bounded
    assert facts.positive
    assert facts.smooth
    assert (facts.monotone, facts.odd, facts.saturates) == (None, None, None)
    assert (facts.gain, facts.forward(2.0), facts.backward(1.0), facts.second_moment) == (
        None,
        None,
        None,
        None,
    )
    assert facts.lipschitz == pytest.approx(0.5, rel=1e-12)
    assert "sum to 1" in facts.note
    p = np.random.default_rng(0).dirichlet(np.full(5, 0.3), 500)  # Jacobian diag(p) − p pᵀ
    jacobians = np.eye(5) * p[:, None, :] - p[:, :, None] * p[:, None, :]
    norms = np.linalg.norm(jacobians, ord=2, axis=(1, 2))
    assert 0.45 < norms.max() <= facts.lipschitz


def test_notes_on_slopes_that_are_not_fixed() -> None:
    """PReLU learns from 0.25, RReLU draws around 11/48; others need no note."""
    notes = {facts.name: facts.note for facts in catalogue() if facts.note and facts.name in FORMULAS}
    assert set(notes) == {"prelu", "rrelu"}
    assert notes["prelu"].endswith("learns; shown with its initial value, 0.25")
    assert notes["rrelu"].endswith(f"shown with the mean one, {RRELU:.4g}")


def test_looking_at_facts_draws_no_random_number() -> None:
    """A study computes the same whether or not somebody asked for the catalogue."""
    state = torch.get_rng_state()
    facts_of_entry.cache_clear()
    catalogue()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"positive": True, "smooth": True}, {"sigmoid", "softmax", "softplus"}),
        ({"positive": True, "smooth": True, "bounded": False}, {"softplus"}),
        ({"bounded": True, "zero_centred": True}, {"hardtanh", "softsign", "tanh"}),
        ({"monotone": False}, {"gelu", "gelu_tanh", "hardswish", "mish", "silu"}),
        ({"smooth": False, "bounded": True}, {"hardsigmoid", "hardtanh", "relu6"}),
        ({"positive": True, "zero_centred": True}, set()),
        ({}, {*FORMULAS, "softmax"}),
    ],
)
def test_filters(asked: dict[str, bool], names: set[str]) -> None:
    """Each filter keeps what has, or has not, the property; no filter keeps all, sorted by name."""
    found = [facts.name for facts in catalogue(**asked)]
    assert set(found) & {*FORMULAS, "softmax"} == names
    assert found == sorted(found)


def test_elu_is_not_positive() -> None:
    """Tutorials say that it is; it goes down to −1."""
    assert "elu" not in {facts.name for facts in catalogue(positive=True)}
    assert facts_of("elu").outputs.low == pytest.approx(-1, rel=1e-12)


def test_facts_are_frozen() -> None:
    """They are shared by everybody who asks."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        facts_of("relu").lipschitz = 2.0  # type: ignore[misc]
    assert isinstance(facts_of("relu"), Facts)
    assert facts_of("relu") is facts_of("relu")
