"""Square roots, in float32 without the divider where AVX-512 gives an estimate of 1/√x to begin with.

A processor's divider takes 11 cycles for the roots of a vector and 9 for its quotients, one after the other;
by estimates the roots take 4, beside it. Update rules with a root and a quotient were bound by the divider.
"""

from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.lanes import narrowed, widened

ESTIMATES = {4: "128", 8: "256", 16: "512"}
"""Lanes for which there are instructions, and how many bits these are."""
KEEP, ITSELF, QUIET, NONE = 0, 1, 2, 3
"""What VFIXUPIMM makes of a lane: the result as it is, x, x as a quiet NaN, NaN."""
SPECIAL = (QUIET, QUIET, ITSELF, KEEP, NONE, ITSELF, NONE, KEEP)
"""Where x is a quiet NaN, another NaN, 0 of either sign, 1, −∞, ∞, negative, positive."""


def square_root(x: Number) -> Number:
    """√x to 1 unit in the last place; of any number the same whatever the lanes."""
    if x.kind.element != "float" or target.register_bytes() != 64:
        return x.code.call("sqrt", x)
    if x.kind.lanes not in ESTIMATES:
        return narrowed(square_root(widened(x, min(ESTIMATES))), x.kind)
    return _repaired(_improved(x, _estimate(x)), x)


def _improved(x: Number, estimate: Number) -> Number:
    """√x, from 1/√x to 14 bits, by one step of Newton's.

    With y = (1 + e)/√x, s = x·y is too large by the factor 1 + e, and (1 − s·y)/2 = −e − e²/2: what is left
    is 1.5·e² < 2⁻²⁷, and half of the error with which s was rounded.
    """
    code, s = x.code, x * estimate
    return code.fma(s, code.fma(-s, estimate * 0.5, 0.5), s)


def _estimate(x: Number) -> Number:
    """1/√x to 14 bits, also of subnormal numbers."""
    kind, bits = x.kind, max(x.kind.lanes, 8)
    name = f"@llvm.x86.avx512.rsqrt14.ps.{ESTIMATES[x.kind.lanes]}"
    x.code.intrinsics.add(f"declare {kind} {name}({kind}, {kind}, i{bits})")
    return x.code.value(f"call {kind} {name}({x}, {kind} zeroinitializer, i{bits} -1)", kind)


def _repaired(root: Number, x: Number) -> Number:
    """`root`, but what it must be where x is 0, negative or not finite."""
    kind, lanes, bits = x.kind, x.kind.lanes, max(x.kind.lanes, 8)
    table = x.code.like(sum(what << 4 * k for k, what in enumerate(SPECIAL)), kind.of("i32"))
    name = f"@llvm.x86.avx512.mask.fixupimm.ps.{ESTIMATES[lanes]}"
    kinds, more = f"{kind}, {kind}, {table.kind}, i32, i{bits}", f"i32 0, i{bits} -1"
    if lanes == max(ESTIMATES):  # which is also told how to round
        kinds, more = f"{kinds}, i32", f"{more}, i32 4"
    x.code.intrinsics.add(f"declare {kind} {name}({kinds})")
    return x.code.value(f"call {kind} {name}({root}, {x}, {table}, {more})", kind)
