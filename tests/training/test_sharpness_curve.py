"""Sharpness along a training, against exact Hessians of an independent training."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.data.load import load
from sweeper.study.settings import settings
from sweeper.study.study import Study
from sweeper.training.dispatch import retrain_and_measure
from sweeper.training.pool.interface import Pool
from sweeper.training.reference import Observer, train
from sweeper.training.setup import Task, rows_of
from sweeper.training.sharpness_curve import log_spaced_steps, sharpness_of, sharpness_result
from sweeper.trial import PruningRule, Trial

RATE = {"low": 1e-4, "high": 1.0, "log": True}


@pytest.fixture(scope="module")
def task() -> Task:
    """A tiny network in double precision on wine, 30 steps, cosine schedule."""
    study = Study(
        name="tiny",
        data={"source": "wine"},
        model={"source": "mlp", "depth": 1, "width": 3},
        training={"steps": 30, "batch_size": 16, "dtype": "float64", "schedule": "cosine", "evaluations": 3},
        search={"space": {"optimizer": ["sgd", "adam"], "activation": "tanh", "learning_rate": RATE}},
    )
    return Task(study, load("wine", loss_task="classification"))


def trial(optimizer: str, rate: float, **more: object) -> Trial:
    """One configuration."""
    return Trial(
        3, "explore", 0, {"optimizer": optimizer, "activation": "tanh", "learning_rate": rate, **more}
    )


def exact(model: nn.Module, x: Tensor, y: Tensor, weight: float) -> Tensor:
    """The Hessian of cross-entropy plus weight × mean square of the hidden activations."""
    names = dict(model.named_parameters())
    sizes = [p.numel() for p in names.values()]

    def loss(flat: Tensor) -> Tensor:
        parts = zip(names.items(), flat.split(sizes), strict=True)
        a, b, c, d = (part.view_as(p) for (_, p), part in parts)
        hidden = torch.tanh(x @ a.T + b)
        return nn.functional.cross_entropy(hidden @ c.T + d, y) + weight * hidden.square().mean()

    return torch.func.jacrev(torch.func.grad(loss))(
        torch.cat([p.detach().reshape(-1) for p in names.values()])
    )


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_rows_are_those_of_an_independent_training(task: Task, weight: float) -> None:
    """λmax, preconditioned λmax and the next rate of Adam, at every step that was checked.

    To 4 %: where the two largest eigenvalues lie so close to each other, the smaller may be found.
    """
    found = sharpness_of(task, trial("adam", 0.02, activation_penalty=weight), points=5)
    rows = {(step, name): value for step, name, value in found}
    seen = {}

    def observer(step, built, optimizer) -> None:
        states = [optimizer.state[p] for p in built.model.parameters()]
        scale = [(s["exp_avg_sq"] / (1 - 0.999**step)).sqrt() + 1e-8 for s in states if s]
        seen[step] = ([p.detach().clone() for p in built.model.parameters()], scale, built.model)

    train(task, trial("adam", 0.02, activation_penalty=weight), Observer(range(1000), observer))
    parts = rows_of(task, settings(task.study, trial("adam", 0.02).parameters), 0)
    assert sorted({step for step, _ in rows}) == log_spaced_steps(29, 5) == [0, 1, 3, 9, 29]
    for step in log_spaced_steps(29, 5):
        weights, scale, model = seen[step]
        with torch.no_grad():
            for p, kept in zip(model.parameters(), weights, strict=True):
                p.copy_(kept)
        hessian = exact(model, parts.x_train, parts.y_train, weight)
        largest = torch.linalg.eigvalsh(hessian)[-1].item()
        assert rows[step, "sharpness"] == pytest.approx(largest, rel=0.04)
        loss = nn.functional.cross_entropy(model(parts.x_train), parts.y_train).item()
        assert rows[step, "sharpness_loss"] >= loss - 1e-9
        assert weight > 0 or rows[step, "sharpness_loss"] == pytest.approx(loss)
        assert rows[step, "next_learning_rate"] == pytest.approx(0.01 * (1 + np.cos(np.pi * step / 30)))
        assert ((step, "preconditioned_sharpness") in rows) == (step > 0)
        if step:
            root = torch.cat([s.reshape(-1) for s in scale]) ** -0.5
            largest = torch.linalg.eigvalsh(root[:, None] * hessian * root)[-1].item()
            assert rows[step, "preconditioned_sharpness"] == pytest.approx(largest, rel=0.04)


def test_looking_changes_nothing(task: Task) -> None:
    """The training that is looked at is the training that was recorded, pruning aside."""
    asked = trial("adam", 0.02, activation_penalty=0.1)
    steps = []

    def observe(step, built, optimizer) -> None:
        built.model.eval()
        built.model(torch.zeros(2, 13, dtype=torch.float64))
        built.model.train()
        steps.append(step)

    plain, looked = train(task, asked), train(task, asked, Observer(range(30), observe))
    assert (plain.curves, plain.layers, plain.objective) == (looked.curves, looked.layers, looked.objective)
    assert steps == list(range(30))
    stopped = Trial(3, "explore", 0, asked.parameters, PruningRule({10: -1.0}))
    assert sharpness_of(task, stopped) == sharpness_of(task, asked)


@pytest.mark.parametrize(
    ("last", "points", "steps"), [(0, 8, [0]), (1, 8, [0, 1]), (999, 1, [0, 1]), (63, 4, [0, 1, 8, 63])]
)
def test_steps_are_log_spaced(last: int, points: int, steps: list[int]) -> None:
    """Zero and the last, no step twice."""
    assert log_spaced_steps(last, points) == steps


def test_what_explodes_is_left_out(task: Task) -> None:
    """A training that diverges leaves rows that are finite, from before it did."""
    rows = sharpness_of(task, trial("sgd", 1e200), last=29)
    assert {0} <= {step for step, _, _ in rows} <= {0, 1, 2}
    assert all(np.isfinite(value) for _, _, value in rows)


class Once(torch.autograd.Function):
    """The identity, without a second derivative."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        return gradient


