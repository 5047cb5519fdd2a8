"""Elementary functions in machine code."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("llvmlite", reason="machine code needs llvmlite")

from sweeper.training.stacked.native import formulas, mathematics, target, trigonometry
from tests.helpers.native import number_by_number

FUNCTIONS = {
    **dict.fromkeys(("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf"), mathematics),
    **dict.fromkeys(("sin", "cos"), trigonometry),
}
ELEMENTS: dict[str, Any] = {"float": np.float32, "double": np.float64}
Long = np.longdouble


def compiled(name: str, element: str, lanes: int) -> Callable[[np.ndarray], np.ndarray]:
    """A function of arrays whose length is a multiple of `lanes`."""
    return number_by_number(getattr(FUNCTIONS[name], name), lanes, element)


def exact(name: str, x: np.ndarray) -> np.ndarray:
    """In extended precision; of erf, Python's own in float64."""
    if name == "erf":
        return np.array([math.erf(v) for v in x.astype(float)], dtype=Long)
    wide = x.astype(Long)
    if name == "sigmoid":
        small = np.exp(-np.abs(wide))
        return np.where(wide >= 0, 1 / (1 + small), small / (1 + small))
    value: np.ndarray = getattr(np, name)(wide)
    return value


def arguments(kind: Any) -> np.ndarray:
    """Any bits, usual sizes, multiples of π/2 and what lies next to them, and special values."""
    rng = np.random.default_rng(0)
    whole = np.int32 if kind is np.float32 else np.int64
    bits = rng.integers(np.iinfo(whole).min, np.iinfo(whole).max, size=20000, dtype=whole).view(kind)
    usual = [rng.uniform(-a, a, 10000) for a in (2, 7, 120)] + [rng.standard_normal(4000) * 1e-3]
    turns = (rng.integers(0, 2**21, 4000) * (math.pi / 2)).astype(kind)
    usual += [turns, np.nextafter(turns, kind(0)), 2.0 ** rng.uniform(0, 24, 4000)]
    special = [*[0.0] * 4, 0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-40, -1e-40, 88.72, -103.9, 709.7]
    return np.concatenate([bits, *(u.astype(kind) for u in usual), np.array(special, dtype=kind)])


@pytest.mark.skipif(np.finfo(Long).nmant < 60, reason="needs numbers longer than float64 to compare with")
@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("lanes", [4, "all"])
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow):RuntimeWarning")
def test_two_units_in_the_last_place(name: str, element: str, lanes: int | str) -> None:
    """Over the whole range, 0, infinity and NaN where the exact value rounds to them; whole registers too."""
    size = np.dtype(ELEMENTS[element]).itemsize
    is_near(name, element, target.register_bytes() // size if lanes == "all" else int(lanes))


@pytest.mark.skipif(np.finfo(Long).nmant < 60, reason="needs numbers longer than float64 to compare with")
@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value|overflow):RuntimeWarning")
def test_narrow_registers_are_as_near(name: str, element: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What processors without AVX-512 compute, which others never do."""
    monkeypatch.setattr(target, "register_bytes", lambda: 32)
    is_near(name, element, 32 // np.dtype(ELEMENTS[element]).itemsize)


def test_gelu_on_narrow_registers_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function and its slope in float32, as they are computed without AVX-512."""
    monkeypatch.setattr(target, "register_bytes", lambda: 32)
    x = np.linspace(-9, 9, 4096, dtype=np.float32)
    given = torch.from_numpy(x).double().requires_grad_()
    value = torch.nn.functional.gelu(given)
    (slope,) = torch.autograd.grad(value.sum(), given)
    gelu, backward = (formulas.FORMULAS[name] for name in ("gelu", "gelu_backward"))
    found = number_by_number(gelu, 8)(x)
    np.testing.assert_allclose(found, value.detach().numpy(), atol=1e-6)
    found = number_by_number(lambda z: backward(z.code.like(1.0, z.kind), z), 8)(x)
    np.testing.assert_allclose(found, slope.numpy(), atol=1e-6)


def is_near(name: str, element: str, lanes: int) -> None:
    """At most two units in the last place."""
    kind = ELEMENTS[element]
    x = arguments(kind)
    with np.errstate(all="ignore"):
        right = exact(name, x)
        rounded = right.astype(kind)
        found = compiled(name, element, lanes)(x)
        finite = np.isfinite(rounded)
        assert np.array_equal(found[~finite], rounded[~finite], equal_nan=True)
        apart = np.abs(found[finite].astype(Long) - right[finite]) / np.spacing(np.abs(rounded[finite]))
    assert apart.max() <= 2
