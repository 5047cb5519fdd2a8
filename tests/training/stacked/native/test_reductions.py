"""Sums and largest values over long axes, which are folded in blocks, against torch."""

from collections.abc import Callable

import pytest
import torch
from native import compiled
from torch import Tensor

from sweeper.training.stacked.native.products import BLOCK

LENGTHS = [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 5]
SHAPES = {
    "columns": lambda length: ((length, 19), 1),
    "one column": lambda length: ((length, 1), 1),
    "rows": lambda length: ((3, length), 2),
    "planes": lambda length: ((length, 3, 5), (1, 2)),
    "outer and inner": lambda length: ((length, 4, 6), (1, 3)),
    "middle": lambda length: ((2, length, 5), 2),
}
"""Name -> (shape, axes that go, counted with the trial's) for a length."""
FOLDS: dict[str, Callable[[Tensor, int | tuple[int, ...]], Tensor]] = {
    "sum": lambda x, axes: x.sum(axes),
    "mean": lambda x, axes: x.mean(axes),
    "largest": lambda x, axes: x.amax(axes),
    "norm": lambda x, axes: torch.linalg.vector_norm(x, 2, axes),
}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fold", FOLDS)
def test_every_number_of_an_axis_counts_once(length: int, shape: str, fold: str) -> None:
    """Whatever is left of an axis after whole blocks, and wherever it lies."""
    sizes, axes = SHAPES[shape](length)
    x = torch.randn(*sizes, dtype=torch.float64)
    (found,) = compiled(lambda x: [FOLDS[fold](x, axes)], x)
    torch.testing.assert_close(found, FOLDS[fold](x[None], axes), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("axis", [1, 2])
def test_every_number_of_a_softmax_counts_once(length: int, axis: int) -> None:
    """What is folded along an axis and then used along it, as long as that may be."""
    x = torch.randn(*((length, 19) if axis == 1 else (19, length)), dtype=torch.float64)
    (found,) = compiled(lambda x: [torch.log_softmax(x, axis)], x)
    torch.testing.assert_close(found, torch.log_softmax(x[None], axis), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", ["columns", "planes", "outer and inner", "middle"])
def test_errors_of_rounding_do_not_grow_with_a_sum(shape: str) -> None:
    """Over 60,000 numbers in single precision that all have one sign: a gradient of biases, say."""
    sizes, axes = SHAPES[shape](60_000)
    x = torch.rand(*sizes)
    (found,) = compiled(lambda x: [x.sum(axes)], x)
    right = x[None].double().sum(axes)
    assert float((found.double() / right - 1).abs().max()) < 1e-6
