"""Scores against scikit-learn's, and batched over trials."""

import math
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn import metrics as sk
from torch import Tensor
from torch.func import vmap

from sweeper.answer.baseline import baseline
from sweeper.answer.bounds import bounded
from sweeper.components import metric_words as words
from sweeper.components import metrics
from sweeper.components.metric_words import metric_words
from sweeper.components.metrics import METRICS, Metric, mae, metrics_of, named, r2, users_metric
from sweeper.errors import ModelError
from sweeper.study.study import Study
from sweeper.trial import cost, from_cost, is_maximized

R = np.random.default_rng(0)
ROWS = 60
CLASSES, TWO = R.integers(0, 4, ROWS), R.integers(0, 2, ROWS)
REAL, SIDES = R.normal(size=(ROWS, 3)), (R.uniform(size=(ROWS, 3)) > 0.6).astype(float)
OUTPUT = R.normal(size=(ROWS, 4)).round(1)  # rounded: with ties

Known = Callable[[np.ndarray, np.ndarray], float]
"""(outputs, targets) -> what scikit-learn gives"""


def of_labels(function: Callable[..., float], **options: object) -> Known:
    """A score of the class of the largest output."""
    return lambda output, target: function(target, output.argmax(1), **options)


def of_sides(function: Callable[..., float], **options: object) -> Known:
    """A score of the side of one logit."""
    return lambda output, target: function(target, output > 0, **options)


def binarized(function: Callable[..., float]) -> Known:
    """The mean of a score of one class against the rest, by softmax."""
    return lambda output, target: float(
        np.mean([function(target == k, softmax(output, axis=1)[:, k]) for k in range(output.shape[1])])
    )


PRECISION, AUC = sk.average_precision_score, sk.roc_auc_score
CASES: dict[tuple[str, str, int], Known] = {
    ("accuracy", "classification", 4): of_labels(sk.accuracy_score),
    ("balanced_accuracy", "classification", 4): of_labels(sk.balanced_accuracy_score),
    ("f1_macro", "classification", 4): of_labels(sk.f1_score, average="macro"),
    ("mcc", "classification", 4): of_labels(sk.matthews_corrcoef),
    ("auc", "classification", 4): lambda o, t: AUC(t, softmax(o, axis=1), multi_class="ovr"),
    ("average_precision", "classification", 4): binarized(PRECISION),
    ("f1", "classification", 2): of_labels(sk.f1_score),
    ("auc", "classification", 2): lambda o, t: AUC(t, o[:, 1] - o[:, 0]),
    ("average_precision", "classification", 2): lambda o, t: PRECISION(t, o[:, 1] - o[:, 0]),
    ("perplexity", "classification", 4): lambda o, t: np.exp(sk.log_loss(t, softmax(o, axis=1))),
    ("accuracy", "binary", 1): of_sides(sk.accuracy_score),
    ("balanced_accuracy", "binary", 1): of_sides(sk.balanced_accuracy_score),
    ("f1", "binary", 1): of_sides(sk.f1_score),
    ("f1_macro", "binary", 1): of_sides(sk.f1_score, average="macro"),
    ("mcc", "binary", 1): of_sides(sk.matthews_corrcoef),
    ("auc", "binary", 1): lambda o, t: AUC(t, o),
    ("average_precision", "binary", 1): lambda o, t: PRECISION(t, o),
    ("f1_macro", "binary", 3): of_sides(sk.f1_score, average="macro"),
    ("auc", "binary", 3): lambda o, t: AUC(t, o, average="macro"),
    ("average_precision", "binary", 3): lambda o, t: PRECISION(t, o, average="macro"),
    ("r2", "regression", 1): lambda o, t: sk.r2_score(t, o),
    ("mae", "regression", 3): lambda o, t: sk.mean_absolute_error(t, o),
    ("rmse", "regression", 3): lambda o, t: sk.root_mean_squared_error(t, o),
    ("top_2_accuracy", "classification", 4): lambda o, t: sk.top_k_accuracy_score(t, o, k=2),
}


