"""Machine code at the edges of its operations: scratch memory, few rows, corners, NaN, parts of arrays."""

import importlib.util
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.native.layout import ARENA
from sweeper.training.stacked.native.operation import ALIGNED
from sweeper.training.stacked.native.program import drawn as drawn_first
from sweeper.training.stacked.native.slot_program import SlotProgram, pass_layout
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.training.stacked.tape import Tape
from tests.helpers.native import Function, agrees, compiled, drawn, gradient_of, recorded, rounded

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


def _attention(x: Tensor, keys: int) -> Tensor:
    q, k = x[0].split([x.shape[1] - keys, keys])
    return F.scaled_dot_product_attention(*(t.view(1, 1, len(t), -1) for t in (q, k, k.tanh())))


SCRATCH: dict[str, tuple[tuple[int, int], Callable[[Tensor], Tensor]]] = {
    "few columns": ((40, 40), lambda x: x @ x[:, :, :3]),
    "layer norm": ((200, 2), lambda x: F.layer_norm(x, (2,))),
    "attention": ((60, 8), lambda x: _attention(x, 20)),
    "attention, few keys": ((60, 32), lambda x: _attention(x, 3)),
    "attention, few rows": ((60, 2), lambda x: _attention(x, 56)),
    "convolution": (
        (3, 2 * 30),
        lambda x: F.conv1d(x.view(3, 2, 30), x.view(-1)[: 9 * 2].view(9, 2, 1))[None],
    ),
}


