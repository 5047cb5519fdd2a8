"""Curves of known shape are called what they are, with and without noise."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.answer.rows import best_trials
from sweeper.questions.convergence import SHOWN
from sweeper.questions.curve_classes import COLUMNS, advice, curve_classes, curve_summary
from sweeper.questions.run_data import RunData
from sweeper.statistics.curve_class import CLASSES, shape

STEPS = np.arange(0, 401, 20)
DONE = STEPS / 400
"""Share of the training that is over, 0 to 1."""
Curve = Callable[[np.ndarray], np.ndarray]


def fast(t: np.ndarray) -> np.ndarray:
    """At its floor of 0.1 after a third of the training."""
    return 0.1 + 2.2 * np.exp(-20 * t)


def slow(t: np.ndarray) -> np.ndarray:
    """Still falling at the end."""
    return 0.1 + 2.2 * np.exp(-2.5 * t)


def turning(t: np.ndarray) -> np.ndarray:
    """Down to 0.3 at 30 %, then up again."""
    return 0.3 + 2 * np.exp(-20 * t) + 0.5 * np.maximum(t - 0.3, 0)


def swinging(t: np.ndarray) -> np.ndarray:
    """Falls, but jumps up and down by a third of its fall."""
    return 0.6 + 1.7 * np.exp(-10 * t) + 0.35 * np.where(np.arange(len(t)) % 2, 1, -1) * (t > 0.2)


def flat(t: np.ndarray) -> np.ndarray:
    """log 10, as before training."""
    return 2.3 - 0.01 * t


CURVES = {
    "saturated": fast,
    "still improving": slow,
    "overfitting": turning,
    "unstable": swinging,
    "not learning": flat,
}


def called(curve: np.ndarray, train: np.ndarray | None = None) -> str:
    """Class of a validation curve; the train loss falls all the way unless given."""
    return shape(STEPS, curve, 2 * np.exp(-4 * DONE) if train is None else train).name


@pytest.mark.parametrize("name", CURVES)
def test_shapes(name: str) -> None:
    """Each curve has its class."""
    assert called(CURVES[name](DONE)) == name


@pytest.mark.parametrize("name", CURVES)
def test_shapes_with_noise(name: str) -> None:
    """With noise of 2 % at least 90 % of 100 curves keep their class."""
    rng, curve = np.random.default_rng(0), CURVES[name](DONE)
    names = [called(curve * (1 + 0.02 * rng.normal(size=len(curve)))) for _ in range(100)]
    assert names.count(name) >= 90


def test_noise_about_a_floor_is_not_overfitting() -> None:
    """One of many noisy values lies below the last ones; at most 5 % of 200 such curves are taken for it."""
    rng = np.random.default_rng(1)
    names = [called(fast(DONE) * (1 + 0.08 * rng.normal(size=len(DONE)))) for _ in range(200)]
    assert names.count("overfitting") <= 10


def test_overfitting_needs_a_falling_train_loss() -> None:
    """Where the train loss rises too, the model does not overfit: it forgets."""
    assert called(turning(DONE), turning(DONE)) != "overfitting"
    assert called(turning(DONE), np.full(len(DONE), np.nan)) == "overfitting"


def test_numbers_of_a_shape() -> None:
    """Best step, lowest loss and first step within 2 % of it are those of the curve."""
    found = shape(STEPS, turning(DONE), 2 * np.exp(-4 * DONE))
    curve = turning(DONE)
    assert found.best_step == STEPS[curve.argmin()]
    assert found.lowest == curve.min()
    assert found.end == np.median(curve[-3:])
    assert found.settled_step == STEPS[np.argmax(curve <= curve.min() + max(0.02 * curve.min(), found.noise))]


def test_losses_below_zero_and_scales_do_not_matter() -> None:
    """A curve times 1,000 has the same class; one around 0 does not fail."""
    for name, curve in CURVES.items():
        assert called(1000 * curve(DONE), 1000 * np.exp(-DONE)) == name
    assert called(fast(DONE) - 0.5) in CLASSES


def test_short_curves_are_not_judged() -> None:
    """Five points or fewer say nothing; one point does not fail."""
    for points in (1, 2, 3, 5):
        steps, curve = STEPS[:points], fast(DONE)[:points]
        assert shape(steps, curve, curve).name == "too few points"


def study(outcomes: dict[int, str], curve: Curve = fast) -> RunData:
    """Trials with one curve."""
    trials = pd.DataFrame({"trial": list(outcomes), "outcome": list(outcomes.values())})
    base = {"phase": "explore", "seed": 0, "steps": 400, "optimizer": "sgd", "activation": "relu"}
    trials = trials.assign(objective=0.1 + 0.01 * trials["trial"], learning_rate=0.1, **base)
    rows = [
        (trial, 0, step, metric, value)
        for trial in outcomes
        for step, value in zip(STEPS.tolist(), curve(DONE).tolist(), strict=True)
        for metric in ("validation_loss", "train_loss")
        if step or metric == "validation_loss"
    ]
    curves = pd.DataFrame(rows, columns=["trial", "seed", "step", "metric", "value"])
    layers = pd.DataFrame(columns=["trial", "seed", "step", "layer", "measure", "value"])
    return run_data(trials, curves, layers)


def test_outcomes_go_before_shapes() -> None:
    """Diverged is diverged, pruned is cut short, failed is left out, whatever the curve looks like."""
    table = curve_classes(study({0: "completed", 1: "diverged", 2: "pruned", 3: "failed"})).set_index("trial")
    assert table["class"].to_dict() == {0: "saturated", 1: "diverged", 2: "cut short"}


def test_best_and_rest(records: SyntheticRecords) -> None:
    """The best trials stand apart, every evaluated search trial is there once, shares sum to 1."""
    source = run_data(records.trials, records.curves, records.layers)
    table = curve_classes(source)
    assert list(table.columns) == COLUMNS
    assert table["trial"].is_unique
    best = set(best_trials(source.trials, SHOWN)["trial"])
    assert set(table.loc[table["group"] == "best", "trial"]) == best
    summary = curve_summary(source)
    assert summary.groupby("group")["share"].sum().tolist() == pytest.approx([1, 1])
    assert summary["trials"].sum() == len(table)
    assert summary["group"].drop_duplicates().tolist() == ["best", "rest"]


@pytest.mark.parametrize(
    ("name", "steps", "said"),
    [
        ("still improving", 400, "--set training.steps=800"),
        ("saturated", 400, "--set training.steps=200"),
        ("overfitting", 400, "weight_decay"),
        ("unstable", 400, "--set search.space.schedule=cosine"),
        ("not learning", 400, "higher learning rate"),
        ("diverged", 10, "warmup_cosine"),
        ("diverged", 300, "lower learning rate"),
        ("cut short", 100, ""),
    ],
)
def test_each_class_has_its_advice(name: str, steps: int, said: str) -> None:
    """Longer, shorter, regularize, lower rate, warm up: with a ready option where there is one."""
    curve = fast(DONE)
    text = advice(name, steps, 400, shape(STEPS, curve, curve))
    assert said in text
    assert bool(text) is bool(said)
    assert ("warmup" in text) is (steps == 10)
