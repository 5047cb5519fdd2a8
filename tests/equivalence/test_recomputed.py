"""What is recorded of a trained model is what scikit-learn and torch compute from its predictions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from equivalence import assert_engines_agree, by_reference, numbered, task_of
from scipy.special import softmax
from sklearn import metrics as sk
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.study.settings import settings as settings_of
from sweeper.training.setup import Task, initial_model, rows_of

R = np.random.default_rng(0)
X = R.normal(size=(90, 4))
THREE = np.digitize(X[:, 0] + 0.5 * R.normal(size=90), [-0.7, 0.6])
TOKENS = torch.tensor(R.integers(0, 5, (90, 6)))
NEXT = torch.where(torch.tensor(R.uniform(size=(90, 6)) < 0.2), -7, (TOKENS + 1) % 5)
LABELS = (X[:, :3] + 0.4 * R.normal(size=(90, 3)) > 0.3).astype(float)
REAL = np.stack([X[:, 0] * X[:, 1], 3 + X[:, 2]], axis=1)
ADAM = {"optimizer": "adam", "learning_rate": 0.05}
Outputs = Callable[[np.ndarray, np.ndarray], dict[str, float]]


class Words(nn.Module):
    """Tokens to logits of the next one, (n, time, classes)."""

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(5, 8), nn.Linear(8, out_features)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of each place."""
        return self.out(self.table(tokens).relu())


