"""What theory predicts for whole networks, against quadrature, real layers and real networks."""

import importlib.util
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from sweeper.components.initializers import INITIALIZERS, VARIANCES
from sweeper.errors import UserError
from sweeper.theory.mean_field import (
    born_dead_probability,
    initial_variances,
    log_variance_spread,
    network_variances,
    predicted_lengths,
    predicted_profile,
)

ROOT = Path(__file__).resolve().parents[2]


def gaussian(f: Callable[[float], float], q: float) -> float:
    """E[f(√q z)] by scipy, z from −12 to 12."""

    def weighted(z: float) -> float:
        return f(math.sqrt(q) * z) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    return quad(weighted, -12, 12, epsabs=1e-13, epsrel=1e-12)[0]


def tanh_slope(x: float) -> float:
    """1 − tanh²."""
    return 1 - math.tanh(x) ** 2


@pytest.mark.parametrize("init", VARIANCES)
@pytest.mark.parametrize(("fan_in", "fan_out"), [(400, 400), (300, 600), (600, 300)])
def test_variances_of_the_initializers(init: str, fan_in: int, fan_out: int) -> None:
    """σw² and σb² are those that the initializer leaves in a real layer."""
    torch.manual_seed(0)
    layer = nn.Linear(fan_in, fan_out)
    INITIALIZERS[init](layer)
    sigma_w2, sigma_b2 = initial_variances(init, fan_in, fan_out)
    assert fan_in * layer.weight.square().mean().item() == pytest.approx(sigma_w2, rel=0.02)
    assert layer.bias.square().mean().item() == pytest.approx(sigma_b2, rel=0.2)


def test_initializers_without_theory_are_refused() -> None:
    """An unknown name is answered by the known ones."""
    with pytest.raises(
        UserError, match=r"^no theory for initializer 'hee'; did you mean 'he'\? allowed: torch"
    ):
        initial_variances("hee", 8, 8)


def test_profile_follows_the_lengths_layer_by_layer() -> None:
    """The profile of tanh is the product of χ at each layer's own q, square-rooted; the last layer is 1."""
    variances = [(2.0, 0.1), (1.5, 0.0), (2.5, 0.2), (0.7, 0.3)]
    q, lengths, chis = 0.6, [], []
    for index, (sigma_w2, sigma_b2) in enumerate(variances):
        before = q if index == 0 else gaussian(lambda x: math.tanh(x) ** 2, q)
        q = sigma_w2 * before + sigma_b2
        lengths.append(q)
        chis.append(sigma_w2 * gaussian(lambda x: tanh_slope(x) ** 2, q))
    np.testing.assert_allclose(predicted_lengths("tanh", variances, 0.6), lengths, rtol=1e-9)
    expected = [math.sqrt(math.prod(chis[layer + 1 :])) for layer in range(4)]
    np.testing.assert_allclose(predicted_profile("tanh", variances, 0.6), expected, rtol=1e-9)
    np.testing.assert_allclose(predicted_profile("relu", [(2.0, 0.0)] * 6), np.ones(6), rtol=1e-12)
    np.testing.assert_allclose(predicted_profile("relu", [(1 / 3, 0.0)] * 3), [1 / 6, 6**-0.5, 1], rtol=1e-12)
    assert len(predicted_profile("relu", network_variances("he", [5, 7]))) == 1


@pytest.mark.parametrize("init", ["torch", "xavier", "orthogonal"])
def test_profile_of_a_network_of_uneven_widths(init: str) -> None:
    """Norms at each layer of real tanh networks that widen and narrow, on average over networks."""
    widths, networks = [100, 200, 400, 400, 150, 300], 12
    measured = []
    for seed in range(networks):
        torch.manual_seed(seed)
        signal, seen = torch.randn(4, widths[0]), []
        for fans in pairwise(widths):
            layer = nn.Linear(*fans)
            INITIALIZERS[init](layer)
            signal = torch.tanh(layer(signal))
            seen.append(signal)
        gradients = torch.autograd.grad((signal * torch.randn(4, widths[-1])).sum(), seen)
        norms = np.array([gradient.norm().item() for gradient in gradients])
        measured.append(np.log(norms / norms[-1]))
    predicted = predicted_profile("tanh", network_variances(init, widths))
    np.testing.assert_allclose(np.exp(np.mean(measured, axis=0)), predicted, rtol=0.04)


def test_spread_of_finite_networks() -> None:
    """ln ‖gradient‖² of ReLU networks with He weights scatters by √(5L/n), around −5L/2n."""
    depth, width, networks = 10, 60, 300
    generator = torch.Generator().manual_seed(0)
    logs = []
    for _ in range(networks):
        signal = torch.randn(width, generator=generator, dtype=torch.float64).requires_grad_()
        first = signal
        for _ in range(depth):
            weight = torch.randn(width, width, generator=generator, dtype=torch.float64)
            signal = torch.relu(weight @ signal) * math.sqrt(2 / width)
        cotangent = torch.randn(width, generator=generator, dtype=torch.float64)
        (gradient,) = torch.autograd.grad(signal @ cotangent, first)
        logs.append(2 * math.log(gradient.norm() / cotangent.norm()))
    spread = log_variance_spread(depth, width)
    assert np.std(logs) == pytest.approx(spread, rel=0.15)
    assert np.mean(logs) == pytest.approx(-(spread**2) / 2, abs=4 * spread / math.sqrt(networks))


def test_born_dead() -> None:
    """P = 1 − (1 − 2^−N)^L, known digits; by sampling; and no rounding to 0 for wide layers."""
    assert born_dead_probability(4, 10) == pytest.approx(0.47554, abs=5e-6)
    assert born_dead_probability(1, 1) == 0.5
    assert born_dead_probability(100, 3) == pytest.approx(3 * 2.0**-100, rel=1e-12)
    generator = torch.Generator().manual_seed(0)
    dead, networks = 0, 4000
    signal = torch.ones(networks, 1, 1)
    for fan_in in (1, 3, 3, 3, 3):
        signal = torch.relu(torch.randn(networks, 3, fan_in, generator=generator) @ signal)
    dead = (signal == 0).all(dim=1).float().mean().item()
    expected = born_dead_probability(3, 5)
    assert dead == pytest.approx(expected, abs=4 * math.sqrt(expected * (1 - expected) / networks))


@pytest.fixture(scope="module")
def benchmark_script() -> ModuleType:
    """benchmarks/mean_field.py as a module."""
    specification = importlib.util.spec_from_file_location(
        "mean_field_benchmark", ROOT / "benchmarks" / "mean_field.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_real_networks_meet_theory(benchmark_script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmark agrees at a small width, for all eight combinations, and says so."""
    assert benchmark_script.main(["--width", "200", "--depth", "8", "--seeds", "4"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("agrees") == 8
    assert "DIFFERS" not in shown


def test_the_benchmark_can_fail(
    benchmark_script: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights a third larger in variance than theory is told, it differs, and the exit code is 1."""
    monkeypatch.setattr(
        benchmark_script, "network_variances", lambda init, widths: [(1.5, 0.0)] * (len(widths) - 1)
    )
    assert benchmark_script.main(["--width", "200", "--depth", "8", "--seeds", "4"]) == 1
    assert "DIFFERS" in capsys.readouterr().out


def test_the_benchmark_refuses_nonsense(
    benchmark_script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """One layer has no slope, one network no spread."""
    for arguments in (["--depth", "1"], ["--seeds", "1"], ["--width", "0"]):
        with pytest.raises(SystemExit, match="2"):
            benchmark_script.main(arguments)
    assert "must be at least" in capsys.readouterr().err
