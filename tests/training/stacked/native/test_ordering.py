"""Machine code for operations that order numbers gives what torch gives, NaN and equal numbers included."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sweeper.data import disk
from sweeper.training.stacked.native.slot_program import SlotProgram, pass_layout
from sweeper.training.stacked.tape import Tape

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
OPERATIONS: dict[str, Callable[[Tensor], Sequence[Tensor]]] = {
    "argmax": lambda x: [x + 0, x.argmax(1), x.argmax(2, keepdim=True)],
    "sort": lambda x: [*x.sort(dim=1, stable=True), *x.sort(dim=2, stable=True)],
    "sort, descending": lambda x: x.sort(dim=1, descending=True, stable=True),
    "cumsum": lambda x: [x.nan_to_num(0, 0, 0).cumsum(1)],
    "cummax": lambda x: [*x.cummax(1), *x.cummax(2)],
    "cummin": lambda x: x.cummin(1),
    "flip": lambda x: [x.flip(1), x.flip(1, 2)],
}


def compiled(function: Callable[[Tensor], Sequence[Tensor]], x: Tensor) -> list[Tensor]:
    """What `function` of x, (rows, columns) with an axis of one slot in front, gives as machine code."""
    one, index = x[None].clone(), torch.arange(len(x))
    tape = Tape(lambda: [t.contiguous().clone() for t in function(one)], [one], keep=True)
    calls, inputs, results = tape.recorded
    program = SlotProgram(pass_layout([one], results, [], 0), calls, inputs)
    table, found = program.lines(1), [torch.empty_like(t) for t in results]
    program.write(table[0], found)
    program.rows(table, index, [[x]])
    program.run(table)
    return found


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
        for mine, theirs in zip(compiled(OPERATIONS[name], x), OPERATIONS[name](x[None]), strict=True):
            near = 1e-5 * (name == "cumsum")
            torch.testing.assert_close(mine, theirs, rtol=near, atol=near, equal_nan=True)