@pytest.mark.parametrize("name", SCRATCH)
def test_scratch_memory_is_large_enough(name: str) -> None:
    """Nothing is written behind the arena."""
    (rows, columns), function = SCRATCH[name]
    x = drawn(rows, columns)
    calls, inputs, results = recorded(gradient_of(function), x).recorded
    program = SlotProgram(pass_layout(inputs, results, [], 0), calls, inputs)
    memory = torch.full((program.layout.arena + 2**16,), 7, dtype=torch.uint8)
    start = -(-memory.data_ptr() // ALIGNED) * ALIGNED
    table, found = program.lines(1), [torch.empty_like(t) for t in results]
    table[:, ARENA] = start
    program.write(table, [t[None] for t in found])
    program.rows(table, [[x]])
    program.run(table)
    for mine, theirs in zip(found, gradient_of(function)(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs)
    assert (memory[start - memory.data_ptr() + program.layout.arena :] == 7).all()


BACKWARD: dict[str, Callable[[Tensor], Tensor]] = {
    "one gradient for all classes": lambda x: F.log_softmax(x, 2).sum(2),
    "layer norm over two axes": lambda x: F.layer_norm(x, x.shape[1:]),
    "overlapping means": lambda x: F.avg_pool2d(x[:, None], 3, 2),
    "one channel": lambda x: F.max_pool2d(F.avg_pool2d(x[0].view(-1, 1, 3, 6), 2, 1), 2, 1)[None],
    "one channel beyond the edge": lambda x: F.max_pool2d(x[0].view(-1, 1, 3, 6), 3, 2, 1)[None],
    "pictures on their side": lambda x: F.max_pool2d(x.transpose(1, 2).tanh(), 3, 2, 1),
    "a kernel that sees too little": lambda x: (
        F.conv1d(x[0, :, None, :1], x[0, :2, None, :5], padding=2)
        + F.conv1d(x[0, :, None, 1:2], x[0, :2, None, :3], padding=1)
    )[None],
    "of another scale": lambda x: F.scaled_dot_product_attention(
        x[:, None], x[:, None].sigmoid(), x[:, None], scale=0.7
    ),
    "fewer rows than keys, in order": lambda x: F.scaled_dot_product_attention(
        x[:, None, :4], x[:, None].sigmoid(), x[:, None], is_causal=True
    ),
    "fewer keys than rows, in order": lambda x: F.scaled_dot_product_attention(
        x[:, None], x[:, None, :4].sigmoid(), x[:, None, :4], is_causal=True
    ),
    "log sigmoid": F.logsigmoid,
    "powers": lambda x: (x + 9) ** -1 + (x + 9) ** 0.5 + x**4,
    "relu at zero": lambda x: torch.relu(rounded(x)) + x,
    "corners of a hard tangent": lambda x: F.hardtanh(rounded(x), -1.0, 2.0) + x,
    "corners of hard swish": lambda x: F.hardswish(rounded(x)) + F.hardsigmoid(rounded(x)) + x,
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
}


@pytest.mark.parametrize("name", BACKWARD)
def test_gradients_are_those_of_torch(name: str) -> None:
    """The output, and the gradient of the sum of its cubes."""
    agrees(gradient_of(BACKWARD[name]), drawn(13, 18), 1e-9)


FORWARD: dict[str, Function] = {
    "added to what is there": lambda x: [
        x.scatter_add(1, (x[:, :3].abs() * 2).long().clamp(max=9), x.tanh()[:, 3:9])
    ],
    "products with factors": lambda x: [
        torch.baddbmm(x[:, :13, :13], x, x.transpose(1, 2), alpha=0.5, beta=2.0)
    ],
    "no number on either side": lambda x: [
        torch.maximum(x, torch.where(x.tanh() > 0.5, torch.nan, -x)),
        torch.minimum(torch.where(x.tanh() > 0.5, torch.nan, -x), x),
        torch.relu(torch.where(x.tanh() > 0.5, torch.nan, -x)),
    ],
    "sums in another type": lambda x: [
        (x > 0).sum(1).double(),
        (x > 0).sum((0, 2)).double()[None],
        x.float().sum(1, dtype=torch.float64),
        (x * 5).long().sum(2).double(),
        (x > 0)[:, ::2].sum(1, keepdim=True) / x,
        (x * 5).long()[:, 1:].transpose(1, 2).float().mean(1, dtype=torch.float64),
        torch.linalg.vector_norm(x.float(), dim=1, dtype=torch.float64),
    ],
    "evaluated with a gain alone": lambda x: [
        F.batch_norm(x[0], x[0].mean(0), (x * x)[0].mean(0), weight=x[0, 0].tanh())[None]
    ],
}


@pytest.mark.parametrize("name", FORWARD)
def test_numbers_are_those_of_torch(name: str) -> None:
    """Or the program is refused."""
    x = drawn(13, 18)
    try:
        agrees(FORWARD[name], x, 1e-9)
    except NotCompiled:
        if name != "products with factors":
            raise


def test_a_program_runs_after_a_wrong_index() -> None:
    """What one pass notes is gone in the next."""
    x = torch.arange(4.0)[:, None].repeat(1, 5)
    calls, inputs, results = recorded(lambda x: [F.embedding(x[0, :, 0].long(), x[0])], x).recorded
    program = SlotProgram(pass_layout(inputs, results, [], 0), calls, inputs)
    table, found = program.lines(1), [torch.empty_like(t) for t in results]
    program.write(table, [t[None] for t in found])
    program.rows(table, [[x + 1]])
    with pytest.raises(IndexError):
        program.run(table)
    program.rows(table, [[x]])
    program.run(table)
    torch.testing.assert_close(found[0], x)


def test_rows_with_gaps_are_refused() -> None:
    """Machine code reads rows side by side."""
    x = drawn(6, 8)
    with pytest.raises(NotCompiled, match="gaps"):
        compiled(lambda x: [x.exp()], x, drawn(8, 6).T)


def run_on(program: SlotProgram, given: list[Tensor], like: list[Tensor]) -> list[Tensor]:
    """What a program gives of what it reads."""
    table, found = program.lines(1), [torch.empty_like(t) for t in like]
    program.read(table[0], given)
    program.write(table, [t[None] for t in found])
    program.run(table)
    return found


def test_what_is_read_and_left_may_be_part_of_others() -> None:
    """Arrays that begin within their memory, as inputs and as results."""
    one = drawn(2, 5, 4)[1:]
    tape = Tape(lambda: [one.exp()[:, 2:]], [one], keep=True)
    calls, inputs, results = tape.recorded
    program = SlotProgram(pass_layout([], results, inputs, 0), calls, inputs)
    other = drawn(3, 5, 4, seed=1)[1:2]
    torch.testing.assert_close(run_on(program, [other[0]], results)[0], other.exp()[:, 2:])


def test_random_numbers_in_the_place_of_others_are_refused() -> None:
    """What is drawn before a pass begins may not overwrite what is computed in it."""
    calls, _, _ = recorded(lambda x: [(y := x * 2).exp() + y.normal_()], drawn(3, 4)).recorded
    with pytest.raises(NotCompiled, match="in the place of others"):
        drawn_first(calls)


@pytest.mark.parametrize("descending", [False, True])
def test_equal_numbers_stay_in_order(descending: bool) -> None:
    """Several that are none, too."""
    x = drawn(9, 2)
    x[[1, 2, 5, 8], 0], x[[0, 3, 7], 1] = torch.nan, 1.5
    agrees(lambda x: [*x.sort(dim=1, descending=descending, stable=True)], x)


def test_buffers_changed_twice_keep_both_changes() -> None:
    """Memory that is read from outside is written where it lies."""
    rows, buffer = drawn(1, 5, 4), drawn(1, 4, seed=2)
    tape = Tape(lambda: [buffer.mul_(0.9).add_(rows.sum(1)) * 2], [buffer, rows], keep=True)
    calls, inputs, results = tape.recorded
    program = SlotProgram(pass_layout([], results, inputs, 0), calls, inputs)
    x, mine = drawn(5, 4, seed=3), drawn(4, seed=4)
    wanted = 0.9 * mine + x.sum(0)
    found = run_on(program, [mine, x], results)
    torch.testing.assert_close(mine, wanted)
    torch.testing.assert_close(found[0][0], 2 * wanted)


def _changed_between(x: Tensor) -> list[Tensor]:
    y = x * 2
    before = y.exp()
    y[:, 1:3].mul_(3)
    return [before + y.exp(), before.sum(1)]


def test_the_same_of_other_numbers_is_computed_again() -> None:
    """An exponential before and after a part of its argument changed."""
    agrees(_changed_between, drawn(9, 5), 1e-9)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e25, 0.0), (1.0, 1e6)])
