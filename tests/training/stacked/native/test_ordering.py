"""Machine code for operations that order numbers gives what torch gives, NaN and equal numbers included."""

import importlib.util

import pytest
import torch

from sweeper.training.stacked.native.ordering import IN_ORDER
from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import Function, agrees, compiled, drawn

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
OPERATIONS: dict[str, Function] = {
    "argmax": lambda x: [x + 0, x.argmax(1), x.argmax(2, keepdim=True)],
    "argmin": lambda x: [x + 0, x.argmin(1), x.argmin(2, keepdim=True)],
    "sort": lambda x: [*x.sort(dim=1, stable=True), *x.sort(dim=2, stable=True)],
    "sort, few": lambda x: [*x[:, :IN_ORDER].sort(1), *x[:, -IN_ORDER:].sort(1, descending=True), *x.sort(2)],
    "sort, descending": lambda x: x.sort(dim=1, descending=True, stable=True),
    "cumsum": lambda x: [x.nan_to_num(0, 0, 0).cumsum(1)],
    "cummax": lambda x: [*x.cummax(1), *x.cummax(2)],
    "cummin": lambda x: x.cummin(1),
    "max": lambda x: [*x.max(1), *x.max(2, keepdim=True)],
    "min": lambda x: [*x.min(1, keepdim=True), *x.min(2)],
    "flip": lambda x: [x.flip(1), x.flip(1, 2)],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OPERATIONS)
def test_order_is_that_of_torch(name: str, dtype: torch.dtype) -> None:
    """Numbers and indices are equal, for a single row, odd lengths, ties, infinities and NaN."""
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((1, 1), (7, 2), (33, 1), (80, 3)):
        x = ((torch.randn(rows, columns, generator=generator) * 3).round() / 3).to(dtype)
        if rows > 1:
            x[2], x[4, 0], x[5, 0] = torch.nan, torch.inf, -torch.inf
        agrees(OPERATIONS[name], x, 1e-5 * (name == "cumsum"))


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [1, 2])
def test_an_order_that_torch_leaves_open_is_not_guessed(axis: int, descending: bool) -> None:
    """Of more than a few numbers equal ones come in an order that depends on the processor."""
    x = torch.relu(drawn(IN_ORDER + 1, IN_ORDER + 1))
    with pytest.raises(NotCompiled, match=r"^sorting more than 16 numbers without stable=True$"):
        compiled(lambda x: [*x.sort(axis, descending)], x)
    with pytest.raises(NotCompiled, match=r"^sorting more than 16 numbers"):
        compiled(lambda x: [x.argsort(axis, descending) + 0.0], x)
