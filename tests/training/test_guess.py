"""The best constant prediction of each loss, held against a search over constants."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sweeper.components.guess import frequencies, huber_location, share
from sweeper.components.losses import LOSSES, Loss
from sweeper.components.metrics import metrics_of
from sweeper.training.guessing import few_rows, of_any_loss, scores

RNG = np.random.default_rng(0)
REAL = RNG.exponential(3.0, size=(41, 2)) * [1, 30]
TARGETS = {
    "cross_entropy": np.array([0] * 7 + [1] * 2 + [2] + [3] * 5),
    "mse": REAL,
    "l1": REAL,
    "huber": REAL,
    "quantile": REAL,
    "gaussian_nll": REAL,
    "bce": RNG.random((40, 2)) ** 2,
}


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.guess])
def test_no_constant_near_the_guess_is_better(name: str) -> None:
    """Every change of a guess in closed form raises the loss on the rows that it was made from."""
    assert name in TARGETS, f"TARGETS lacks targets for {name}"
    y, loss = TARGETS[name], LOSSES[name]
    guess = loss.guess
    assert guess is not None
    row = guess.output(y, 4)
    best = scores(loss, row, y, torch.float64)["loss"]
    for step in (0.3, 0.01):
        for change in RNG.normal(size=(30, len(row))) * step:
            assert scores(loss, row + change, y, torch.float64)["loss"] >= best - 1e-12


def test_guesses_are_what_their_names_say() -> None:
    """Shares, mean, median and log odds by hand; a class or value without rows gives no infinite loss."""
    logits = frequencies(np.array([0] * 7 + [1] * 2 + [3] * 5), 4)
    assert np.exp(logits) == pytest.approx(np.array([7, 2, 0.5, 5]) / 14.5)
    ones = share(np.ones((10, 1)), 1)
    assert 1 / (1 + np.exp(-ones[0])) == pytest.approx(0.95)
    assert huber_location(np.array([[0.0], [0.2], [9.0]]), 1) == pytest.approx([0.6])
    crossed = replace(LOSSES["cross_entropy"], metrics=metrics_of("classification", 4))
    majority = scores(crossed, logits, np.array([0, 0, 1, 2]), torch.float64)
    assert majority["accuracy"] == 0.5
    squared = replace(LOSSES["mse"], metrics=metrics_of("regression"))
    assert scores(squared, np.array([1.0]), np.array([[0.0], [5.0]]), torch.float64)["r2"] == pytest.approx(
        1 - 8.5 / 6.25
    )


def test_a_loss_of_the_users_gets_its_own_constant() -> None:
    """L-BFGS finds the log-mean of a squared log error, which no named loss has."""
    loss = Loss("mine", lambda o, y: ((o - torch.log(y)) ** 2).mean(), "regression")
    row = of_any_loss(loss, REAL, 2, torch.float64)
    assert row == pytest.approx(np.log(REAL).mean(axis=0), abs=1e-5)
    asleep = Loss("nan", lambda o, y: (o * float("nan")).mean(), "regression")
    assert of_any_loss(asleep, REAL, 2, torch.float64) is None


def test_thin_classes_are_counted_by_part() -> None:
    """Classes below the limit are named with the part; a part without rows is not."""
    parts = [
        ("train", np.array([0] * 9 + [1] * 5)),
        ("test", np.array([0] * 6 + [1])),
        ("none", np.array([], int)),
    ]
    assert few_rows(parts, ("a", "b"), 5) == [("b", "test", 1)]
