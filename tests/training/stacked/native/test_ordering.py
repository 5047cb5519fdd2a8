"""Machine code for operations that order numbers gives what torch gives, NaN and equal numbers included."""

import importlib.util
from pathlib import Path

import pytest
import torch

from sweeper.data import disk
from tests.helpers.native import Function, agrees

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
OPERATIONS: dict[str, Function] = {
    "argmax": lambda x: [x + 0, x.argmax(1), x.argmax(2, keepdim=True)],
    "argmin": lambda x: [x + 0, x.argmin(1), x.argmin(2, keepdim=True)],
    "sort": lambda x: [*x.sort(dim=1, stable=True), *x.sort(dim=2, stable=True)],
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
def test_order_is_that_of_torch(
    name: str, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers and indices are equal, for a single row, odd lengths, ties, infinities and NaN."""
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((1, 1), (7, 2), (33, 1), (80, 3)):
        x = ((torch.randn(rows, columns, generator=generator) * 3).round() / 3).to(dtype)
        if rows > 1:
            x[2], x[4, 0], x[5, 0] = torch.nan, torch.inf, -torch.inf
        agrees(OPERATIONS[name], x, 1e-5 * (name == "cumsum"))