class OnceModule(nn.Module):
    """A linear layer behind `Once`."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return Once.apply(self.linear(x))


def test_a_model_without_second_derivative_says_so() -> None:
    """The reason comes back instead of rows; nothing is raised."""
    study = Study(
        name="once",
        data={"source": "wine"},
        model=lambda in_features, out_features: OnceModule(in_features, out_features),
        training={"steps": 3},
        search={"space": {"optimizer": "sgd", "learning_rate": 0.1}, "scientific": ["optimizer"]},
    )
    task = Task(study, load("wine", loss_task="classification"))
    result = sharpness_result(task, Trial(0, "explore", 0, {"optimizer": "sgd", "learning_rate": 0.1}))
    assert result.curves == ()
    assert "once_differentiable" in result.reason


def attends(in_features: int, out_features: int) -> nn.Module:
    """Attention, whose fast kernels have no second derivative."""
    block = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True)
    first = nn.Sequential(nn.Linear(in_features, 8), nn.Unflatten(1, (2, 4)))
    return nn.Sequential(first, block, nn.Flatten(), nn.Linear(8, out_features))


def test_attention_is_looked_at() -> None:
    """It is measured by kernels that can be differentiated twice."""
    study = Study(
        name="attends",
        data={"source": "wine"},
        model=attends,
        training={"steps": 3, "batch_size": 16},
        search={"space": {"optimizer": "sgd", "learning_rate": 0.1}, "scientific": ["optimizer"]},
    )
    task = Task(study, load("wine", loss_task="classification"))
    result = sharpness_result(task, Trial(0, "explore", 0, {"optimizer": "sgd", "learning_rate": 0.1}))
    assert not result.reason
    assert all(value > 0 for _, name, value in result.curves if name == "sharpness")


def test_worker_processes_give_the_same_rows(task: Task, one_worker: Pool) -> None:
    """Each asked trial once, with the rows that this process would find."""
    asked = [(trial("adam", 0.02), 30), (Trial(4, "explore", 0, trial("sgd", 0.1).parameters), 10)]
    measured = retrain_and_measure(one_worker, one_worker.share(task), None, asked)
    found = {result.trial.number: result for result in measured}
    assert sorted(found) == [3, 4]
    for each, last in asked:
        assert list(found[each.number].curves) == sharpness_of(task, each, last=last)
