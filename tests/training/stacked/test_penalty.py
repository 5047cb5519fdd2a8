"""Penalties of a stack: one that a trial does not have changes neither its value nor its gradient."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from sweeper.components.penalties import PENALTIES
from sweeper.training.stacked.penalty import weighted


def no_number(a: Tensor) -> Tensor:
    """0 / 0 of zeros."""
    return a.abs().sum().square() / a.square().sum() / a.numel()


def infinite(a: Tensor) -> Tensor:
    """−log 0 of zeros."""
    return -a.square().mean().log()


def steep(a: Tensor) -> Tensor:
    """0 of zeros, where its slope is infinite."""
    return a.square().sum().sqrt()


@pytest.mark.parametrize("penalty", [*PENALTIES.values(), no_number, infinite, steep])
@pytest.mark.parametrize("without", [0.0, 1.0, float("inf")])
def test_a_penalty_is_nothing_to_those_without_it(
    penalty: Callable[[Tensor], Tensor], without: float
) -> None:
    """Value and gradient are 0, whatever it is of zeros and whatever the activations are of those without it.

    Trials that have it get what they get alone.
    """
    weight = torch.tensor([0.0, 0.3, 0.0], dtype=torch.float64)
    layers = [torch.randn(3, 4, 5, 2, dtype=torch.float64), torch.randn(3, 4, 3, 2, dtype=torch.float64)]
    for a in layers:
        a[[0, 2]] *= without
        a.requires_grad_()
    values = weighted(penalty, layers, weight)
    gradients = torch.autograd.grad(values.sum(), layers)
    assert values[[0, 2]].tolist() == [0.0, 0.0]
    assert all(bool((gradient[[0, 2]] == 0).all()) for gradient in gradients)

    alone = [a.detach()[1].requires_grad_() for a in layers]
    value = 0.3 * sum((penalty(a) for a in alone), torch.zeros(()))
    torch.testing.assert_close(values[1], value, rtol=1e-12, atol=0.0, check_dtype=False)
    for mine, theirs in zip(gradients, torch.autograd.grad(value, alone), strict=True):
        torch.testing.assert_close(mine[1], theirs, rtol=1e-12, atol=1e-15)
