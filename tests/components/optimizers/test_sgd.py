"""The limits of gradient descent, against torch.optim on quadratics."""

import pytest
import torch

from sweeper.components.optimizers.adam import adam_limit
from sweeper.components.optimizers.nadam import nadam_limit
from sweeper.components.optimizers.rmsprop import rmsprop_limit
from sweeper.components.optimizers.sgd import sgd_limit


def grows(product: float, steps: int = 4000, **options: object) -> bool:
    """Whether torch's SGD leaves the bowl ½θ² at this η·λ (λ = 1)."""
    theta = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    optimizer = torch.optim.SGD([theta], lr=product, **options)
    for _ in range(steps):
        theta.grad = theta.detach().clone()
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


def test_nadam_limit_moves_with_its_momentum() -> None:
    """From μ = β1/2 at the start to μ = β1 in the end."""
    assert nadam_limit(0.9, 0) == pytest.approx(3.8 / (1.9 - 0.81), rel=1e-3)
    assert nadam_limit(0.9, 10**7) == pytest.approx(3.8 / (1.9 - 1.62), rel=1e-3)
