"""Vectors that memory holds in part: what is beyond is neither read nor written, and products are torch's."""

import ctypes
import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from native import compiled
from torch import Tensor

from sweeper.training.stacked.native import ir, target
from sweeper.training.stacked.native.parts import lanes_of, load_part, store_part, widths_of
from sweeper.training.stacked.native.products import Machine

BEYOND = 7.5
"""What lies behind the numbers."""


def copying(width: int, lanes: int, element: str) -> int:
    """The address of code that copies the part from x to y, and the whole vector to z."""

    def body(code: ir.Code) -> None:
        value = load_part(code, "%x", element, width, lanes)
        store_part(code, value, "%y", width)
        code.store(value, "%z")

    text, needs = ir.function("f", ["ptr %x", "ptr %y", "ptr %z"], body)
    return target.compiled("\n".join([*sorted(needs), text]), ["f"])["f"]


@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.parametrize("width", [1, 2, 3, 5, 7, 8])
def test_a_part_ends_where_it_ends(width: int, element: str) -> None:
    """Its numbers arrive, the others stay, and lanes beyond count as 0."""
    dtype = {"float": np.float32, "double": np.float64}[element]
    x, y, z = np.arange(1, 10, dtype=dtype), np.full(9, BEYOND, dtype), np.full(9, BEYOND, dtype)
    run = target.callable_at(copying(width, 8, element), 3)
    run(x.ctypes.data, y.ctypes.data, z.ctypes.data)
    assert y.tolist() == [*range(1, width + 1), *[BEYOND] * (9 - width)]
    assert z.tolist() == [*range(1, width + 1), *[0.0] * (8 - width), BEYOND]


def touch_the_end_of_memory() -> None:
    """Copy parts that lie just before memory that nobody may touch."""
    page = mmap.PAGESIZE
    room = mmap.mmap(-1, 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(room))
    library = ctypes.CDLL(None, use_errno=True)
    if library.mprotect(ctypes.c_void_p(start + page), ctypes.c_size_t(page), 0):
        raise OSError(ctypes.get_errno(), "mprotect")
    z = np.zeros(16, np.float32)
    for width in range(1, 16):
        end = start + page - 4 * width
        target.callable_at(copying(width, 16, "float"), 3)(end, end, z.ctypes.data)
    print("untouched")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mprotect"), reason="no mprotect here")
def test_memory_beyond_a_part_is_not_touched() -> None:
    """Not even read: the last row of a matrix may end a page, and the next one may not be there."""
    code = f"import sys; sys.path[:0] = {sys.path!r}; import test_parts; test_parts.touch_the_end_of_memory()"
    command = [sys.executable, "-c", code]
    here = Path(__file__).parent
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "untouched\n"), done.stderr[-500:]


@pytest.mark.parametrize("length", range(1, 70))
def test_vectors_cover_a_row_once(length: int) -> None:
    """In parts or in powers of two; no vector is empty, and none has more lanes than there are."""
    for parts in (False, True):
        widths = widths_of(length, 16, parts=parts)
        assert sum(widths) == length
        assert all(0 < width <= lanes_of(width) <= 16 for width in widths)
        assert len(widths) == -(-length // 16) or not parts


@pytest.mark.parametrize("registers", [16, 32])
def test_a_tile_fits_the_registers(registers: int) -> None:
    """Its sums, a row of B and an element of A, however many vectors wide it is."""
    machine = Machine(64, registers)
    for vectors in range(1, machine.vectors + 1):
        assert vectors * machine.rows(vectors) + vectors + 1 <= registers
        assert machine.rows(vectors) >= 6


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("columns", [*range(1, 20), 31, 33, 36, 63, 65, 74])
def test_products_of_any_width_are_those_of_torch(columns: int, dtype: torch.dtype) -> None:
    """Of few rows and many, with matrices turned and not, and added to a row or a column."""
    allowed = 1e-5 if dtype == torch.float32 else 1e-13
    for rows, inner in ((1, 10), (5, 3), (24, 17), (33, 64)):
        x = torch.randn(rows, inner, dtype=torch.float64)
        b = torch.randn(1, inner, columns, dtype=torch.float64)
        turned = b.transpose(1, 2).contiguous()
        row, column = torch.randn(1, 1, columns).double(), torch.randn(1, rows, 1).double()

        def every(
            x: Tensor, b: Tensor = b, turned: Tensor = turned, row: Tensor = row, column: Tensor = column
        ) -> list[Tensor]:
            b, turned, row, column = (each.to(x.dtype) for each in (b, turned, row, column))
            return [
                torch.bmm(x, b),
                torch.bmm(x, turned.transpose(1, 2)),
                torch.baddbmm(row, x, b),
                torch.baddbmm(column, x, b),
                torch.bmm(x.transpose(1, 2), torch.bmm(x, b)),
            ]

        found = compiled(every, x.to(dtype))
        for mine, right in zip(found, every(x[None]), strict=True):
            torch.testing.assert_close(mine.double(), right, rtol=allowed, atol=allowed * inner)
