"""Inputs that are more than one array: read, checked, and standardized each by itself."""

from typing import Any

import numpy as np
import pytest
import torch

from sweeper.data.load import load
from sweeper.data.splits import split
from sweeper.errors import DataError

N = 12
GENERATOR = np.random.default_rng(0)
NUMBERS = GENERATOR.normal(3, 2, (N, 3))
CODES = GENERATOR.integers(0, 5, (N, 4))
MASK = CODES > 1
Y = np.arange(N) % 3


def loaded(found: Any) -> Any:
    """What a data function gave, as data."""
    return load(lambda: found, loss_task="classification")


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, lambda array: array.tolist()])
def test_integers_among_several_are_codes_and_truth_values_masks(kind: Any) -> None:
    """Numbers are real, codes int64, masks truth values, whatever the arrays are."""
    data = loaded(({"numbers": kind(NUMBERS), "codes": kind(CODES), "mask": kind(MASK)}, Y))
    assert {name: str(array.dtype) for name, array in data.inputs.items()} == {
        "numbers": "float64",
        "codes": "int64",
        "mask": "bool",
    }
    assert data.rows == N
    assert data.has_real_inputs


def test_real_inputs_are_standardized_by_themselves_and_codes_stay() -> None:
    """Mean 0 and deviation 1 on the training rows; a tuple stays a tuple."""
    data = loaded(((NUMBERS, CODES), Y))
    parts = split(data, (0.5, 0.25, 0.25), seed=0, test_seed=0, standardize=True)
    assert isinstance(parts.x_train, tuple)
    assert np.allclose(parts.x_train[0].mean(axis=0), 0)
    assert np.allclose(parts.x_train[0].std(axis=0), 1)
    every = np.concatenate([parts.x_train[1], parts.x_validation[1], parts.x_test[1]])
    assert sorted(map(tuple, every)) == sorted(map(tuple, CODES))


def test_short_numbers_are_kept_short_and_split_as_long_ones() -> None:
    """float32 and grey values take their own memory; standardized they are those of float64 to the bit."""
    grey = GENERATOR.integers(0, 255, (N, 3)).astype(np.uint8)
    for short in (NUMBERS.astype(np.float32), grey):
        kept, long = loaded((short, Y)), loaded((short.astype(np.float64), Y))
        assert kept.inputs.dtype == short.dtype
        mine, theirs = (
            split(one, (0.5, 0.25, 0.25), seed=0, test_seed=0, standardize=True) for one in (kept, long)
        )
        assert mine.x_train.tolist() == theirs.x_train.tolist()


def test_a_tuple_of_as_many_things_as_targets_is_one_array() -> None:
    """Rows may come in a tuple."""
    assert loaded((tuple(NUMBERS.tolist()), Y)).inputs.tolist() == NUMBERS.tolist()


PARTS = {"train": ({"a": NUMBERS, "b": CODES}, Y), "validation": ({"a": NUMBERS, "b": CODES}, Y)}


def test_parts_of_several_inputs() -> None:
    """Each input of all parts stands one below the other."""
    data = loaded(PARTS)
    assert data.inputs["b"].shape == (2 * N, 4)
    assert data.fixed["validation"].tolist() == list(range(N, 2 * N))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (({"a": NUMBERS, "b": CODES[:5]}, Y), "5 rows of inputs['b'] and 12 of targets"),
        (({"a": NUMBERS, "b": ["word"] * N}, Y), "inputs['b'] must be numbers, found words"),
        (({3: NUMBERS}, Y), "a dict of inputs needs words as keys; found: 3"),
        ((({}, CODES), Y), "a dict of inputs[0] needs words as keys; found: nothing"),
        (({"a": np.where(NUMBERS > 4, np.nan, NUMBERS)}, Y), "inputs['a'] of row"),
        ({**PARTS, "test": ({"a": NUMBERS}, Y)}, "part 'test' has other inputs than part 'train'"),
        (
            {**PARTS, "test": ({"a": NUMBERS, "b": CODES[:, :2]}, Y)},
            "part 'test' has rows of another shape than part 'train'",
        ),
        (
            {**PARTS, "test": ({"a": NUMBERS, "b": CODES / 2}, Y)},
            "part 'test' has another type of values than part 'train'",
        ),
        (
            {**PARTS, "test": ({"a": NUMBERS[:3], "b": CODES}, Y)},
            "part 'test' has 3 rows of inputs['a'] and 12 of targets",
        ),
    ],
)
def test_faults_name_the_input(found: Any, words: str) -> None:
    """One sentence says which of the inputs is wrong, and how."""
    with pytest.raises(DataError, match="<lambda>") as caught:
        loaded(found)
    assert words in str(caught.value)
