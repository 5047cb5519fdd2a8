"""Elementary functions in formulas without branches, to 2 units in the last place in both precisions.

Arguments beyond the range of results give 0 or infinity, NaN gives NaN. Sources: the argument reductions of
fdlibm (Sun 1993) and Cephes (Moshier 1989); polynomials of erf fitted for this module.
"""

import math
from collections.abc import Sequence

from sweeper.training.stacked.native import tables, target
from sweeper.training.stacked.native.erf import BEYOND, NEAR, SHIFT, SPLIT
from sweeper.training.stacked.native.ir import Number

MANTISSA = {"float": 23, "double": 52}
"""Bits behind the point."""
ONE = {"float": 0x3F800000, "double": 0x3FF0000000000000}
"""The bits of 1."""
SMALLEST = {"float": 2.0**-126, "double": 2.0**-1022}
"""Normal number."""
LN2 = {
    "float": (0.693359375, -2.12194440e-4),
    "double": (6.93147180369123816490e-01, 1.90821492927058770002e-10),
}
"""ln 2 in two parts, the first of few bits."""
RANGE = {"float": (-104.0, 89.0), "double": (-746.0, 710.0)}
"""Where exp is neither 0 nor infinite, and a little more."""
FLAT = {"float": -20.0, "double": -40.0}
"""Below it, expm1 is −1."""
EXP = {
    "float": (
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    ),
    "double": tuple(1 / math.factorial(k) for k in range(13, 1, -1)),
}
"""(eʳ − 1 − r) / r², highest power first."""
LOG = {
    "float": (0.24279078841, 0.28498786688, 0.40000972152, 0.66666662693),
    "double": (
        1.479819860511658591e-01,
        1.531383769920937332e-01,
        1.818357216161805012e-01,
        2.222219843214978396e-01,
        2.857142874366239149e-01,
        3.999999999940941908e-01,
        6.666666666666735130e-01,
    ),
}
SCALEF = {"float": ("ps", 16), "double": ("pd", 8)}
"""AVX-512's instruction for x·2ᵏ, and how many numbers it takes."""
ONE_FROM = 6.5
"""From there on, erf is 1."""
TANH = 0.625
"""Below it, tanh is a polynomial or a ratio of two."""


def polynomial(x: Number, coefficients: Sequence[float]) -> Number:
    """Highest power first."""
    value = x.code.like(coefficients[0], x.kind)
    for coefficient in coefficients[1:]:
        value = x.code.fma(value, x, coefficient)
    return value


def exp(x: Number) -> Number:
    """eˣ"""
    low, high = RANGE[x.kind.element]
    count, r = _reduced(x.compare("lt", low).where(low, x.compare("gt", high).where(high, x)))
    return _scaled(x.code.fma(r * r, polynomial(r, EXP[x.kind.element]), r) + 1.0, count)


def expm1(x: Number) -> Number:
    """eˣ − 1"""
    low, high = FLAT[x.kind.element], RANGE[x.kind.element][1]
    count, r = _reduced(x.compare("lt", low).where(low, x.compare("gt", high).where(high, x)))
    q = x.code.fma(r * r, polynomial(r, EXP[x.kind.element]), r)
    half = _two_to(count - 1.0)
    return x.compare("eq", 0.0).where(x, (x.code.fma(half, q, half - 0.5)) * 2.0)


def log(x: Number) -> Number:
    """ln x; −∞ at 0, NaN below."""
    element, code = x.kind.element, x.code
    digits, up = MANTISSA[element], 2.0 ** MANTISSA[element]
    tiny = x.compare("lt", SMALLEST[element])
    bits = tiny.where(x * up, x).as_bits()
    # The exponent for which the mantissa lies between √½ and √2.
    offset = {"float": 0x3F3504F3, "double": 0x3FE6A09E667F3BCD}[element]
    shifted = bits + (ONE[element] - offset)
    count = (
        _real(shifted >> digits, element)
        - float(ONE[element] >> digits)
        - tiny.where(code.like(float(digits), x.kind), 0.0)
    )
    m = ((shifted & ((1 << digits) - 1)) + offset).as_real(element)
    f = m - 1.0
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    r = z * polynomial(z, LOG[element])
    high, low = LN2[element]
    value = count * high - ((half - (s * (half + r) + count * low)) - f)
    value = x.compare("eq", math.inf).where(x, value)
    value = x.compare("eq", 0.0).where(-math.inf, value)
    return x.compare("ge", 0.0).where(value, math.nan)


