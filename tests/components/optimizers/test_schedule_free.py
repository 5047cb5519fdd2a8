"""Schedule-free AdamW against the equations of its paper."""

import numpy as np
import pytest
import torch

from sweeper.components.optimizers.schedule_free import (
    SCHEDULE_FREE_ADAMW,
    ScheduleFreeAdamW,
    schedule_free_limit,
)


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_it_is_algorithm_1(weight_decay: float) -> None:
    """x, y and z of arXiv 2405.15682, algorithm 1, in numpy, with a learning rate that warms up from 0."""
    generator = np.random.default_rng(0)
    beta1, beta2, eps, steps = 0.8, 0.95, 1e-6, 40
    x = z = y = generator.normal(size=5)
    v, squares = np.zeros(5), 0.0
    parameter = torch.tensor(y, requires_grad=True)
    optimizer = ScheduleFreeAdamW([parameter], betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)
    for t in range(1, steps + 1):
        rate = 0.05 * min(1.0, (t - 1) / 10)
        g = generator.normal(size=5)
        parameter.grad = torch.tensor(g)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        v = beta2 * v + (1 - beta2) * g**2
        gamma = rate * np.sqrt(1 - beta2**t)
        z = z - gamma * g / (np.sqrt(v) + eps) - gamma * weight_decay * y
        squares += gamma**2
        c = gamma**2 / squares if squares else 0.0
        x = (1 - c) * x + c * z
        y = (1 - beta1) * z + beta1 * x
        assert parameter.detach().numpy() == pytest.approx(y, abs=1e-13)
        optimizer.eval()
        assert parameter.detach().numpy() == pytest.approx(x, abs=1e-13)
        optimizer.train()
        assert parameter.detach().numpy() == pytest.approx(y, abs=1e-13)


def test_before_the_first_step_it_is_evaluated_where_it_starts() -> None:
    """There is no average yet, and nothing is changed by looking."""
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = SCHEDULE_FREE_ADAMW.make([parameter], lr=0.1)
    with SCHEDULE_FREE_ADAMW.evaluation_weights(optimizer):
        assert torch.equal(parameter, torch.ones(2))
    assert torch.equal(parameter, torch.ones(2))


@pytest.mark.parametrize(("factor", "grows"), [(0.98, False), (1.02, True)])
def test_the_limit_with_a_divisor_that_stands_still(factor: float, grows: bool) -> None:
    """z leaves the bowl ½θ² above 2/(1 − β1), once averages have settled."""
    theta = torch.nn.Parameter(torch.tensor([1e-13], dtype=torch.float64))
    rate = factor * schedule_free_limit(0.5) * 1e6
    optimizer = SCHEDULE_FREE_ADAMW.make([theta], lr=rate, betas=(0.5, 0.5), eps=1e6)
    sizes = []
    for _ in range(1500):
        optimizer.zero_grad()
        (0.5 * theta.square().sum()).backward()
        optimizer.step()
        sizes.append(abs(theta.item()))
    assert (sizes[-1] > sizes[500]) == grows
