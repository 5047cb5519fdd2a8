"""The limit of every optimizer by name, against torch.optim with a preconditioner that stands still."""

import pytest
import torch

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.theory.stability import Limit, limit, nadam_limit, sgd_limit

EPS = 1e6
"""So large that √v̂ + ε is a constant."""
STEPS, START, FAR = 800, 1e-13, 1e3
"""Bias correction lets averages overshoot by many orders of magnitude before they settle."""


def grows(name: str, product: float, **options: object) -> bool:
    """Whether the optimizer leaves the bowl ½θ² at this η·λ, with λ = 1/P."""
    theta = torch.tensor([START], dtype=torch.float64, requires_grad=True)
    frozen = {"eps": EPS} if "eps" in OPTIMIZERS[name].options else {}
    scale = 1.0 if name in ("adadelta", "sgd", "momentum", "nesterov") else EPS
    optimizer = OPTIMIZERS[name].make([theta], lr=product * scale, **frozen, **options)
    for _ in range(STEPS):
        optimizer.zero_grad()
        (0.5 * theta.square().sum()).backward()
        optimizer.step()
        if abs(theta.item()) > FAR:  # farther out v̂ would no longer be small against ε
            return True
    return abs(theta.item()) > START


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {}),
        ("sgd", {"momentum": 0.5}),
        ("sgd", {"momentum": 0.8, "nesterov": True}),
        ("momentum", {}),
        ("momentum", {"momentum": 0.5, "dampening": 0.3}),
        ("nesterov", {}),
        ("adam", {}),
        ("adam", {"betas": (0.8, 0.999)}),
        ("adamw", {"weight_decay": 0.0}),
        ("adamax", {}),
        ("nadam", {}),
        ("rmsprop", {}),
        ("rmsprop", {"momentum": 0.9}),
        ("adagrad", {}),
        ("adadelta", {}),
    ],
)
def test_the_limit_is_where_torch_starts_to_grow(name: str, options: dict) -> None:
    """2 % below the limit θ shrinks, 2 % above it grows."""
    below, above = limit(name, options, step=0), limit(name, options, step=STEPS)
    assert not grows(name, 0.98 * below.value, **options)
    assert grows(name, 1.02 * above.value, **options)


def test_every_optimizer_has_a_limit_or_none() -> None:
    """Preconditioned or plain as its update is; Lion has none."""
    found = {name: limit(name, {}) for name in OPTIMIZERS}
    assert found["lion"] is None
    assert found["sgd"] == Limit(2.0, preconditioned=False)
    assert found["nesterov"] == Limit(sgd_limit(0.9, nesterov=True), preconditioned=False)
    assert found["radam"] == found["adam"] == Limit(pytest.approx(38.0), preconditioned=True)
    plain = {name for name, each in found.items() if each and not each.preconditioned}
    assert plain == {"sgd", "momentum", "nesterov"}


def test_nadam_limit_moves_with_its_momentum() -> None:
    """From μ = β1/2 at the start to μ = β1 in the end."""
    assert nadam_limit(0.9, 0) == pytest.approx(3.8 / (1.9 - 0.81), rel=1e-3)
    assert nadam_limit(0.9, 10**7) == pytest.approx(3.8 / (1.9 - 1.62), rel=1e-3)
