"""Elementary functions in machine code."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="machine code needs llvmlite")

from sweeper.training.stacked.native import mathematics, target, trigonometry
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
    kind = ELEMENTS[element]
    x = arguments(kind)
    if lanes == "all":
        lanes = target.register_bytes() // x.itemsize
    with np.errstate(all="ignore"):
        right = exact(name, x)
        rounded = right.astype(kind)
        found = compiled(name, element, int(lanes))(x)
        finite = np.isfinite(rounded)
        assert np.array_equal(found[~finite], rounded[~finite], equal_nan=True)
        apart = np.abs(found[finite].astype(Long) - right[finite]) / np.spacing(np.abs(rounded[finite]))
    assert apart.max() <= 2
