"""What special numbers become, 0, infinities and NaN, by one instruction of AVX-512: VFIXUPIMM."""

import math
from collections.abc import Sequence
from typing import Any

from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.ir import Number

BITS = {"float": {4: 128, 8: 256, 16: 512}, "double": {2: 128, 4: 256, 8: 512}}
"""Lanes for which there is an instruction, and how many bits these are."""
KEEP, ITSELF, QUIET, NONE, ZERO, MOST, LEAST = 0, 1, 2, 3, 8, 14, 15
"""What it makes of a lane: the result as it is, x, x as a quiet NaN, NaN, 0, the largest number, the least.

A table of these holds one each for where x is a quiet NaN, another NaN, 0 of either sign, 1, −∞, ∞, negative
and positive.
"""
FINITE = (ZERO, ZERO, KEEP, KEEP, LEAST, MOST, KEEP, KEEP)
"""As `nan_to_num` has it."""
LARGEST = {"float": 3.4028234663852886e38, "double": 1.7976931348623157e308}


def can_be_fixed(x: Number) -> bool:
    """Whether there is an instruction for as many numbers."""
    return x.kind.lanes in BITS.get(x.kind.element, ()) and target.register_bytes() == 64


def fixed(result: Number, x: Number, table: Sequence[int]) -> Number:
    """`result`, but what `table` says where x is special."""
    kind, lanes, width = x.kind, x.kind.lanes, max(x.kind.lanes, 8)
    bits, suffix = BITS[kind.element][lanes], "ps" if kind.element == "float" else "pd"
    entries = x.code.like(sum(what << 4 * k for k, what in enumerate(table)), kind.of(kind.bits))
    name = f"@llvm.x86.avx512.mask.fixupimm.{suffix}.{bits}"
    kinds, more = f"{kind}, {kind}, {entries.kind}, i32, i{width}", f"i32 0, i{width} -1"
    if bits == 512:  # which is also told how to round
        kinds, more = f"{kinds}, i32", f"{more}, i32 4"
    x.code.intrinsics.add(f"declare {kind} {name}({kinds})")
    return x.code.value(f"call {kind} {name}({result}, {x}, {entries}, {more})", kind)


def nan_to_num(x: Number, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Number:
    """x, with numbers for what is none: 0 for NaN and the largest for infinities, unless others are given."""
    if (nan or 0.0, posinf, neginf) == (0.0, None, None) and can_be_fixed(x):
        return fixed(x, x, FINITE)
    most = LARGEST[x.kind.element]
    value = x.compare("eq", math.inf).where(most if posinf is None else posinf, x)
    value = x.compare("eq", -math.inf).where(-most if neginf is None else neginf, value)
    return x.compare("ne", x).where(nan or 0.0, value)
