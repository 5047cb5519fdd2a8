"""Columns that give the target of every row by themselves are told before training."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from sweeper.data import leaks as module
from sweeper.data.keys import Keys
from sweeper.data.leaks import CORRELATED, leaks
from sweeper.data.tables import read_frame

RNG = np.random.default_rng(0)
ROWS = 120
X = RNG.normal(size=ROWS)
CLASS = np.where(RNG.random(ROWS) < 0.3, "good", "bad")
PRICE = np.exp(RNG.normal(size=ROWS))


def leaking(target: Any, **columns: Any) -> list[str]:
    """Names of the columns that give the target away."""
    task = "classification" if target is CLASS or len(set(target)) < 5 else "regression"
    frame = pd.DataFrame({"x": X, **columns, "y": target})
    return [column.name for column in leaks(read_frame(frame, "y", Keys(), task))]


@pytest.mark.parametrize(
    "column",
    [
        np.where(CLASS == "good", 1.0, 0.0),  # the target as a number
        np.where(CLASS == "good", X + 10, X),  # a threshold tells it
        np.where(CLASS == "good", "paid", RNG.choice(["late", "never"], ROWS)),  # words of one class each
        np.where(CLASS == "good", np.nan, X),  # missing where it is good
        pd.Timestamp("2020-01-01") + pd.to_timedelta(np.where(CLASS == "good", 90, 0), "D"),  # days
    ],
)
def test_columns_that_tell_the_class_are_named(column: Any) -> None:
    """A copy, a threshold, categories, gaps, dates: each gives the class of every row."""
    assert leaking(CLASS, leak=column) == ["leak"]


@pytest.mark.parametrize(
    "column",
    [
        np.where(CLASS == "good", X + 2, X),  # a good input, and no more
        [f"shop {k // 2}" for k in range(ROWS)],  # nearly an id
        np.where(np.arange(ROWS) == 0, "bad", CLASS),  # wrong in a row
    ],
)
def test_other_columns_are_not(column: Any) -> None:
    """An overlap of two rows is enough, and values of few rows each tell nothing."""
    target = np.where(np.arange(ROWS) == 0, "good", CLASS)
    assert leaking(target, x2=column) == []


def test_three_classes_lie_in_a_stretch_each() -> None:
    """In the order of the column; two stretches of one class are no threshold between classes."""
    three = np.arange(ROWS) % 3
    assert leaking(three, leak=three * 5.0 + RNG.random(ROWS)) == ["leak"]
    assert leaking(np.arange(ROWS) // 30 % 3, x2=np.arange(ROWS) + RNG.random(ROWS)) == []


def test_real_targets_by_the_rank_correlation() -> None:
    """As scipy has it: a logarithm orders as the target does, one with a little noise does not."""
    noisy = np.log(PRICE) + RNG.normal(0, 0.05, ROWS)
    assert abs(spearmanr(noisy, PRICE)[0]) < CORRELATED
    assert leaking(PRICE, leak=-np.log(PRICE), x2=noisy) == ["leak"]


def test_the_order_of_the_rows_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large table some rows are looked at first; one that is sorted begins with one class alone."""
    monkeypatch.setattr(module, "QUICK", 20)
    target = np.sort(CLASS)
    assert leaking(target, leak=np.where(target == "good", 1.0, 0.0), x2=X**2) == ["leak"]


def test_few_rows_tell_nothing() -> None:
    """Two rows of one class among a hundred lie at an end by chance."""
    rare = np.where(np.arange(ROWS) < 2, "good", "bad")
    assert leaking(rare, x2=np.arange(ROWS) * 1.0) == []
