"""Lion against its paper."""

import numpy as np
import pytest
import torch

from sweeper.components.optimizers.lion import Lion


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_lion_is_its_paper(weight_decay: float) -> None:
    """c = β1·m + (1 − β1)·g; w ← w − lr·(sign c + λ·w); m ← β2·m + (1 − β2)·g, in numpy."""
    generator = np.random.default_rng(0)
    w, m = generator.normal(size=5), np.zeros(5)
    parameter = torch.tensor(w, requires_grad=True)
    optimizer = Lion([parameter], lr=0.05, betas=(0.9, 0.99), weight_decay=weight_decay)
    for _ in range(50):
        g = generator.normal(size=5)
        parameter.grad = torch.tensor(g)
        optimizer.step()
        c = 0.9 * m + (1 - 0.9) * g
        w = w - 0.05 * (np.sign(c) + weight_decay * w)
        m = 0.99 * m + (1 - 0.99) * g
        assert parameter.detach().numpy() == pytest.approx(w, abs=1e-12)


def test_lion_takes_a_closure_and_skips_what_has_no_gradient() -> None:
    """As every optimizer of torch: the closure's loss comes back, idle parameters stay."""
    used, idle = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizer = Lion([used, idle], lr=0.5)

    def closure() -> torch.Tensor:
        loss = (3 * used).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 3
    assert (used.item(), idle.item()) == (0.5, 1.0)
