"""What a run records of guessing and of its rows, for every kind of target and loss."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score

from sweeper.data.data import Data
from sweeper.data.splits import rows_of_parts, targets_of
from sweeper.records.run_files import BASELINES
from sweeper.study.data import data_of
from sweeper.study.settings import settings
from sweeper.study.study import Study
from sweeper.training.blind_labels import at_random, blind_labels
from sweeper.training.evaluate import batchable_scores
from sweeper.training.guessing import guessing
from sweeper.training.setup import Task, pick_loss, rows_of

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(200, 3))


def task(targets: np.ndarray, loss: object, metrics: tuple[str, ...] = (), **data: object) -> Task:
    """A study of a linear model on `targets`."""
    study = Study(
        name="m", model=lambda in_features, out_features: torch.nn.Linear(in_features, out_features),
        data={"source": lambda: (INPUTS[: len(targets)], targets), **data},
        training={"loss": loss, "metrics": list(metrics)},
    )  # fmt: skip
    return Task(study, data_of(study))


def scaled(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A loss of the user's."""
    return 3 * ((output - target) ** 2).mean()


def broken(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A loss that ends the program."""
    raise SystemExit(3)


@pytest.mark.parametrize("standardize", [False, True])
def test_the_mean_of_the_training_rows_scores_on_the_rows_of_its_seed(standardize: bool) -> None:
    """Each seed has its own split: the recorded loss is that of the rows that its trainings see."""
    asked = task(RNG.normal(5, 2, size=200), "mse", standardize_target=standardize)
    found = guessing(asked, [0, 1, 2])
    for each in found["scores"]:
        rows = rows_of(asked, settings(asked.study, {"optimizer": "sgd", "learning_rate": 1.0}), each["seed"])
        for part, y in (("validation", rows.y_validation), ("test", rows.y_test)):
            expected = ((y - rows.y_train.mean()) ** 2).mean().item()
            assert each[part]["loss"] == pytest.approx(expected, rel=1e-5)
            unexplained = expected / y.var(unbiased=False).item()
            assert each[part]["r2"] == pytest.approx(1 - unexplained, abs=1e-6)
            assert each[part]["r2"] < 0
    assert len({each["validation"]["loss"] for each in found["scores"]}) == 3
    assert (found["rows"], found["labels"]) == ({"train": 120, "validation": 40, "test": 40}, 0)


def test_class_labels_and_thin_classes_are_noticed() -> None:
    """Numbers that look like labels under mse; a class of a few rows under cross-entropy, by part."""
    labels = np.repeat([0, 1, 2], [120, 70, 10])
    assert guessing(task(labels.astype(float), "mse"), [0])["labels"] == 3
    assert guessing(task(np.eye(3)[labels], "mse"), [0])["labels"] == 3
    found = guessing(task(labels, "cross_entropy"), [0, 1])
    assert {(each["class"], each["part"], each["rows"]) for each in found["few"]} == {
        ("2", "validation", 2),
        ("2", "test", 2),
    }
    assert found["scores"][0]["test"]["accuracy"] == pytest.approx(0.6)
    assert guessing(task(labels % 2, "bce"), [0])["labels"] == 0
    assert "positive" not in found, "there are three classes"
    two = guessing(task(labels % 2, "bce"), [0])
    assert two["positive"] == "1"
    assert sum(two["positives"].values()) == (labels % 2).sum()
    tokens = torch.arange(200 * 3).reshape(200, 3) % 50
    assert guessing(task(tokens, "cross_entropy"), [0])["few"] == []


def test_labels_drawn_by_their_shares_score_what_many_draws_do() -> None:
    """Within the error of the mean over 500 draws, for every score of labels, rare classes included."""
    rng, asked = np.random.default_rng(0), task(np.arange(200) % 4, "cross_entropy")
    loss = pick_loss(asked, settings(asked.study, {"optimizer": "sgd", "learning_rate": 1.0}))
    train, rows = rng.choice(4, 300, p=[0.5, 0.3, 0.18, 0.02]), rng.choice(4, 400, p=[0.4, 0.3, 0.25, 0.05])
    found = at_random(loss, train, rows)
    sums: dict[str, float] = dict.fromkeys(found, 0.0)
    for _ in range(500):
        output = torch.tensor(10.0 * (2 * np.eye(4)[train[rng.integers(0, 300, 400)]] - 1))
        for name, value in batchable_scores(loss, output, torch.tensor(rows)).items():
            if name in sums:
                sums[name] += value.item() / 500
    assert {"accuracy", "balanced_accuracy", "f1_macro", "mcc"} <= set(found)
    assert found == pytest.approx(sums, abs=0.006)


@pytest.mark.parametrize("loss", ["mse", "huber", "gaussian_nll"])
def test_the_absolute_error_of_guessing_is_that_of_the_median(loss: str) -> None:
    """Of skewed targets the mean has a higher one, which a network that learned nothing may beat."""
    targets = np.exp(np.random.default_rng(0).normal(size=200))
    (found,) = guessing(task(targets, loss), [0])["scores"]
    (middle,) = guessing(task(targets, "l1"), [0])["scores"]
    assert guessing(task(targets, loss), [0])["guess"].endswith("(by MAE: their median)")
    assert guessing(task(targets, "l1"), [0])["guess"] == "the median of the training rows"
    for part in ("train", "validation", "test"):
        assert found[part]["mae"] == pytest.approx(middle[part]["mae"])
        assert middle[part]["mae"] == pytest.approx(middle[part]["loss"])


def precisions(truth: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Mean over classes of the average precision of many scores that do not tie, (draws, rows, classes)."""
    hits = np.take_along_axis(np.broadcast_to(truth, ranked.shape), (-ranked).argsort(axis=1), axis=1)
    shares = hits.cumsum(axis=1) / np.arange(1, len(truth) + 1)[:, None]
    return ((shares * hits).sum(axis=1) / hits.sum(axis=1)).mean(axis=1)


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        ("bce", np.arange(120) < 30),
        ("cross_entropy", np.arange(120) < 30),
        ("bce", np.stack([np.arange(120) < 30, np.arange(120) % 2 == 0], axis=1)),
        ("cross_entropy", np.repeat([0, 1, 2], [80, 30, 10])),
    ],
)
def test_rows_in_random_order_are_a_rival_of_average_precision(loss: str, labels: np.ndarray) -> None:
    """Few rows in random order score more than the share of positive ones, which is all that a constant has:
    on average over 3,000 orders, of which scikit-learn scores some."""
    labels = labels.astype(int if loss == "cross_entropy" else float)
    rng = np.random.default_rng(0)
    labels = labels[rng.permutation(len(labels))]
    asked = task(labels, loss, metrics=("average_precision",))
    (found,) = guessing(asked, [0])["scores"]
    targets = targets_of(asked.data, asked.study.data.split, seed=0, test_seed=0, standardize_target=False)[
        -1
    ]
    truth = targets[:, None] == np.arange(3) if targets.max() > 1 else targets.reshape(len(targets), -1) == 1
    ranked = rng.random((3000, *truth.shape))
    some = [average_precision_score(truth.astype(int), each, average="macro") for each in ranked[:5]]
    assert precisions(truth, ranked[:5]) == pytest.approx(some)
    drawn = precisions(truth, ranked).mean()
    assert found["drawn"]["test"]["average_precision"] == pytest.approx(drawn, abs=0.01)
    assert drawn > truth.mean() + 0.03


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_one_label_for_all_rows_is_a_rival(share: float) -> None:
    """Class 1 everywhere has an F1 of 2p / (1 + p), more than drawn labels; no labels without their rows have
    more, and the accuracy is that of the more frequent class."""
    ones = (np.arange(200) < 200 * share).astype(float)
    (found,) = guessing(task(ones, "bce"), [0])["scores"]
    for part in ("train", "validation", "test"):
        blind = found["drawn"][part]
        assert all(blind[name] >= found[part][name] for name in ("f1", "accuracy"))  # a constant is blind too
        assert blind["f1"] == pytest.approx(2 * share / (1 + share), abs=0.12)
        assert blind["accuracy"] == pytest.approx(max(share, 1 - share), abs=0.12)
        assert (blind["mcc"], blind["balanced_accuracy"]) == (
            pytest.approx(0, abs=0.02),
            pytest.approx(0.5, abs=0.02),
        )
    labels = np.repeat([0, 1, 2], [120, 60, 20])
    (found,) = guessing(task(labels, "cross_entropy"), [0])["scores"]
    assert found["drawn"]["test"]["accuracy"] == pytest.approx(0.6)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