def of_classes(o: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """By scikit-learn; three classes."""
    shares, labels = softmax(o, axis=1), o.argmax(axis=1)
    each = [sk.average_precision_score(t == k, shares[:, k]) for k in range(3)]
    return {
        "loss": sk.log_loss(t, shares),
        "error": 1 - sk.accuracy_score(t, labels),
        "accuracy": sk.accuracy_score(t, labels),
        "balanced_accuracy": sk.balanced_accuracy_score(t, labels),
        "f1_macro": sk.f1_score(t, labels, average="macro"),
        "mcc": sk.matthews_corrcoef(t, labels),
        "auc": sk.roc_auc_score(t, shares, multi_class="ovr"),
        "average_precision": float(np.mean(each)),
        "perplexity": np.exp(sk.log_loss(t, shares)),
        "top_2_accuracy": sk.top_k_accuracy_score(t, shares, k=2),
    }


def of_two(o: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """One column of logits."""
    labels, o = o[:, 0] > 0, o[:, 0]
    return {
        "loss": sk.log_loss(t, 1 / (1 + np.exp(-o))),
        "f1": sk.f1_score(t, labels),
        "auc": sk.roc_auc_score(t, o),
        "average_precision": sk.average_precision_score(t, o),
        "mcc": sk.matthews_corrcoef(t, labels),
        "balanced_accuracy": sk.balanced_accuracy_score(t, labels),
    }


def of_labels(o: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """Several labels."""
    return {
        "loss": F.binary_cross_entropy_with_logits(torch.tensor(o), torch.tensor(t)).item(),
        "accuracy": float(((o > 0) == (t > 0)).mean()),
        "f1_macro": sk.f1_score(t, o > 0, average="macro"),
        "auc": sk.roc_auc_score(t, o, average="macro"),
        "average_precision": sk.average_precision_score(t, o, average="macro"),
    }


def of_tokens(o: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """Those that count."""
    kept = t.ravel() != -7
    o, t = o.reshape(-1, 5)[kept], t.ravel()[kept]
    loss = sk.log_loss(t, softmax(o, axis=1), labels=range(5))
    return {
        "loss": loss,
        "perplexity": np.exp(loss),
        "accuracy": sk.accuracy_score(t, o.argmax(axis=1)),
        "top_2_accuracy": sk.top_k_accuracy_score(t, o, k=2, labels=range(5)),
    }


def of_numbers(loss: Callable[..., Any]) -> Outputs:
    """Two targets."""
    return lambda o, t: {
        "loss": float(loss(t, o)),
        "r2": sk.r2_score(t, o, multioutput="variance_weighted"),
        "mae": sk.mean_absolute_error(t, o),
        "rmse": sk.root_mean_squared_error(t, o),
    }


HUBER = of_numbers(lambda t, o: F.huber_loss(torch.tensor(o), torch.tensor(t)))
CLASSIC = {"metrics": ["auc", "average_precision", "perplexity", "top_2_accuracy"]}
SOFT = {"label_smoothing": 0.2, "class_weight": "balanced"}
CASES: dict[str, tuple[Any, dict[str, Any], Outputs]] = {
    "classes": (THREE, {"loss": "cross_entropy", **CLASSIC, **SOFT}, of_classes),
    "one label": (LABELS[:, :1], {"loss": "bce", **SOFT}, lambda o, t: of_two(o, t[:, 0])),
    "labels": (LABELS, {"loss": "bce", "metrics": ["auc", "average_precision"]}, of_labels),
    "tokens": (NEXT, {"loss": "cross_entropy", "ignore_index": -7, "metrics": ["top_2_accuracy"]}, of_tokens),
    "mse": (REAL, {"loss": "mse"}, of_numbers(sk.mean_squared_error)),
    "l1": (REAL, {"loss": "l1"}, of_numbers(sk.mean_absolute_error)),
    "huber": (REAL, {"loss": "huber"}, HUBER),
    "quantile": (
        REAL,
        {"loss": "quantile", "quantile": 0.8},
        of_numbers(lambda t, o: sk.mean_pinball_loss(t, o, alpha=0.8)),
    ),
}


def trained(case: str) -> tuple[Task, dict[str, float], nn.Module]:
    """The task, what was recorded at the end, and the model with its last weights."""
    target, training, _ = CASES[case]
    words = case == "tokens"
    data = {"source": lambda: (TOKENS if words else X, target), "standardize": False}
    data |= {"classes": 5} if words else {}
    task = task_of(data, Words if words else None, steps=12, evaluations=2, **training)
    one = by_reference(task, numbered([ADAM])[0])
    recorded = {name: value for step, name, value in one.result.curves if step == 12}
    model = initial_model(task, settings_of(task.study, ADAM), 0).model
    model.load_state_dict(dict(one.state))
    return task, recorded, model.eval()


@pytest.mark.parametrize("case", CASES)
def test_scores_are_those_of_the_predictions(case: str) -> None:
    """Without smoothing and weights of classes, on the validation rows."""
    task, recorded, model = trained(case)
    rows = rows_of(task, settings_of(task.study, ADAM), 0)
    with torch.no_grad():
        output = model(rows.x_validation).numpy()
    for name, value in CASES[case][2](output, rows.y_validation.numpy()).items():
        found = 1 - recorded["validation_accuracy"] if name == "error" else recorded[f"validation_{name}"]
        assert found == pytest.approx(value, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("case", ["classes", "one label"])
def test_what_is_trained_on_is_smoothed_and_weighted(case: str) -> None:
    """The first batch's loss is torch's own with those options; weights are scikit-learn's."""
    target, training, _ = CASES[case]
    data = {"source": lambda: (X, target), "standardize": False}
    task = task_of(data, steps=1, evaluations=1, batch_size="full", **training)
    result = by_reference(task, numbered([{}])[0]).result
    (loss,) = [value for _, name, value in result.curves if name == "train_loss"]
    settings = settings_of(task.study, {"optimizer": "sgd", "learning_rate": 0.1})
    rows = rows_of(task, settings, 0)
    with torch.no_grad():
        output = initial_model(task, settings, 0).model.train()(rows.x_train)
    y = rows.y_train.squeeze(-1) if case == "one label" else rows.y_train
    weight = torch.tensor(compute_class_weight("balanced", classes=np.unique(y), y=y.numpy()))
    if case == "classes":
        expected = F.cross_entropy(output, y, weight, label_smoothing=0.2)
    else:
        each = F.binary_cross_entropy_with_logits(output[:, 0], y * 0.8 + 0.1, reduction="none")
        expected = (each * weight[y.long()]).sum() / weight[y.long()].sum()
    assert loss == pytest.approx(expected.item(), rel=1e-12)


class Noisy(nn.Module):
    """Draws with parameters of their own, one and both."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.one, self.act, self.out = nn.Linear(in_features, 6), nn.Tanh(), nn.Linear(6, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.one(x))
        if self.training:
            h = h + 0.1 * torch.empty_like(h).normal_(2.0) + 0.1 * torch.empty_like(h).normal_(1.0, 0.5)
            h = h + 0.1 * torch.empty_like(h).uniform_(0.5) + 0.1 * torch.empty_like(h).uniform_(-3.0, -2.0)
            h = h * torch.empty_like(h).exponential_(3.0) * torch.empty_like(h).bernoulli_(0.7)
        return self.out(h)


def noisy(in_features: int, out_features: int) -> nn.Module:
    """A model function."""
    return Noisy(in_features, out_features)


def test_draws_with_parameters_are_those_of_each_trial_alone() -> None:
    """Mean and deviation, ends, rate and probability are the model's, whatever stands first and alone."""
    trials = numbered([{"learning_rate": 0.05}, {"learning_rate": 0.01}], seeds=[0, 3])
    assert_engines_agree(task_of(model=noisy), trials, slots=2)
