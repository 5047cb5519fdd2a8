"""Numbers of sequences of unlike length are standardized without their padding, and masks not at all."""

from typing import Any

import numpy as np
import pytest

from sweeper.components.tree import Tree, leaves
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts, split

SHARES = (0.6, 0.2, 0.2)
DRAWN = np.random.default_rng(0)
LENGTHS = DRAWN.integers(2, 8, 120)
ROWS = [DRAWN.normal(5, [1, 3], size=(length, 2)) for length in LENGTHS]
REAL = np.arange(7) < LENGTHS[:, None]
PADDED = np.zeros((120, 7, 2))
PADDED[REAL] = np.concatenate(ROWS)
Y = DRAWN.normal(size=120)


def train_of(inputs: Any) -> Tree:
    """Inputs of the training rows."""
    data = load(lambda: (inputs, Y), loss_task="regression")
    return split(data, SHARES, seed=0, test_seed=0, standardize=True).x_train


ROWS_OF_TRAIN = rows_of_parts(load(lambda: (PADDED, Y), loss_task="regression"), SHARES, seed=0, test_seed=0)[
    0
]


@pytest.mark.parametrize(
    "inputs",
    [
        ROWS,
        (PADDED, LENGTHS),
        {"x": PADDED, "lengths": LENGTHS},
        (PADDED, REAL),
        (PADDED, REAL.astype(float)),
        {"mask": REAL.astype(np.float32), "x": PADDED},
    ],
    ids=["unlike rows", "lengths", "lengths by name", "mask", "mask of numbers", "mask by name"],
)
def test_each_column_is_standardized_over_steps_that_are_no_padding(inputs: Any) -> None:
    """Mean 0, deviation 1 of what is there in the training rows; padding stays 0, the mask as it is."""
    found = [np.asarray(leaf) for leaf in leaves(train_of(inputs))]
    (x,) = [leaf for leaf in found if leaf.ndim == 3]
    real, given = REAL[ROWS_OF_TRAIN], PADDED[ROWS_OF_TRAIN]
    flat = given[real]
    np.testing.assert_allclose(x[real], (flat - flat.mean(0)) / flat.std(0), atol=1e-12)
    assert not x[~real].any()
    for other in found:
        if other.shape == real.shape:
            assert np.array_equal(other, real)


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ((PADDED + 1, LENGTHS), "what is left out is not 0"),
        ((PADDED, LENGTHS[::-1]), "lengths of other rows"),
        ((PADDED, np.full(120, 7)), "no row is shorter"),
        (PADDED, "nothing says which"),
    ],
)
def test_other_inputs_are_standardized_by_step_and_column(inputs: Any, why: str) -> None:
    """As arrays of one length are."""
    x = np.asarray(leaves(train_of(inputs))[0])
    np.testing.assert_allclose(x.mean(0), 0, atol=1e-12, err_msg=why)


@pytest.mark.parametrize(("alone", "kept"), [(True, False), (False, True)])
def test_zeros_and_ones_stay_beside_other_inputs_alone(alone: bool, kept: bool) -> None:
    """The only input is standardized whatever it holds, as ever."""
    flags = (DRAWN.random((120, 3)) < 0.5).astype(float)
    found = np.asarray(leaves(train_of(flags if alone else (flags, PADDED[:, 0])))[0])
    assert np.array_equal(found, flags[ROWS_OF_TRAIN]) is kept
