"""Square roots, in float32 without the divider where AVX-512 gives an estimate of 1/√x to begin with.

A processor's divider takes 11 cycles for the roots of a vector and 9 for its quotients, one after the other;
by estimates the roots take 4, beside it. Update rules with a root and a quotient were bound by the divider.
"""

from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.lanes import narrowed, widened
from sweeper.training.stacked.native.specials import BITS, ITSELF, KEEP, NONE, QUIET, can_be_fixed, fixed

SPECIAL = (QUIET, QUIET, ITSELF, KEEP, NONE, ITSELF, NONE, KEEP)
"""What a root is of special numbers, see `fixed`."""


def square_root(x: Number) -> Number:
    """√x to 1 unit in the last place; of any number the same whatever the lanes."""
    if x.kind.element != "float" or target.register_bytes() != 64:
        return x.code.call("sqrt", x)
    if not can_be_fixed(x):
        return narrowed(square_root(widened(x, min(BITS["float"]))), x.kind)
    return fixed(_improved(x, _estimate(x)), x, SPECIAL)


def _improved(x: Number, estimate: Number) -> Number:
    """√x, from 1/√x to 14 bits, by one step of Newton's.

    With y = (1 + e)/√x, s = x·y is too large by the factor 1 + e, and (1 − s·y)/2 = −e − e²/2: what is left
    is 1.5·e² < 2⁻²⁷, and half of the error with which s was rounded.
    """
    code, s = x.code, x * estimate
    return code.fma(s, code.fma(-s, estimate * 0.5, 0.5), s)


def _estimate(x: Number) -> Number:
    """1/√x to 14 bits, also of subnormal numbers."""
    kind, bits, width = x.kind, max(x.kind.lanes, 8), BITS["float"][x.kind.lanes]
    name = f"@llvm.x86.avx512.rsqrt14.ps.{width}"
    x.code.intrinsics.add(f"declare {kind} {name}({kind}, {kind}, i{bits})")
    return x.code.value(f"call {kind} {name}({x}, {kind} zeroinitializer, i{bits} -1)", kind)
