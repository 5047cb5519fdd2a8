"""Penalties of a stack: one that a trial does not have changes neither its value nor its gradient."""

from collections.abc import Callable

import pytest
import torch
from equivalence import assert_engines_agree, by_stack, numbered, task_of
from pools import Here, SerialPool
from torch import Tensor

from sweeper.components.penalties import PENALTIES
from sweeper.training.cohort import Cohort
from sweeper.training.in_workers import plan_in_workers
from sweeper.training.stacked.penalty import weighted
from sweeper.training.work import train_cohort
from sweeper.trial import Outcome

KINDS = ["temporal", "l1", "l2"]
"""The first cannot be computed of activations without times."""
PENALIZED = [{"penalty_kind": kind, "activation_penalty": weight} for weight in (0.1, 0.0) for kind in KINDS]


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


@pytest.mark.parametrize("compiled", [True, False])
def test_a_penalty_that_cannot_be_computed_fails_its_own_trials(compiled: bool) -> None:
    """With the reason that they have alone; others train in the stack, those of its kind without it too."""
    task = task_of(space={"penalty_kind": KINDS, "activation_penalty": [0.0, 0.1]}, steps=8)
    trials = numbered(PENALIZED)
    assert_engines_agree(task, trials[1:], slots=3, compiled=compiled)
    found = by_stack(task, trials, 3, compiled)[0, 0].result
    (alone,) = train_cohort(task, Cohort((trials[0],)))
    assert (found.outcome, found.reason) == (alone.outcome, alone.reason)
    assert found.outcome == Outcome.FAILED
    assert "needs activations (batch, time, units)" in found.reason


@pytest.mark.parametrize("kinds", [KINDS, KINDS[::-1]])
def test_a_penalty_that_cannot_be_computed_leaves_stacks_to_others(kinds: list[str]) -> None:
    """The plan is measured on trials that train, whichever kind is listed first."""
    space = {"penalty_kind": kinds, "activation_penalty": [0.1]}
    task = task_of(space=space, steps=1000, compile=False)
    plan = plan_in_workers(SerialPool(), Here(task), jobs=1, engine="fused", share=12)
    assert (plan.engine, plan.alone, plan.reason) == ("fused", {}, "")