def log1p(x: Number) -> Number:
    """ln(1 + x)"""
    u = x + 1.0
    lost = (x - (u - 1.0)) / u
    inside = u.compare("gt", 0.0) & u.compare("lt", math.inf)
    value = log(u) + inside.where(lost, 0.0)
    return x.compare("eq", 0.0).where(x, value)


def tanh(x: Number) -> Number:
    """tanh x"""
    if tables.serve(x):
        return tables.tanh(x)
    size, z = absolute(x), x * x
    if x.kind.element == "float":
        few = (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1)
        near = polynomial(z, few) * z
    else:
        p = (-9.64399179425052238628e-1, -9.92877231001918586564e1, -1.61468768441708447952e3)
        q = (1.0, 1.12811678491632931402e2, 2.23548839060100448583e3, 4.84406305325125486048e3)
        near = z * (polynomial(z, p) / polynomial(z, q))
    far = 1.0 - 2.0 / (exp(size + size) + 1.0)
    return signed(size.compare("lt", TANH).where(x.code.fma(near, size, size), far), x)


def sigmoid(x: Number) -> Number:
    """1 / (1 + e⁻ˣ)"""
    e = exp(-absolute(x))
    ratio = x.compare("ge", 0.0).where(1.0, e) / (e + 1.0)
    return x.compare("ge", 0.0).where(ratio, x.code.fma(-e, ratio, e))


def erf(x: Number, bell: Number | None = None) -> Number:
    """2/√π ∫ e^(−t²) from 0 to x; `bell`: e^(−x²), if it is known."""
    element, size = x.kind.element, absolute(x)
    near = x.code.fma(x, polynomial(x * x, NEAR[element]), x)
    size = size.compare("gt", ONE_FROM).where(ONE_FROM, size)  # powers stay normal numbers, which are fast
    far = 1.0 - (exp(-(size * size)) if bell is None else bell) * polynomial(
        (size - SHIFT) / (size + SHIFT), BEYOND[element]
    )
    return size.compare("lt", SPLIT).where(near, x.compare("eq", x).where(signed(far, x), x))


def absolute(x: Number) -> Number:
    """|x|, also of whole numbers."""
    if not x.kind.real:
        return x.compare("lt", 0).where(-x, x)
    return x.code.call("fabs", x)


def signed(size: Number, x: Number) -> Number:
    """`size` with the sign of x."""
    return x.code.call("copysign", size, x)


def _reduced(x: Number) -> tuple[Number, Number]:
    """k and r with x = k·ln 2 + r, |r| ≤ ln 2 / 2; k·`high` has no more bits than a number holds."""
    high, low = LN2[x.kind.element]
    count = _rounded(x * (1 / math.log(2)))
    return count, x.code.fma(count, -low, x.code.fma(count, -high, x))


def _rounded(x: Number) -> Number:
    """To the nearest whole number; small numbers alone."""
    magic = 1.5 * 2.0 ** MANTISSA[x.kind.element]
    return (x + magic) - magic


def _scaled(x: Number, count: Number) -> Number:
    """x·2ᵏ for a whole k, which may lie beyond the range of exponents: one rounding."""
    suffix, lanes = SCALEF[x.kind.element]
    if x.kind.lanes == lanes and target.register_bytes() == 64:
        name, kind = f"@llvm.x86.avx512.mask.scalef.{suffix}.512", x.kind
        x.code.intrinsics.add(f"declare {kind} {name}({kind}, {kind}, {kind}, i{lanes}, i32)")
        return x.code.value(f"call {kind} {name}({x}, {count}, {x}, i{lanes} -1, i32 4)", kind)
    half = _rounded(count * 0.5)
    return x * _two_to(half) * _two_to(count - half)


def _two_to(count: Number) -> Number:
    """2ᵏ for a whole k within the range of exponents."""
    element = count.kind.element
    digits = MANTISSA[element]
    bits = (count + 1.5 * 2.0**digits).as_bits()
    return ((bits << digits) + ONE[element]).as_real(element)


def _real(whole: Number, element: str) -> Number:
    """Small whole numbers, none negative, as real ones."""
    digits = MANTISSA[element]
    exponent = (ONE[element] >> digits) + digits
    return (whole | (exponent << digits)).as_real(element) - 2.0**digits
