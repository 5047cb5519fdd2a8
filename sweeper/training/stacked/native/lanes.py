"""Lanes of a vector: more of them, fewer of them, and those that need another way."""

from collections.abc import Callable, Sequence

from sweeper.training.stacked.native.ir import Kind, Number


def widened(x: Number, lanes: int) -> Number:
    """In the first of so many lanes; those behind repeat the last number."""
    if x.kind.lanes == 1:
        return x.code.spread(x, lanes)
    return _picked(x, [min(k, x.kind.lanes - 1) for k in range(lanes)])


def narrowed(x: Number, kind: Kind) -> Number:
    """The first lanes."""
    if kind.lanes == 1:
        return x.code.value(f"extractelement {x}, i64 0", kind)
    return _picked(x, range(kind.lanes))


def _picked(x: Number, lanes: Sequence[int]) -> Number:
    picked = ", ".join(f"i32 {k}" for k in lanes)
    kind = Kind(x.kind.element, len(lanes))
    return x.code.value(f"shufflevector {x}, {x.kind} poison, <{len(lanes)} x i32> <{picked}>", kind)


def unless_rare(usual: Number, value: Number, rare: Callable[[], Number]) -> Number:
    """`value` if the mask `usual` holds in every lane, else what `rare` gives: by a branch."""
    code, lanes = value.code, value.kind.lanes
    if lanes > 1:
        bits = code.value(f"bitcast {usual} to i{lanes}", Kind(f"i{lanes}"))
        usual = code.value(f"icmp eq {bits}, -1", Kind("i1"))
    before, slow, after = code.block, code.name("rare"), code.name("end")
    code.do(f"br i1 {usual.text}, label %{after}, label %{slow}")
    code.begin(slow)
    other = rare()
    last = code.block
    code.do(f"br label %{after}")
    code.begin(after)
    return code.value(f"phi {value.kind} [ {value.text}, %{before} ], [ {other.text}, %{last} ]", value.kind)
