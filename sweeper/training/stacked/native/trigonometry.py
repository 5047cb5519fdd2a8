"""Sine and cosine to 2 units in the last place in both precisions.

x = k·π/2 + r with π/2 in three parts of few bits, then polynomials of r for sine and cosine, of which the
last two bits of k pick one; float32 is computed in float64. Numbers too large for that (k beyond 2²⁰),
infinities and NaN, all rare, go to the C library one by one. Source: fdlibm (Sun 1993).
"""

import math

from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.lanes import unless_rare
from sweeper.training.stacked.native.mathematics import MANTISSA, absolute, polynomial

LARGEST = 2.0**20
"""Up to this k its products with the parts of π/2 are exact."""
PARTS = (1.57079632673412561417e00, 6.07710050630396597660e-11, 2.02226624871116645580e-21)
"""π/2 in parts of 33 bits."""
REST = 8.47842766036889956997e-32
"""What is left of π/2."""
CUBE = -1.66666666666666324348e-1
"""Of r³ in sin r."""
SINE = (
    1.58969099521155010221e-10,
    -2.50507602534068634195e-8,
    2.75573137070700676789e-6,
    -1.98412698298579493134e-4,
    8.33333333332248946124e-3,
)
"""(sin r − r − `CUBE`·r³) / r⁵ in powers of r², highest first."""
COSINE = (
    -1.13596475577881948265e-11,
    2.08757232129817482790e-9,
    -2.75573143513906633035e-7,
    2.48015872894767294178e-5,
    -1.38888888888741095749e-3,
    4.16666666666666019037e-2,
)
"""(cos r − 1 + r²/2) / r⁴ in powers of r², highest first."""


def sin(x: Number) -> Number:
    """sin x"""
    return x.compare("eq", 0.0).where(x, _turned(x, "sin", 0))  # −0 stays


def cos(x: Number) -> Number:
    """cos x = sin(x + π/2)"""
    return _turned(x, "cos", 1)


def _turned(x: Number, name: str, quarters: int) -> Number:
    """sin(x + quarters·π/2), which the C library calls `name`."""
    usual = absolute(x).compare("lt", LARGEST * math.pi / 2)
    value = _near(usual.where(x, 0.0).converted("double"), quarters).converted(x.kind.element)
    return unless_rare(usual, value, lambda: x.code.call(name, x))


def _near(x: Number, quarters: int) -> Number:
    magic = 1.5 * 2.0 ** MANTISSA["double"]  # rounds to whole numbers, which its last bits then are
    shifted = x * (2 / math.pi) + magic
    turn = shifted.as_bits() + quarters
    r, lost = _reduced(x, shifted - magic)
    value = (turn & 1).compare("ne", 0).where(_cosine(r, lost), _sine(r, lost))
    return (turn & 2).compare("ne", 0).where(-value, value)


def _reduced(x: Number, count: Number) -> tuple[Number, Number]:
    """x − count·π/2 as a number and what it lacks. Nothing may be fused: each step knows its rounding."""
    r, lost = x - count * PARTS[0], x.code.like(0.0, x.kind)
    for part in PARTS[1:]:
        w = count * part
        before, r = r, r - w
        lost = lost + ((before - r) - w)
    lost = lost - count * REST
    whole = r + lost
    return whole, (r - whole) + lost


def _sine(r: Number, lost: Number) -> Number:
    z = r * r
    cube = z * r
    return r - ((z * (lost * 0.5 - cube * polynomial(z, SINE)) - lost) - cube * CUBE)


def _cosine(r: Number, lost: Number) -> Number:
    z = r * r
    half = z * 0.5
    high = 1.0 - half
    return high + (((1.0 - high) - half) + (z * z * polynomial(z, COSINE) - r * lost))
