"""A compiled pass computes nothing twice and joins loops; its numbers are those of torch all the same."""

import importlib.util
import random

import pytest
import torch
from torch import Tensor

from sweeper.training.stacked.native import simplify
from sweeper.training.stacked.native.pointwise import name_of
from sweeper.training.stacked.recording import storage_of
from tests.helpers.native import Function, compiled, recorded

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


def _changed_after_reading(x: Tensor) -> list[Tensor]:
    y = x.exp()
    before = y * 2
    y.mul_(5)
    return [before + y, y.sum(1)]


def _changed_in_part(x: Tensor) -> list[Tensor]:
    y = x * 2
    before = y + 1
    y[:, 1:3].mul_(3)
    return [before + y]


def _changed_twice(x: Tensor) -> list[Tensor]:
    y = x * 2
    y.add_(x)
    seen = y[:, 0] + 0
    y.mul_(x.tanh())
    return [y, seen]


def _of_a_view(x: Tensor) -> list[Tensor]:
    y = x.sigmoid()
    turned = y.transpose(1, 2)
    y.mul_(2)
    return [(turned + 1).contiguous(), (turned * turned).sum(2)]


PROGRAMS: dict[str, Function] = {
    "repeated": lambda x: [x.exp().sum(1), x.exp().sum(1) * x.exp().amax(1)],
    "one loop": lambda x: [((x * 2 + 1).tanh() * x - 3).abs()],
    "read by two": lambda x: [(y := x * 2) + 1, y.exp()],
    "of another size": lambda x: [x - (x.mean(1, keepdim=True) * 2).exp(), (x[:, :1] + 1) * x],
    "truth values": lambda x: [torch.where((x > 0).logical_not(), x * 2, x)],
    "of two precisions": lambda x: [(x.double() * 3 + 1).float() - x],
    "changed after reading": _changed_after_reading,
    "changed in part": _changed_in_part,
    "changed twice": _changed_twice,
    "of a view": _of_a_view,
    "few columns": lambda x: [x.transpose(1, 2) @ x[:, :, :2], x @ x[:, :3].transpose(1, 2)],
}


def agrees(function: Function, rows: int, columns: int) -> None:
    """What the machine code of a function gives is what torch gives."""
    x = torch.randn(rows, columns, generator=torch.Generator().manual_seed(1))
    for mine, theirs in zip(compiled(function, x), function(x[None].clone()), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", PROGRAMS)
def test_numbers_are_those_of_torch(name: str) -> None:
    """Whatever is left out, moved or joined."""
    agrees(PROGRAMS[name], 37, 18)


def random_program(seed: int) -> Function:
    """Calls that make, change, view, repeat and reduce arrays in any order."""

    def function(x: Tensor) -> list[Tensor]:
        rng, known = random.Random(seed), [x * 1]
        for _ in range(14):
            a, b = rng.choice(known), rng.choice(known)
            what = rng.randrange(8)
            if what == 0:
                known.append((a * 0.5).tanh() + b)
            elif what == 1:
                known.append(a * b)
            elif what == 2:
                a.mul_(0.5)
            elif what == 3:
                a.add_(b, alpha=0.1)
            elif what == 4:
                a[:, 1:4].sub_(0.25)
            elif what == 5:
                known.append(b.sum(1, keepdim=True) * 0.01 + a)
            elif what == 6:
                known.append(torch.where(a > b, a, b * 2))
            else:
                known += [a.tanh(), a.tanh().abs()]
        return known[1:] or known

    return function


@pytest.mark.parametrize("seed", range(12))
def test_any_program_agrees(seed: int) -> None:
    """Programs drawn at random, with arrays that are read before and after they are changed."""
    agrees(random_program(seed), 9, 5)


def test_nothing_is_computed_twice_and_loops_are_shared() -> None:
    """Of three exponentials of the same numbers one is left, and a chain of five calls is one loop."""
    calls, _, _ = recorded(PROGRAMS["repeated"], torch.randn(5, 3)).recorded
    new, _ = simplify.without_repeats(calls, ())
    assert [name_of(call.operation) for call in new].count("exp") == 1
    calls, _, results = recorded(PROGRAMS["one loop"], torch.randn(5, 3)).recorded
    (loop, *rest) = simplify.in_shared_loops(calls, {storage_of(t) for t in results})
    assert len(loop.calls) >= 5
    assert [name_of(unit.last.operation) for unit in rest] in ([], ["clone"])
