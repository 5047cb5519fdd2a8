"""Splits: who gets which row, and standardization fitted on train alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.data.data import Data
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts, split, split_rows, standardize_columns, with_rows_of

SHARES = (0.6, 0.2, 0.2)


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(10, 300),
    train=st.floats(0.01, 1),
    validation=st.floats(0.01, 1),
    test=st.floats(0, 1),
    seed=st.integers(0, 99),
    classes=st.integers(0, 12),
)
def test_parts_are_disjoint_and_complete(
    n: int, train: float, validation: float, test: float, seed: int, classes: int
) -> None:
    """Every row is in one part; train and validation are never empty, whatever the shares."""
    total = train + validation + test
    labels = np.arange(n) % classes if classes else None
    parts = split_rows(n, (train / total, validation / total, test / total), seed, 0, labels)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert len(parts[0]) >= 1
    assert len(parts[1]) >= 1
    assert (len(parts[2]) == 0) == (test / total == 0)  # the smallest shares round to none


def test_sizes_are_the_shares() -> None:
    """60, 20 and 20 of 100."""
    assert [len(part) for part in split_rows(100, SHARES, 0, 0, None)] == [60, 20, 20]
    assert [len(part) for part in split_rows(100, (0.5, 0.5, 0.0), 0, 0, None)] == [50, 50, 0]


def test_test_rows_never_move_with_the_seed() -> None:
    """A replicate draws train and validation anew, from the same rows; test rows are those of the study."""
    parts = [split_rows(200, SHARES, seed, 7, np.arange(200) % 3) for seed in range(5)]
    assert all(np.array_equal(part[2], parts[0][2]) for part in parts)
    assert not any(np.array_equal(part[1], parts[0][1]) for part in parts[1:])
    assert not np.array_equal(split_rows(200, SHARES, 0, 8, None)[2], parts[0][2])


def test_classes_have_their_share_in_every_part() -> None:
    """A class of 20 % is 20 % of train, validation and test; real targets are not stratified."""
    labels = np.repeat([0, 1], [160, 40])
    for part in split_rows(200, SHARES, 3, 5, labels):
        assert np.mean(labels[part]) == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("labels", [[0] * 29 + [1], list(range(20)) + [0] * 10])
def test_rare_classes_are_split_at_random(labels: list[int]) -> None:
    """A class with one row, or more classes than rows in a part, cannot be stratified and is no error."""
    parts = split_rows(30, SHARES, 0, 0, np.array(labels))
    assert sum(map(len, parts)) == 30


def data(inputs: np.ndarray, **kwargs: object) -> Data:
    """Regression data."""
    return Data(inputs, np.arange(len(inputs), dtype=float).reshape(-1, 1), None, **kwargs)


def test_standardization_is_fitted_on_train_alone() -> None:
    """Train has mean 0 and deviation 1; the others are scaled with the mean and deviation of train."""
    x = np.random.default_rng(0).normal(3, 5, (100, 4))
    x[::5] += 100
    plain = split(data(x), SHARES, seed=1, test_seed=2, standardize=False)
    scaled = split(data(x), SHARES, seed=1, test_seed=2, standardize=True)
    mean, std = plain.x_train.mean(axis=0), plain.x_train.std(axis=0)
    for part in ("x_train", "x_validation", "x_test"):
        assert np.allclose(getattr(scaled, part), (getattr(plain, part) - mean) / std)
    assert np.array_equal(scaled.y_train, plain.y_train)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9 + 0.3])
def test_constant_columns_are_only_centred(value: float) -> None:
    """Rounding gives 0.1, 0.1 … a deviation of 1e-17: dividing by it would blow up other rows."""
    train, other = standardize_columns(np.full((7, 1), value), np.full((2, 1), value + 1))
    assert np.abs(train).max() < 1e-6
    assert other == pytest.approx(1, abs=1e-6)


def test_targets_are_standardized_when_asked() -> None:
    """With mean and deviation of the training targets; classes never are."""
    parts = split(
        data(np.zeros((50, 1))), SHARES, seed=0, test_seed=0, standardize=True, standardize_target=True
    )
    assert parts.y_train.mean() == pytest.approx(0, abs=1e-12)
    assert parts.y_train.std() == pytest.approx(1)
    labelled = Data(np.zeros((50, 1)), np.arange(50) % 2, ("a", "b"))
    parts = split(labelled, SHARES, seed=0, test_seed=0, standardize=True, standardize_target=True)
    assert set(parts.y_train) == {0, 1}


def test_tokens_are_never_standardized() -> None:
    """Whole-number inputs of an integer type stay numbers of tokens."""
    tokens = np.arange(60).reshape(20, 3)
    parts = split(data(tokens), SHARES, seed=0, test_seed=0, standardize=True)
    assert parts.x_train.dtype == np.int64
    assert set(parts.x_train.ravel()) <= set(range(60))


def test_data_that_came_split_keep_their_split() -> None:
    """Whatever the seed and the shares."""
    fixed = {"train": np.arange(10), "validation": np.arange(10, 14), "test": np.arange(14, 20)}
    for seed in (0, 1):
        x = np.arange(20.0).reshape(20, 1)
        parts = split(data(x, fixed=fixed), SHARES, seed=seed, test_seed=0, standardize=False)
        assert parts.x_train.ravel().tolist() == list(range(10))
        assert parts.x_test.ravel().tolist() == list(range(14, 20))


def test_rows_that_are_known_are_those_that_would_be_drawn() -> None:
    """By seed; for other seeds and shares they are drawn."""
    shares, data = (0.6, 0.2, 0.2), load("wine", loss_task="classification")
    known = with_rows_of(data, shares, [3, 4], 3)
    assert sorted(seed for _, seed, _ in known.divided) == [3, 4]
    for seed, other in ((3, shares), (4, shares), (5, shares), (3, (0.5, 0.3, 0.2))):
        pair = (rows_of_parts(each, other, seed=seed, test_seed=3) for each in (data, known))
        assert all(np.array_equal(a, b) for a, b in zip(*pair, strict=True))


def test_data_that_cannot_be_split_come_back() -> None:
    """Who splits them says so."""
    data = replace(load("wine", loss_task="classification"), groups=np.zeros(178, dtype=np.int64))
    assert with_rows_of(data, (0.6, 0.2, 0.2), [0], 0) is data


def test_rows_that_are_remembered_are_those_that_are_drawn() -> None:
    """A split that is asked for again, with other labels or another seed, is that of its own arguments."""
    labels = [np.arange(60) % 3, np.arange(60) % 2, np.arange(60) % 3]
    for seed in (0, 1, 0):
        for each in labels:
            classes = ("a", "b", "c")[: int(each.max()) + 1]
            found = rows_of_parts(Data(np.zeros((60, 1)), each, classes), SHARES, seed=seed, test_seed=4)
            drawn = split_rows(60, SHARES, seed, 4, each)
            assert all(np.array_equal(*parts) for parts in zip(found, drawn, strict=True))