def test_replicates_with_as_many_rows_of_each_class_are_looked_at_once(
    loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores of each replicate are those of its own labels, computed for it alone; the work is done once
    for those with as many rows of each class."""
    labels = (np.arange(200) % 4 == 0).astype(int if loss == "cross_entropy" else float)
    asked = task(labels, loss, metrics=("average_precision",))
    loss_itself = pick_loss(asked, settings(asked.study, {"optimizer": "sgd", "learning_rate": 1.0}))
    calls = []

    def counted(*given: object) -> dict[str, float]:
        calls.append(given)
        return blind_labels(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("sweeper.training.blind_labels.blind_labels", counted)
    pairs = set()
    for each in guessing(asked, range(6))["scores"]:
        parts = targets_of(
            asked.data, asked.study.data.split, seed=each["seed"], test_seed=0, standardize_target=False
        )
        for name, y in zip(("train", "validation", "test"), parts, strict=True):
            assert each["drawn"][name] == blind_labels(loss_itself, parts[0], y)
            pairs.add((parts[0].sum(), y.sum(), len(y)))
    assert len(calls) == len(pairs) < 18


def test_a_loss_of_pairs_is_not_asked_about_more_rows_than_there_are() -> None:
    """Labels that are drawn are shared out over thousands of rows, of which metrics alone are computed: a
    loss that compares each row with each other one would need gigabytes."""

    def pairs(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if len(output) > 200:
            raise MemoryError(f"{len(output)} rows")
        apart = (output[:, None] - output[None]).square().sum(-1)
        return torch.where(target[:, None] == target[None], apart, torch.relu(1 - apart)).mean()

    found = guessing(task(np.arange(200) % 3, pairs), [0])
    assert found["why"] == ""
    assert found["scores"][0]["drawn"]["test"]["accuracy"] > 0.3


def test_labels_drawn_by_their_shares_score_what_chance_gives() -> None:
    """Accuracy Σ pₖ², balanced accuracy 1/classes, and no correlation; of real targets nothing is drawn."""
    labels = np.repeat([0, 1, 2], [120, 60, 20])
    asked = task(labels, "cross_entropy")
    loss = pick_loss(asked, settings(asked.study, {"optimizer": "sgd", "learning_rate": 1.0}))
    drawn = at_random(loss, labels, labels)
    assert drawn["accuracy"] == pytest.approx(0.6**2 + 0.3**2 + 0.1**2, abs=0.005)
    assert drawn["balanced_accuracy"] == pytest.approx(1 / 3, abs=0.001)
    assert drawn["mcc"] == 0
    assert "loss" not in drawn
    ones = (labels > 0).astype(float)[:, None]
    asked = task(ones[:, 0], "bce")
    loss = pick_loss(asked, settings(asked.study, {"optimizer": "sgd", "learning_rate": 1.0}))
    assert at_random(loss, ones, ones)["accuracy"] == pytest.approx(0.6**2 + 0.4**2, abs=0.005)
    assert "drawn" not in guessing(task(RNG.normal(size=200), "mse"), [0])["scores"][0]


def test_a_loss_of_the_users_has_a_baseline_if_one_can_be_computed(tmp_path) -> None:
    """Its own constant, found by descent; whatever it raises is the reason why there is none."""
    y = RNG.normal(size=200)
    found = guessing(task(y, scaled), [0])
    known = guessing(task(y, "mse"), [0])
    assert found["scores"][0]["test"]["loss"] == pytest.approx(
        3 * known["scores"][0]["test"]["loss"], rel=1e-3
    )
    none = guessing(task(y, broken), [0])
    assert (none["guess"], none["scores"]) == (None, [])
    assert none["why"].startswith("it ended the program (exit code 3)")
    for each in (found, none):
        BASELINES.write(tmp_path, each)
        assert BASELINES.read(tmp_path) == (each, None)


@pytest.mark.parametrize(
    ("loss", "rare", "stratify", "how"),
    [
        ("cross_entropy", 30, None, "stratified"),
        ("cross_entropy", 1, None, "random"),
        ("cross_entropy", 30, False, "random"),
        ("bce", 30, None, "random"),
        ("mse", 30, None, "random"),
    ],
)
def test_rows_are_said_to_be_stratified_only_where_they_are(
    loss: str, rare: int, stratify: bool | None, how: str
) -> None:
    """By the parts themselves: the share of the rare class in each is that of all rows, to a row."""
    targets = np.arange(100) < rare
    given = {} if stratify is None else {"stratify": stratify}
    made = task(targets.astype(float) if loss == "mse" else targets.astype(int), loss, **given)
    assert guessing(made, [0])["split"] == how
    parts = rows_of_parts(made.data, (0.6, 0.2, 0.2), seed=0, test_seed=0)
    off = max(abs(targets[rows].mean() - targets.mean()) * len(rows) for rows in parts)
    assert (off <= 1) == (how == "stratified" or rare == 1)


COST = torch.tensor([[0.0, 1.0, 5.0], [10.0, 0.0, 3.0], [4.0, 1.0, 0.0]])


def cost(output: torch.Tensor, target: torch.Tensor) -> float:
    """What mistakes cost: of the true class, the one that is named."""
    return COST[target.long(), output.argmax(1)].mean().item()


@pytest.mark.parametrize("highest", [False, True])
def test_one_label_for_all_rows_is_scored_by_the_score_that_ranks(highest: bool) -> None:
    """A score of the user's may like one class best: a model that always names it has learned nothing."""
    labels = np.repeat([0, 1, 2], [20, 40, 60])
    study = Study(
        name="m", model=lambda in_features, out_features: torch.nn.Linear(in_features, out_features),
        data={"source": lambda: (INPUTS[: len(labels)], labels)},
        training={"loss": "cross_entropy", "metrics": [cost]},
        search={"objective": "validation_cost", "maximize": highest},
    )  # fmt: skip
    found = guessing(Task(study, data_of(study)), [0])["scores"][0]
    shares = np.bincount(split(data_of(study), study, 0), minlength=3)
    expected = (shares[:, None] * COST.numpy()).sum(axis=0) / shares.sum()
    assert found["drawn"]["validation"]["cost"] == pytest.approx(max(expected) if highest else min(expected))
    assert found["validation"]["cost"] == pytest.approx(expected[2]), "shares name the largest class"


def split(data: Data, study: Study, seed: int) -> np.ndarray:
    """Validation labels of a replicate."""
    return targets_of(data, study.data.split, seed=seed, test_seed=0, standardize_target=False)[1]
