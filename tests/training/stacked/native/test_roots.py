"""Square roots in machine code."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

pytest.importorskip("llvmlite", reason="machine code needs llvmlite")

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.training.stacked.native import ir, library, roots, target
from tests.helpers.native import number_by_number

SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1.0, -1.0, 4.0, 1e-40, -1e-40, 1e-45, 3.4e38, -3e38]


def compiled(lanes: int, element: str = "float") -> Callable[[np.ndarray], np.ndarray]:
    """The root of arrays whose length is a multiple of `lanes`."""
    return number_by_number(roots.square_root, lanes, element)


def apart(found: np.ndarray, x: np.ndarray) -> float:
    """Most units in the last place between roots and those of float64."""
    right = np.sqrt(x.astype(np.float64))
    distance = np.abs(found.astype(np.float64) - right) / np.spacing(right.astype(np.float32))
    return float(distance.max())


@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_one_unit_in_the_last_place(lanes: int) -> None:
    """Of every number from 1 to 4, of every subnormal one, and of some of each size."""
    root = compiled(lanes)
    all_of_two_sizes = np.arange(0x3F800000, 0x40800000, dtype=np.uint32)
    rng = np.random.default_rng(0)
    some = rng.integers(0x00800000, 0x7F800000, 1 << 21, dtype=np.uint32)
    ends = [np.arange(top - (1 << 12), top, dtype=np.uint32) for top in (0x7F800000, 0x00801000)]
    for bits in (all_of_two_sizes, np.arange(16, 1 << 23, dtype=np.uint32), some, *ends):
        for x in np.split(bits.view(np.float32), range(1 << 16, len(bits), 1 << 16)):
            assert apart(root(x), x) <= 1


@pytest.mark.parametrize("lanes", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("element", ["float", "double"])
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_special_values(lanes: int, element: str) -> None:
    """Zero keeps its sign, infinity stays, negative numbers have no root: in whatever lane, beside others."""
    kind = np.float32 if element == "float" else np.float64
    x = np.repeat(np.array(SPECIAL, dtype=kind), 17)[: 17 * len(SPECIAL) // 16 * 16]
    found, right = compiled(lanes, element)(x), np.sqrt(x)
    special = ~np.isfinite(right) | (right == 0)
    assert np.array_equal(found[special], right[special], equal_nan=True)
    assert np.array_equal(np.signbit(found[right == 0]), np.signbit(right[right == 0]))
    np.testing.assert_allclose(found[~special], right[~special], rtol=1.2e-7 if element == "float" else 0)


def test_the_same_whatever_the_lanes() -> None:
    """A root does not depend on how many others are found with it, nor on which."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 1 << 32, 1 << 18, dtype=np.uint64).astype(np.uint32).view(np.float32)
    first = compiled(1)(x).view(np.uint32)
    for lanes in (2, 4, 8, 16):
        again = compiled(lanes)(x).view(np.uint32)
        number = ~np.isnan(first.view(np.float32))
        assert np.array_equal(first[number], again[number])
        assert np.isnan(again.view(np.float32)[~number]).all()


@pytest.mark.parametrize("lanes", [1, 8])
def test_other_processors_take_their_own_instruction(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without AVX-512 the root is LLVM's, for which each processor has an instruction."""
    monkeypatch.setattr(target, "register_bytes", lambda: 32)
    code = ir.Code()
    roots.square_root(ir.Number(code, "%x", ir.Kind("float", lanes)))
    (line,) = code.lines
    assert "@llvm.sqrt." in line


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_updates_are_the_same_wherever_a_weight_lies(name: str) -> None:
    """A weight's update is the same bits in a whole vector and in what is left over behind the last one."""
    (rule, *_) = OPTIMIZERS[name].rules
    address, _ = library.update_function(rule, False, torch.float32, 2)
    update, generator = target.callable_at(address, 6), torch.Generator().manual_seed(0)
    matrices = [torch.rand(45, generator=generator) for _ in range(4)]
    columns = {"adam": [-0.01, 0.1, 0.9, 0.1, 1.5, 1e-8, 0.0], "rmsprop": [-0.01, 0.9, 0.1, 1e-8, 0.0]}
    given = torch.tensor(columns[name])
    at_once, one_by_one = ([m.clone() for m in matrices] for _ in range(2))

    def run(of: list[torch.Tensor], start: int, count: int) -> None:
        p, g, *state = (m.data_ptr() + 4 * start for m in of)
        update(p, g, given.data_ptr(), *state, count)

    run(at_once, 0, 45)
    for k in range(45):
        run(one_by_one, k, 1)
    for mine, theirs in zip(at_once, one_by_one, strict=True):
        assert torch.equal(mine, theirs)