@pytest.mark.parametrize("axis", [1, 2])
def test_spreads_of_single_precision_are_added_in_double(scale: float, offset: float, axis: int) -> None:
    """As torch does: squares overflow where the spread does not, and a mean far from 0 leaves no digits."""
    x = (drawn(9, 33) * scale + offset).float()
    for mine, theirs in zip(compiled(lambda x: [x.std(axis)], x), [x[None].std(axis)], strict=True):
        assert torch.isfinite(theirs).all()
        torch.testing.assert_close(mine, theirs, rtol=3e-7, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("groups", [False, True])
def test_norms_of_what_overflows_are_not_numbers(dtype: torch.dtype, groups: bool) -> None:
    """As in torch, whose trainings diverge there: 0 would go on."""
    x = drawn(6, 16).to(dtype) * (1e30 if dtype == torch.float32 else 1e200)
    norm = gradient_of(lambda x: F.group_norm(x.reshape(-1, 8, 2), 2) if groups else F.layer_norm(x, (16,)))
    for mine, theirs in zip(compiled(norm, x), norm(x[None].clone()), strict=True):
        assert theirs.isnan().all()
        assert mine.isnan().all()


def test_bounds_that_are_not_numbers_give_none() -> None:
    """Of a number, not of a tensor."""
    agrees(lambda x: [x.clamp(min=math.nan), x.clamp(max=math.nan), x.clamp(-1.0, 1.0)], drawn(3, 9))
