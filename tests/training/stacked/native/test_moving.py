"""Machine code for operations that move numbers gives what torch gives."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from sweeper.data import disk
from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import Function, agrees, compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
OPERATIONS: dict[str, Function] = {
    "pad": lambda x: [F.pad(x, (2, 1)), F.pad(x, (0, 0, 3, 0), value=0.5), F.pad(x, (1, 0, 0, 2))],
    "pad, cut": lambda x: [F.pad(x, (0, -1)), F.pad(x, (-1, 2, 1, -2), value=-3.0)],
    "repeat": lambda x: [x.repeat(1, 2, 3), x.repeat(1, 1, 1), x[:, :, None].repeat(1, 1, 4, 2)],
    "repeat, new axes": lambda x: [x[0].repeat(1, 3, 2, 1)],
    "roll": lambda x: [x.roll(1, 1), x.roll(-2, 2), x.roll((3, 1), (1, 2)), x.roll(0, 1)],
    "scatter": lambda x: [
        torch.zeros_like(x).scatter(2, x.argmax(2, keepdim=True), x.amax(2, keepdim=True)),
        x.scatter(2, x.argmin(2, keepdim=True), 1.5),
        x.scatter(1, x.argmin(1, keepdim=True) * 0 + 2, x[:, :1] * 2),
    ],
    "channels": lambda x: [torch._prelu_kernel(x, x[:, :1].expand_as(x).contiguous())],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", OPERATIONS)
def test_numbers_lie_where_torch_puts_them(
    name: str, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal numbers at equal places, for odd lengths and the lengths of vectors."""
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((7, 5), (16, 8), (33, 3)):
        x = torch.randn(rows, columns, generator=generator, dtype=dtype)
        agrees(OPERATIONS[name], x, equal_nan=False)


def test_a_roll_of_all_numbers_is_refused() -> None:
    """It goes over the ends of rows."""
    with pytest.raises(NotCompiled, match="roll"):
        compiled(lambda x: [x.roll(1)], torch.ones(3, 4))
