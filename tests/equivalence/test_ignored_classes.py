"""Losses of the user's that leave rows out by a class number that stands for none."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.batching_rules import cross_entropy
from sweeper.training.stacked.better_rules import BetterRules


def masked(target: Tensor, ignored: int = -100) -> Tensor:
    """Every fifth class number is none."""
    return torch.where(torch.arange(len(target)) % 5 == 0, ignored, target)


def plain(output: Tensor, target: Tensor) -> Tensor:
    """The mean over what is left."""
    return F.cross_entropy(output, masked(target))


def sure_ones(output: Tensor, target: Tensor) -> Tensor:
    """Which rows count follows from the outputs, so their number changes with step and trial."""
    unsure = output.detach().softmax(1).amax(1) < 0.6
    return F.cross_entropy(output, torch.where(unsure, target, -100)).nan_to_num()


def another_number(output: Tensor, target: Tensor) -> Tensor:
    """With an option, which is left to torch."""
    return F.cross_entropy(output, masked(target, 1), ignore_index=1)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("loss", [plain, sure_ones, another_number])
def test_rows_are_left_out_in_stacks_as_one_by_one(
    loss: Callable[[Tensor, Tensor], Tensor], compiled: bool
) -> None:
    """Curves, layers and states of the stack equal the reference engine's."""
    task = task_of("wine", loss=loss)
    rates = [{"optimizer": "adam", "learning_rate": rate, "activation": "tanh"} for rate in (0.01, 0.03, 0.1)]
    trials = numbered(rates)
    stacked = by_stack(task, trials, 3, compiled)
    for trial in trials:
        assert distance(by_reference(task, trial), stacked[trial.number, trial.seed]) < 1e-9


@pytest.mark.parametrize("rows", ["some", "all", "none"])
def test_gradients_are_those_of_torch(rows: str) -> None:
    """Of few classes and of many, where some rows count, all of them, or none (NaN)."""
    for classes in (5, 100):
        outputs = torch.randn(3, 10, classes, dtype=torch.float64, requires_grad=True)
        targets = torch.randint(classes, (3, 10))
        if rows != "all":
            targets[:, 2 if rows == "some" else 0 :] = -100
        with BetterRules():
            values = torch.vmap(cross_entropy)(outputs, targets)
        own = torch.stack([F.cross_entropy(x, y) for x, y in zip(outputs, targets, strict=True)])
        grads = map(partial(torch.autograd.grad, inputs=outputs), (values.sum(), own.sum()))
        torch.testing.assert_close(values, own, equal_nan=True, rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(*(grad for (grad,) in grads), equal_nan=True, rtol=1e-12, atol=1e-14)
