"""The loss of a trial has the task that the data suggest, its options, and the scores that fit it."""

from typing import Any

import numpy as np
import pytest
import torch
from equivalence import task_of
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn

from sweeper.components.users_loss import InnerLoss
from sweeper.data.splits import targets_of
from sweeper.errors import DataError
from sweeper.study.losses import loss_of, out_features, unfit
from sweeper.study.settings import settings as settings_of
from sweeper.training.setup import Task

R = np.random.default_rng(0)
X = R.normal(size=(60, 3))
TOKENS = torch.tensor(R.integers(0, 4, (60, 5)))
KINDS: dict[str, Any] = {
    "classes": R.integers(0, 3, 60),
    "tokens": TOKENS,
    "numbers": R.normal(size=(60, 2)),
    "labels": (R.uniform(size=(60, 2)) > 0.4).astype(float),
}


def task_for(kind: str, loss: Any, **training: Any) -> Task:
    """Rows with such targets."""
    classes = {"classes": 4} if kind == "tokens" else {}
    return task_of({"source": lambda: (X, KINDS[kind]), **classes}, loss=loss, **training)


def loss_for(task: Task, seed: int | None = 0) -> Any:
    """Of the trial with the defaults."""
    return loss_of(
        task.study, task.data, settings_of(task.study, {"optimizer": "sgd", "learning_rate": 1}), seed
    )


def mean(output: Tensor, target: Tensor) -> Tensor:
    """A loss of two arguments."""
    return (output - target).mean()


def with_model(output: Tensor, target: Tensor, model: nn.Module) -> Tensor:
    """One that asks for more."""
    return output.mean()


@pytest.mark.parametrize(
    ("kind", "loss", "task", "width"),
    [
        ("classes", "cross_entropy", "classification", 3),
        ("tokens", "cross_entropy", "sequence", 4),
        ("numbers", "mse", "regression", 2),
        ("numbers", "gaussian_nll", "regression", 4),
        ("labels", "bce", "binary", 2),
        ("numbers", torch.nn.HuberLoss, "regression", 2),
    ],
)
def test_tasks_and_widths(kind: str, loss: Any, task: str, width: int) -> None:
    """Named losses and the user's."""
    data = task_for(kind, loss)
    found = loss_for(data)
    assert (found.task, out_features(data.data, found)) == (task, width)


def test_what_a_loss_asks_for() -> None:
    """One that needs the model is computed inside of it."""
    inner = loss_for(task_for("numbers", with_model)).inner
    assert isinstance(inner, InnerLoss)
    assert (inner.asks, inner.target_asked) == (("model",), True)
    assert loss_for(task_for("numbers", mean)).inner is None


def test_balanced_weights_are_those_of_the_training_rows() -> None:
    """Counted anew for each replicate, as scikit-learn does; without a replicate there are none."""
    task = task_for("classes", "cross_entropy", class_weight="balanced")
    for seed in (0, 1):
        y, *_ = targets_of(task.data, (0.6, 0.2, 0.2), seed=seed, test_seed=0, standardize_target=False)
        expected = compute_class_weight("balanced", classes=np.arange(3), y=y)
        assert loss_for(task, seed).function.keywords["weight"].numpy() == pytest.approx(expected)
    assert "weight" not in getattr(loss_for(task, None).function, "keywords", {})


def test_as_many_weights_as_classes() -> None:
    """Both numbers are told."""
    with pytest.raises(DataError, match="has 2 weights, but there are 3 classes: give 3 of them"):
        loss_for(task_for("classes", "cross_entropy", class_weight=[1.0, 2.0]))


def test_scores_that_do_not_fit_are_known() -> None:
    """F1 is for two classes; scores of sequences know the ignored number."""
    task = task_for("classes", "cross_entropy", metrics=["f1", "auc"])
    settings = settings_of(task.study, {"optimizer": "sgd", "learning_rate": 1})
    assert unfit(task.study, settings, loss_for(task)) == ["f1"]
    tokens = loss_for(task_for("tokens", "cross_entropy", ignore_index=2))
    assert all(dict(metric.arguments)["ignore_index"] == 2 for metric in tokens.metrics)
