"""Vectors of which memory holds the first lanes alone: the last columns of a matrix, say ten of sixteen.

What is not there is neither read nor written; it counts as 0. Of ten numbers, one such vector does the work
of one of eight and one of two, where the processor can leave lanes out (AVX-512).
"""

from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Number, pieces


def widths_of(length: int, lanes: int, *, parts: bool) -> list[int]:
    """How many numbers each vector holds: full ones, then what is left, in one if vectors may be `parts`."""
    if not parts:
        return [width for _, width in pieces(length, lanes)]
    full, rest = divmod(length, lanes)
    return [lanes] * full + ([rest] if rest else [])


def lanes_of(width: int) -> int:
    """Lanes of the vector that holds so many numbers: the next power of two."""
    return 1 << (width - 1).bit_length()


def load_part(code: Code, pointer: str, element: str, width: int, lanes: int = 0) -> Number:
    """`width` numbers side by side in memory, in a vector of `lanes`, by default `lanes_of` so many."""
    kind = Kind(element, lanes or lanes_of(width))
    if kind.lanes == width:
        return code.load(pointer, kind)
    name, mask = f"@llvm.masked.load.{kind.suffix}.p0", _mask(width, kind.lanes)
    code.intrinsics.add(f"declare {kind} {name}(ptr, i32, <{kind.lanes} x i1>, {kind})")
    given = f"ptr {pointer}, i32 {BYTES[element]}, {mask}, {kind} zeroinitializer"
    return code.value(f"call {kind} {name}({given})", kind)


def store_part(code: Code, value: Number, pointer: str, width: int) -> None:
    """The first `width` lanes."""
    kind = value.kind
    if kind.lanes == width:
        code.store(value, pointer)
        return
    name, mask = f"@llvm.masked.store.{kind.suffix}.p0", _mask(width, kind.lanes)
    code.intrinsics.add(f"declare void {name}({kind}, ptr, i32, <{kind.lanes} x i1>)")
    code.do(f"call void {name}({value}, ptr {pointer}, i32 {BYTES[kind.element]}, {mask})")


def _mask(width: int, lanes: int) -> str:
    kept = ", ".join(f"i1 {'true' if lane < width else 'false'}" for lane in range(lanes))
    return f"<{lanes} x i1> <{kept}>"
