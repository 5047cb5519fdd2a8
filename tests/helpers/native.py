"""A function as machine code, for one slot."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.stacked.native import ir, target
from sweeper.training.stacked.native.layout import ARENA
from sweeper.training.stacked.native.operation import ALIGNED
from sweeper.training.stacked.native.slot_program import SlotProgram, pass_layout
from sweeper.training.stacked.tape import Tape

FOREIGN = 0x5A
"""Of this byte a number of 8 is 3e127, and one of 4 is 2e16."""
Function = Callable[[Tensor], Sequence[Tensor]]


def recorded(function: Function, x: Tensor) -> Tape:
    """The operations of `function` of x, (rows, columns), with an axis of one slot in front."""
    one = x[None].clone()
    return Tape(lambda: [t.contiguous().clone() for t in function(one)], [one], keep=True)


def compiled(function: Function, x: Tensor, given: Tensor | None = None) -> list[Tensor]:
    """What `function` of `given`, x by default, gives as machine code that was made for x.

    It runs twice, in memory that holds other numbers before: nothing is taken to be 0 there.
    """
    calls, inputs, results = recorded(function, x).recorded
    program = SlotProgram(pass_layout(inputs, results, [], 0), calls, inputs)
    table, found = program.lines(1), [torch.empty_like(t) for t in results]
    memory = torch.full((program.layout.arena + 2 * ALIGNED,), FOREIGN, dtype=torch.uint8)
    table[:, ARENA] = -(-memory.data_ptr() // ALIGNED) * ALIGNED
    program.write(table, [t[None] for t in found])
    program.rows(table, [[x if given is None else given]])
    for _ in range(2):
        program.run(table)
    return found


def number_by_number(
    formula: Callable[[ir.Number], ir.Number], lanes: int, element: str = "float"
) -> Callable[[np.ndarray], np.ndarray]:
    """`formula` of arrays whose length is a multiple of `lanes`."""

    def body(code: ir.Code) -> None:
        with code.loop(ir.Number(code, "%n", ir.Kind("i64")), lanes) as loop:
            x = code.load(code.address("%x", loop.index, element), ir.Kind(element, lanes))
            code.store(formula(x), code.address("%y", loop.index, element))

    text, needs = ir.function("f", ["ptr %x", "ptr %y", "i64 %n"], body)
    run = target.callable_at(target.compiled("\n".join([*sorted(needs), text]), ["f"])["f"], 3)

    def function(x: np.ndarray) -> np.ndarray:
        y = np.empty_like(x)
        run(x.ctypes.data, y.ctypes.data, len(x))
        return y

    return function


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def gradient_of(function: Callable[[Tensor], Tensor]) -> Function:
    """x -> the output of `function`, and the gradient of the sum of its cubes."""

    def both(x: Tensor) -> list[Tensor]:
        with torch.enable_grad():
            given = x.detach().clone().requires_grad_()
            out = function(given)
            (slope,) = torch.autograd.grad((out**3).sum(), given)
        return [out.detach(), slope]

    return both


def agrees(function: Function, x: Tensor, near: float = 0.0, *, equal_nan: bool = True) -> None:
    """Machine code of `function` gives what torch gives, up to `near`."""
    for mine, theirs in zip(compiled(function, x), function(x[None].clone()), strict=True):
        torch.testing.assert_close(mine, theirs.detach(), rtol=near, atol=near, equal_nan=equal_nan)


def rounded(x: Tensor) -> Tensor:
    """Whole numbers with the gradient of x."""
    return x - x.detach() + (x.detach() * 3).long().to(x.dtype)