def rows(task: str, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and targets of one task."""
    if task == "classification":
        return OUTPUT[:, :width], TWO if width == 2 else CLASSES
    return OUTPUT[:, :width], (SIDES if task == "binary" else REAL)[:, :width]


def chosen(name: str, task: str, width: int) -> Metric:
    """The one of this name that fits."""
    (found,) = (metric for metric in metrics_of(task, width, [name]) if metric.name == name)
    return found


@pytest.mark.parametrize(("name", "task", "width"), CASES)
def test_scores_are_those_of_scikit_learn(name: str, task: str, width: int) -> None:
    """To twelve digits, with ties; for many trials at once what each gives alone."""
    output, target = rows(task, width)
    score = chosen(name, task, width).scalar
    outputs, y = torch.tensor(np.stack([output, -output, output[::-1].copy()])), torch.tensor(target)
    alone = [score(one, y).item() for one in outputs]
    assert alone[0] == pytest.approx(CASES[name, task, width](output, target), rel=1e-12, abs=1e-13)
    assert vmap(score, in_dims=(0, None))(outputs, y).tolist() == pytest.approx(alone, rel=1e-14, abs=1e-15)


def test_every_score_is_tried() -> None:
    """Each entry is held against scikit-learn or a formula."""
    tried = {(name, task) for name, task, _ in CASES} | {("accuracy", "sequence"), ("perplexity", "sequence")}
    assert {(metric.name, metric.task) for metric in METRICS} <= tried | {("accuracy", "binary")}


def test_entries_of_one_name_share_its_facts() -> None:
    """Best and worst value, and how it is written, belong to the name."""
    facts = {(metric.name, metric.best, metric.worst, metric.abbreviation) for metric in METRICS}
    assert len(facts) == len({metric.name for metric in METRICS})


@pytest.mark.parametrize(("name", "task", "width"), CASES)
def test_no_score_lies_beyond_its_best_or_worst(name: str, task: str, width: int) -> None:
    """Of outputs at random, reversed, without a doubt, and (for numbers) the targets themselves."""
    output, target = rows(task, width)
    metric = chosen(name, task, width)
    least, most = sorted((metric.best, metric.worst))
    exact = [target] if task == "regression" else []
    for each in (output, -output, 1e3 * output, *exact):
        value = metric.scalar(torch.tensor(each), torch.tensor(target)).item()
        assert least - 1e-12 <= value <= most + 1e-12
    if exact:
        assert metric.scalar(torch.tensor(target), torch.tensor(target)).item() == metric.best


ADDED = (
    Metric("madeup_share", "regression", r2, 1.0, -math.inf, "Made-up share"),
    Metric("madeup_ratio", "regression", r2, math.inf, 0.0, "Made-up ratio"),
    Metric("points", "classification", mae, 9.0, 0.0),
    Metric("madeup_error", "classification", mae, 0.0, 2.0, "Made-up error"),
)
"""Maximised and minimised, with and without a bound."""


@pytest.mark.parametrize("metric", [*{m.name: m for m in METRICS}.values(), *ADDED], ids=lambda m: m.name)
def test_one_entry_is_all_that_a_score_needs(metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    """Objective, rank, bounds, baseline and words follow from it, whatever its name is."""
    for module in (metrics, words):
        monkeypatch.setattr(module, "METRICS", (*METRICS, *ADDED))
    name, higher = f"validation_{metric.name}", metric.best > metric.worst
    loss = {"regression": "mse", "binary": "bce"}.get(metric.task, "cross_entropy")
    study = Study(name="a", training={"loss": loss}, search={"objective": name})
    objective = study.objective
    assert is_maximized(objective) is higher

    better, worse = (0.8, 0.3) if higher else (0.3, 0.8)
    assert cost(objective, better) < cost(objective, worse)
    assert from_cost(objective, cost(objective, 0.75)) == 0.75
    assert not (higher and math.isfinite(metric.best)) or cost(objective, metric.best) == 0.0
    assert bounded(objective, -math.inf, math.inf) == tuple(sorted((metric.best, metric.worst)))

    guesses = {
        "guess": "g",
        "why": "",
        "scores": [{"seed": 0, "validation": {}, "test": {metric.name: worse}}],
    }
    (against,) = baseline(guesses, "validation_loss", {0: 1.0}, {0: {metric.name: better}}).test
    assert against.gain == pytest.approx(0.5)
    spelt = metric.abbreviation or metric.name.replace("_", " ")
    assert metric_words(objective).casefold() == f"validation {spelt}".casefold()  # a part may be short: F1
    assert metric.abbreviation in metric_words(objective)


def test_scores_of_sequences_leave_ignored_tokens_out() -> None:
    """Accuracy and perplexity are those of the kept tokens."""
    output, target = torch.randn(3, 5, 4, dtype=torch.float64), torch.randint(0, 4, (3, 5))
    target[0, 2:] = target[2] = -1
    kept = target != -1
    found = {m.name: partial(m.scalar, ignore_index=-1)(output, target) for m in metrics_of("sequence", 4)}
    assert found["accuracy"] == (output.argmax(-1) == target)[kept].double().mean()
    logs = output.log_softmax(-1)[kept].gather(1, target[kept][:, None])
    assert found["perplexity"].item() == pytest.approx(logs.mean().neg().exp().item())
    (top,) = (m for m in named("top_2_accuracy") if m.task == "sequence")
    hits = (output.topk(2).indices == target[..., None]).any(-1)[kept]
    assert top.scalar(output, target, ignore_index=-1) == hits.double().mean()  # type: ignore[call-arg]


@pytest.mark.parametrize(("name", "task", "width"), [("auc", "classification", 2), ("auc", "binary", 1)])
def test_one_class_has_no_ranking(name: str, task: str, width: int) -> None:
    """NaN, whatever the outputs are; never an exception or a warning."""
    output, target = rows(task, width)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert chosen(name, task, width).scalar(torch.tensor(output), torch.tensor(target * 0)).isnan()


@pytest.mark.parametrize(
    ("value", "said"), [("x", "'x'"), (None, "None"), (torch.zeros(2), "a tensor of shape (2,)")], ids=str
)
def test_a_score_of_the_user_that_gives_no_number_is_told(value: object, said: str) -> None:
    """In words; numbers of any type are taken."""
    with pytest.raises(ModelError) as caught:
        users_metric("mine", lambda output, target: value, True).scalar(torch.zeros(3), torch.zeros(3))
    assert str(caught.value) == f"training.metrics: mine must return a number, not {said}"
    taken: list[object] = [1, np.float32(1), True, torch.ones(1), Tensor([1])]
    assert [users_metric("m", lambda o, t, v=v: v, True).scalar(0, 0).item() for v in taken] == [1.0] * 5


@pytest.mark.parametrize(("output", "expected"), [([1.5, 1.5], 0.0), ([1.0, 1.0], 1.0)])
def test_r2_of_targets_that_do_not_vary(output: list[float], expected: float) -> None:
    """As scikit-learn has it; a quotient of them would have no end."""
    given, target = torch.tensor(output)[:, None], torch.ones(2, 1)
    assert r2(given, target).item() == expected == sk.r2_score(target.numpy(), given.numpy())
