"""Stability limits, against torch.optim on quadratics."""

import math

import numpy as np
import pytest
import torch

from sweeper.theory.stability import (
    adam_limit,
    best_gradient_descent,
    best_heavy_ball,
    rmsprop_limit,
    sgd_limit,
)


def grows(product: float, steps: int = 4000, **options: object) -> bool:
    """Whether torch's SGD leaves the bowl ½θ² at this η·λ (λ = 1)."""
    theta = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=product, **options)
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * theta.square().sum()).backward()
        optimizer.step()
        if abs(theta.item()) > 1e6:
            return True
    return abs(theta.item()) > 1


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ({}, 2.0),
        ({"momentum": 0.9}, 3.8),
        ({"momentum": 0.5}, 3.0),
        ({"momentum": 0.9, "nesterov": True}, 1.357142857),
        ({"momentum": 0.9, "dampening": 0.9}, 38.0),
        ({"momentum": 0.8, "dampening": 0.3}, 3.6 / 0.7),
    ],
)
def test_limit_is_where_torch_starts_to_diverge(options: dict, limit: float) -> None:
    """Half a percent below the limit torch.optim.SGD converges, half a percent above it diverges."""
    assert sgd_limit(**options) == pytest.approx(limit, rel=1e-9)
    assert not grows(0.995 * limit, **options)
    assert grows(1.005 * limit, **options)


def test_adam_is_momentum_with_dampening() -> None:
    """38 for β1 = 0.9, 2 without momentum."""
    assert adam_limit(0.9) == pytest.approx(38)
    assert adam_limit(0.0) == rmsprop_limit() == 2


@pytest.mark.parametrize(
    "wrong", [{"momentum": 1.0}, {"momentum": -0.1}, {"momentum": 0.5, "dampening": 1.0}]
)
def test_impossible_settings_are_refused(wrong: dict) -> None:
    """Momentum and dampening lie in [0, 1)."""
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\)"):
        sgd_limit(**wrong)


@pytest.mark.parametrize("best", [best_gradient_descent, best_heavy_ball])
def test_best_rate_is_the_minimum_over_rates(best) -> None:
    """No rate nearby converges faster on the worst curvature; the factor is the spectral radius."""
    curvatures = np.array([0.02, 0.3, 1.0, 7.0])
    found = best(curvatures.min(), curvatures.max())

    def radius(rate: float) -> float:
        worst = 0.0
        for curvature in curvatures:
            step = np.array([[1 + found.momentum - rate * curvature, -found.momentum], [1, 0]])
            worst = max(worst, max(abs(np.linalg.eigvals(step))))
        return worst

    # Heavy ball's matrices are defective at the optimum: eigenvalues there are exact to √ε only.
    assert radius(found.learning_rate) == pytest.approx(found.factor, abs=1e-7)
    for rate in found.learning_rate * np.array([0.9, 0.99, 1.01, 1.1]):
        assert radius(rate) > found.factor
    assert math.isfinite(found.factor)
    assert 0 < found.factor < 1
