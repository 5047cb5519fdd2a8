"""What divides an update of RAdam, in the steps where its variance is not trusted yet and after them."""

import torch

from sweeper.components.optimizers import OPTIMIZERS


def test_the_divisor_of_radam_is_that_of_its_updates() -> None:
    """A weight moves by −lr · m̂ / divisor, also in the fourth and fifth step, which take no root."""
    radam, generator = OPTIMIZERS["radam"], torch.Generator().manual_seed(0)
    p = torch.nn.Parameter(torch.randn(5, generator=generator, dtype=torch.float64))
    optimizer = torch.optim.RAdam([p], lr=0.1)
    for step in range(1, 9):
        p.grad, before = torch.randn(5, generator=generator, dtype=torch.float64), p.detach().clone()
        optimizer.step()
        state, (group,) = optimizer.state[p], optimizer.param_groups
        assert radam.divisor is not None
        mean = state["exp_avg"] / (1 - group["betas"][0] ** step)
        moved = -0.1 * mean / radam.divisor(state, group)
        torch.testing.assert_close(p.detach() - before, moved, rtol=1e-6, atol=1e-12)
