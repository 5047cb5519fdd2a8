"""A loss or score that compares every row with all rows where it means each with itself never trains."""

from typing import Any

import pytest
import torch
from equivalence import numbered, task_of
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.training.cohort import Cohort
from sweeper.training.guessing import guessing
from sweeper.training.preflight import check_configurations
from sweeper.training.row_broadcast import are_broadcast_rows
from sweeper.training.setup import Task
from sweeper.training.work import train_cohort
from sweeper.trial import Outcome

pytestmark = pytest.mark.filterwarnings("ignore:Using a target size")

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
Y, WEIGHT = X.sum(1), X[:, 0].abs()


class Net(nn.Module):
    """Outputs (n, 1), or (n,) where `flat`."""

    def __init__(self, in_features: Any, flat: bool = False) -> None:
        super().__init__()
        self.flat = flat
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """(n, 3) -> (n, 1) or (n,)"""
        return self.layers(x)[:, 0] if self.flat else self.layers(x)


class Stepping(Net):
    """The same with a step of its own."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Outputs (n, 1) and targets (n,)."""
        return F.mse_loss(self(batch[0]), batch[1])


def mse(output: Tensor, target: Tensor) -> Tensor:
    """By a function of torch that broadcasts."""
    return F.mse_loss(output, target)


def written(output: Tensor, target: Tensor) -> Tensor:
    """By operators: torch does not even warn."""
    return (output - target).square().mean()


def of_batch(output: Tensor, batch: Any) -> Tensor:
    """With the batch in the place of the target."""
    return (output - batch[-1]).square().mean()


def weighted(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weights (n,) on what is (n, 1)."""
    return (weight * (output - target[:, None]).square()).mean()


def fine(output: Tensor, target: Tensor) -> Tensor:
    """Whatever the shapes are."""
    return F.mse_loss(output.reshape(-1), target.reshape(-1))


def all_pairs(output: Tensor, target: Tensor) -> Tensor:
    """Pairs on purpose, as losses of rankings have."""
    o, t = output.reshape(-1), target.reshape(-1)
    return (torch.sign(t.unsqueeze(1) - t) * torch.tanh(o.unsqueeze(1) - o)).mean()


def far(output: Tensor, target: Tensor) -> Tensor:
    """A score."""
    return (output - target).abs().mean()


def task_with(model: Any, loss: Any, data: Any = None, **more: Any) -> Task:
    """A few steps on items with targets (n,)."""
    items = list(zip(X, Y, strict=True)) if data is None else data
    return task_of({"source": lambda: items}, model, loss=loss, steps=2, evaluations=1, **more)


def problem(*arguments: Any, **more: Any) -> str:
    """What is wrong with the only configuration."""
    (found,) = check_configurations(task_with(*arguments, **more))
    return found


OUTPUTS, FLAT = (
    "outputs of shape (rows, 1) and targets of shape (rows,)",
    "targets of shape (rows, 1) and outputs",
)
ARRAYS = (X, Y)
DICTS = [{"x": x, "weight": w, "y": y} for x, w, y in zip(X, WEIGHT, Y, strict=True)]


@pytest.mark.parametrize(
    ("model", "loss", "data", "words"),
    [
        (Net, mse, None, f"training.loss = 'mse': `mse_loss` takes {OUTPUTS}"),
        (Net, written, None, f"training.loss = 'written': `sub` takes {OUTPUTS}"),
        (Net, of_batch, None, f"loss of_batch: `sub` takes {OUTPUTS}"),
        (Stepping, "training_step", None, f"loss training_step: `mse_loss` takes {OUTPUTS}"),
        (lambda in_features: Net(3, True), mse, ARRAYS, f"training.loss = 'mse': `mse_loss` takes {FLAT}"),
        (
            Net,
            weighted,
            DICTS,
            "loss weighted: `mul` takes outputs and targets of shape (rows, 1) and inputs",
        ),
    ],
)
def test_refused(model: Any, loss: Any, data: Any, words: str) -> None:
    """The message names the call, both shapes and what to write."""
    found = problem(model, loss, data)
    assert found.startswith(words)
    assert "compares every row with all rows: bring both to one shape, as by " in found


@pytest.mark.parametrize("loss", [fine, all_pairs])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("data", [None, ARRAYS])
def test_taken(loss: Any, flat: bool, data: Any) -> None:
    """What brings both to one shape trains, and so does what pairs rows on purpose."""
    assert problem(lambda in_features: Net(3, flat), loss, data) == ""


def test_a_score_is_refused() -> None:
    """A score of the user's that does so is named too."""
    assert problem(Net, fine, metrics=[far]).startswith("training.metrics: far: `sub` takes outputs of shape")


def test_trials_that_no_preflight_saw_fail() -> None:
    """Where single configurations do so, their trials fail with that reason, stacked or not."""
    space = {"model.flat": [True, False]}
    task = task_with(Net, mse, space=space)
    assert [bool(found) for found in check_configurations(task)] == [False, True]
    for engine in ("reference", "fused"):
        trials = tuple(numbered([{"model.flat": False}] * (1 if engine == "reference" else 2)))
        results = train_cohort(task, Cohort(trials, engine, 2))
        assert {result.outcome for result in results} == {Outcome.FAILED}
        assert all("compares every row with all rows" in result.reason for result in results)


@pytest.mark.parametrize("flat", [False, True])
def test_the_constant_guess_has_the_shape_of_outputs(flat: bool) -> None:
    """The best constant of a squared loss is the mean of the training rows, whatever shape outputs have."""

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return F.mse_loss(output if flat else output.squeeze(1), target)

    scores = guessing(task_with(Net, loss), [0])["scores"][0]
    plain = guessing(task_with(Net, "mse"), [0])["scores"][0]
    assert scores["validation"]["loss"] == pytest.approx(plain["validation"]["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("big", "small", "paired"),
    [
        ((6, 1), (6,), True),
        ((6, 1, 4), (6, 4), True),
        ((6, 1, 1), (6, 1), True),
        ((6, 5, 1), (6, 5), False),
        ((6, 6), (6,), False),
        ((6, 3), (3,), False),
        ((6, 1), (6, 1), False),
        ((6,), (), False),
    ],
)
def test_shapes_that_pair_rows(big: tuple[int, ...], small: tuple[int, ...], paired: bool) -> None:
    """Rows of one beside a single column of the other."""
    assert are_broadcast_rows(big, small, 6) == paired
