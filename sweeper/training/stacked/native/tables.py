"""Functions of float32 by tables: in each of 32 intervals a polynomial, whose coefficients are looked up.

AVX-512 picks one of 32 numbers for every lane of a vector in one instruction, as fast as it multiplies; so
polynomials of few terms do, without exponentials and quotients. Other processors keep the formulas.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.lanes import narrowed, unless_rare, widened

INTERVALS, LANES = 32, 16
MAGIC = 1.5 * 2.0**23
"""Added to a number, it leaves the nearest whole number in the last bits."""


@dataclass(frozen=True)
class Table:
    """A function of sizes, from 0 on, in intervals around whole multiples of a width."""

    function: Callable[[float], float]
    width: float
    """Exact, as are its multiples."""
    degree: int
    beyond: float | None = None
    """What the function is from the last interval on, if that is a constant."""

    @property
    def last(self) -> float:
        """Middle of the last interval."""
        return (INTERVALS - 1) * self.width


def _upper(s: float) -> float:
    """Of the normal distribution, the part beyond s."""
    return math.erfc(s * math.sqrt(0.5)) / 2


def _upper_slope(s: float) -> float:
    """1 − Φ(s) − s·φ(s), the slope of GELU at −s."""
    return _upper(s) - s * math.exp(-s * s / 2) / math.sqrt(2 * math.pi)


GELU, GELU_SLOPE = Table(_upper, 3 / 16, 5, beyond=0.0), Table(_upper_slope, 3 / 16, 5)
TANH = Table(math.tanh, 9 / 32, 6, beyond=1.0)


def serve(x: Number) -> bool:
    """Whether there are tables for numbers of this type on this processor."""
    return x.kind.element == "float" and target.register_bytes() == 64


def gelu(x: Number) -> Number:
    """x·Φ(x), to 2.5 units in the last place down to −3, and to a millionth below, where 1 + erf is lost."""
    if x.kind.lanes != LANES:
        return narrowed(gelu(widened(x, LANES)), x.kind)
    upper = _looked_up(x.code.call("fabs", x), GELU)
    return x * x.compare("gt", 0.0).where(1.0 - upper, upper)


def gelu_slope(x: Number, formula: Callable[[Number], Number]) -> Number:
    """Φ(x) + x·φ(x), which beyond the table is `formula`."""
    if x.kind.lanes != LANES:
        return narrowed(gelu_slope(widened(x, LANES), formula), x.kind)
    size = x.code.call("fabs", x)
    upper, usual = _looked_up(size, GELU_SLOPE), size.compare("le", GELU_SLOPE.last)
    slope = x.compare("gt", 0.0).where(1.0 - upper, upper)
    return unless_rare(usual, slope, lambda: usual.where(slope, formula(x)))


def tanh(x: Number) -> Number:
    """tanh x"""
    if x.kind.lanes != LANES:
        return narrowed(tanh(widened(x, LANES)), x.kind)
    return x.code.call("copysign", _looked_up(x.code.call("fabs", x), TANH), x)


def _looked_up(size: Number, table: Table) -> Number:
    """The function of sizes up to the middle of the last interval, and there of those beyond; NaN of NaN."""
    code = size.code
    size = size.compare("gt", table.last).where(table.last, size)
    shifted = code.fma(size, 1 / table.width, MAGIC)
    rest = code.fma(shifted - MAGIC, -table.width, size)
    terms = [_picked(shifted, column) for column in _columns(table)]
    value = terms[-1]
    for term in terms[-2::-1]:
        value = code.fma(value, rest, term)
    return value


def _picked(shifted: Number, column: tuple[float, ...]) -> Number:
    """Of 32 numbers those that the last five bits of each lane say."""
    code, kind, index = shifted.code, shifted.kind, shifted.as_bits()
    low, high = (code.listed(column[k : k + LANES], kind) for k in (0, LANES))
    name = "@llvm.x86.avx512.vpermi2var.ps.512"
    code.intrinsics.add(f"declare {kind} {name}({kind}, {index.kind}, {kind})")
    return code.value(f"call {kind} {name}({low}, {index}, {high})", kind)


@cache
def _columns(table: Table) -> list[tuple[float, ...]]:
    """Coefficients of all intervals, lowest power first."""
    rows = [_fitted(table, k) for k in range(INTERVALS)]
    return list(zip(*rows, strict=True))


def _fitted(table: Table, number: int) -> list[float]:
    """Of the interval around a multiple of the width: through the roots of a Chebyshev polynomial.

    The first one has half of it alone, and a value at 0 that is exact.
    """
    half, middle, degree = table.width / 2, number * table.width, table.degree
    if number == INTERVALS - 1 and table.beyond is not None:
        return [table.beyond, *[0.0] * degree]
    count = degree + (number > 0)
    nodes = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    if number:
        at = nodes * half
        values = [table.function(middle + r) for r in at]
        return _powers(at, values, half)
    at, first = (nodes + 1) * half / 2, table.function(0.0)
    values = [(table.function(r) - first) / r for r in at]
    return [first, *_powers(at, values, half)]


def _powers(at: np.ndarray, values: Sequence[float], half: float) -> list[float]:
    """Coefficients of the polynomial through as many points as it has."""
    scaled = np.polynomial.polynomial.polyfit(at / half, values, len(at) - 1)
    found: list[float] = (scaled / half ** np.arange(len(at))).tolist()
    return found
