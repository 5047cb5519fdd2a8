"""Matrix products of fixed sizes, in tiles that fill the vector registers.

C ← start + A·B. A tile of C stays in registers while the inner axis runs: rows of B are loaded as vectors,
elements of A are repeated over the lanes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Number
from sweeper.training.stacked.native.parts import lanes_of, load_part, store_part, widths_of
from sweeper.training.stacked.native.views import View, transposed

UNROLLED = 4
"""Steps of the inner axis in one round of its loop."""
FEWEST_TURNED = 4
"""Rows and columns of a block that is turned in registers, at least."""
BLOCK = 512
"""Most terms that are summed one after the other: errors of rounding grow with their number, and sums of
blocks are added, as BLAS and torch do it."""


@dataclass(frozen=True)
class Machine:
    """The vector registers."""

    bytes: int
    registers: int
    flushes: bool = False
    """Whether subnormal numbers cost it time, and can be made to count as zero."""

    def lanes(self, element: str) -> int:
        """Of one register; for truth values, as many as real numbers of 4 bytes."""
        return self.bytes // max(BYTES.get(element, 4), 4)

    @property
    def parts(self) -> bool:
        """Whether it can leave out lanes of a vector."""
        return self.bytes == 64

    @property
    def vectors(self) -> int:
        """Most vectors in a row of a tile of C."""
        return 4 if self.registers >= 32 else 2

    def rows(self, vectors: int) -> int:
        """Most rows of such a tile: sums, a row of B and an element of A fit the registers."""
        return 6 * self.vectors // vectors


def product(
    code: Code, machine: Machine, a: View, b: View, c: View, first: View | None, scratch: str
) -> None:
    """C ← A·B (+ `first`), matrices with two axes each; `first` is broadcast to C.

    `scratch`: memory for as many elements as B has, into which it is copied if its rows are not contiguous.
    """
    if c.strides[1] != 1 and c.sizes[1] > 1 and c.strides[0] in (0, 1):
        a, b, c, first = transposed(b), transposed(a), transposed(c), first and transposed(first)
    inner, columns = b.sizes
    if first is not None and first.strides[1] not in (0, 1) and columns > 1:
        copy_transposed(code, machine, first, c)  # vectors are loaded from it
        first = c
    if b.strides[1] != 1 and columns > 1:
        packed = View(scratch, 0, (inner, columns), (columns, 1), b.element)
        copy_transposed(code, machine, b, packed)
        b = packed
    blocks, rest = divmod(inner, BLOCK)
    if blocks == 0:
        _block_of(code, machine, a, b, c, first)
        return
    _block_of(code, machine, *_inner(code, a, b, code.whole(0), BLOCK), c, first)
    if blocks > 1:
        with code.loop(blocks, 1, 1) as loop:
            _block_of(code, machine, *_inner(code, a, b, loop.index * BLOCK, BLOCK), c, None, adds=True)
    if rest:
        _block_of(code, machine, *_inner(code, a, b, code.whole(blocks * BLOCK), rest), c, None, adds=True)


def _inner(code: Code, a: View, b: View, start: Number, length: int) -> tuple[View, View]:
    """So many steps of the inner axis from `start` on."""
    at_a, at_b = _at(code, a, code.whole(0), start), _at(code, b, start, code.whole(0))
    return (
        replace(a, base=at_a, offset=0, sizes=(a.sizes[0], length)),
        replace(b, base=at_b, offset=0, sizes=(length, b.sizes[1])),
    )


def _block_of(
    code: Code, machine: Machine, a: View, b: View, c: View, first: View | None, *, adds: bool = False
) -> None:
    """C ← A·B (+ `first`), or C += A·B; rows of B and C are contiguous."""
    columns, lanes = b.sizes[1], machine.lanes(c.element)
    made = _Product(code, a, b, c, first, adds)
    for start, count, widths in _chunks(columns, lanes, machine):
        most = machine.rows(len(widths))
        if count > 1:
            with code.loop(count) as loop:
                made.columns(most, loop.index * sum(widths), start, widths)
        else:
            made.columns(most, code.whole(0), start, widths)


def narrow_product(code: Code, machine: Machine, a: View, b: View, c: View, scratch: str) -> None:
    """C ← A·B as Cᵀ ← Bᵀ·Aᵀ, then turned, where C has too few columns for a register, and rows enough.

    `scratch`: memory for as many elements as A and C have.
    """
    if 2 * c.sizes[1] > machine.lanes(c.element) or c.sizes[0] < machine.lanes(c.element):
        product(code, machine, a, b, c, None, scratch)
        return
    rows, columns = c.sizes
    made = View(scratch, 0, (columns, rows), (rows, 1), c.element)
    room = code.address(scratch, rows * columns, c.in_memory)
    product(code, machine, transposed(b), transposed(a), made, None, room)
    copy_transposed(code, machine, transposed(made), c)


def _chunks(columns: int, lanes: int, machine: Machine) -> list[tuple[int, int, tuple[int, ...]]]:
    """(first column, how many alike, widths of their vectors)."""
    vectors = machine.vectors
    wide = lanes * vectors
    count, rest = divmod(columns, wide)
    found: list[tuple[int, int, tuple[int, ...]]] = [(0, count, (lanes,) * vectors)] if count else []
    widths = tuple(widths_of(rest, lanes, parts=machine.parts))
    for at in range(0, len(widths), vectors):
        some = widths[at : at + vectors]
        found.append((count * wide + sum(widths[:at]), 1, some))
    return found


def _heights(rows: int, most: int) -> list[tuple[int, int]]:
    """(rows of a tile, how many such tiles): as even as can be."""
    tiles = -(-rows // most)
    low, more = divmod(rows, tiles)
    return [(height, count) for height, count in ((low + 1, more), (low, tiles - more)) if count]


@dataclass(frozen=True)
class _Tile:
    """Part of C that is held in registers: `height` rows of vectors that lie side by side."""

    row: Number
    height: int
    column: Number
    widths: Sequence[int]
    """Numbers in each vector of a row"""

    @property
    def vectors(self) -> list[tuple[int, int]]:
        """(how far from the tile's first column, width) of each vector of a row."""
        return [(sum(self.widths[:v]), width) for v, width in enumerate(self.widths)]


@dataclass(frozen=True)
class _Product:
    """Writes the code of C ← `first` + A·B, or of C += A·B."""

    code: Code
    a: View
    b: View
    c: View
    first: View | None
    adds: bool = False
    """To what C holds."""

    def columns(self, most: int, shift: Number, start: int, widths: Sequence[int]) -> None:
        """All rows of the columns that begin at `shift` + `start`, `most` rows a tile."""
        code, row = self.code, 0
        for height, count in _heights(self.c.sizes[0], most):
            if count > 1:
                with code.loop(row + height * count, height, row) as loop:
                    self.tile(_Tile(loop.index, height, shift + start, widths))
            else:
                self.tile(_Tile(code.whole(row), height, shift + start, widths))
            row += height * count

    def tile(self, tile: _Tile) -> None:
        """One tile of C, from its first sums to memory."""
        code, inner, zero = self.code, self.a.sizes[1], self.code.whole(0)
        starts = _at(code, self.a, tile.row, zero), _at(code, self.b, zero, tile.column)
        at_c = _at(code, self.c, tile.row, tile.column)
        sums, done, rounds = self.initial_sums(tile), 0, inner // UNROLLED
        if rounds > 1:
            done = rounds * UNROLLED
            with code.loop(done, UNROLLED) as loop:
                carried = loop.carry(sums)
                loop.set(self.accumulated(tile, starts, loop.index, UNROLLED, carried))
            sums = loop.finals
        sums = self.accumulated(tile, starts, code.whole(done), inner - done, sums)
        for r in range(tile.height):
            for v, (at, width) in enumerate(tile.vectors):
                address = code.address(at_c, r * self.c.strides[0] + at, self.c.in_memory)
                value = sums[r * len(tile.widths) + v]
                if self.adds:
                    value = load_part(code, address, self.c.element, width) + value
                store_part(code, value, address, width)

    def initial_sums(self, tile: _Tile) -> list[Number]:
        """Zeros, or what `first` has there, row by row."""
        code, first, element = self.code, self.first, self.c.element
        if first is None:
            zeros = [code.like(0.0, Kind(element, lanes_of(width))) for width in tile.widths]
            return zeros * tile.height
        found, start = list[Number](), _at(code, first, tile.row, tile.column)
        for r in range(tile.height if first.strides[0] else 1):
            for at, width in tile.vectors:
                address = code.address(start, r * first.strides[0] + at * first.strides[1], first.in_memory)
                value = load_part(code, address, element, width if first.strides[1] else 1)
                found.append(code.spread(value, lanes_of(width)))
        return found if first.strides[0] else found * tile.height

    def accumulated(
        self, tile: _Tile, starts: tuple[str, str], begin: Number, steps: int, sums: Sequence[Number]
    ) -> list[Number]:
        """`sums` and the products of `steps` steps of the inner axis from `begin` on.

        `starts`: addresses of the tile's first row of A and of its first column of B.
        """
        code, a, b, sums = self.code, self.a, self.b, list(sums)
        if not steps:
            return sums
        from_a = code.address(starts[0], begin * a.strides[1] if a.strides[1] else 0, a.in_memory)
        from_b = code.address(starts[1], begin * b.strides[0] if b.strides[0] else 0, b.in_memory)
        for k in range(steps):
            rows = [
                load_part(code, code.address(from_b, k * b.strides[0] + at, b.in_memory), b.element, width)
                for at, width in tile.vectors
            ]
            for r in range(tile.height):
                address = code.address(from_a, r * a.strides[0] + k * a.strides[1], a.in_memory)
                one = code.load(address, Kind(a.element))
                for v, width in enumerate(tile.widths):
                    i = r * len(tile.widths) + v
                    sums[i] = code.fma(code.spread(one, lanes_of(width)), rows[v], sums[i])
        return sums


def _at(code: Code, view: View, row: Number, column: Number) -> str:
    address = view.start(code)
    for index, stride in ((row, view.strides[0]), (column, view.strides[1])):
        if stride:
            address = code.address(address, index * stride if stride != 1 else index, view.in_memory)
    return address


def copy_transposed(code: Code, machine: Machine, source: View, target: View) -> None:
    """Copy a matrix into another layout, `target` contiguous in its second axis.

    Where `source` is contiguous in its first axis, blocks are turned in registers: full ones, and others if
    the machine can leave out lanes.
    """
    rows, columns = source.sizes
    lanes = machine.lanes(source.element) if source.strides[0] == 1 else max(rows, columns) + 1
    for top, bottom in _bands(rows, lanes):
        for left, right in _bands(columns, lanes):
            size = min(bottom - top, lanes), min(right - left, lanes)
            in_part = machine.parts and min(size) >= FEWEST_TURNED
            if source.strides[0] == 1 and (size == (lanes, lanes) or in_part):
                with code.loop(bottom, size[0], top) as outer, code.loop(right, size[1], left) as loop:
                    _block(code, source, target, (outer.index, loop.index), size, lanes)
                continue
            with code.loop(bottom, 1, top) as outer, code.loop(right, 1, left) as loop:
                value = code.load(_at(code, source, outer.index, loop.index), Kind(source.element))
                code.store(value, _at(code, target, outer.index, loop.index))


def _bands(length: int, lanes: int) -> list[tuple[int, int]]:
    """Start and end of what is in full vectors, and of the rest."""
    full = length // lanes * lanes
    return [(start, end) for start, end in ((0, full), (full, length)) if start < end]


def _block(
    code: Code, source: View, target: View, at: tuple[Number, Number], size: tuple[int, int], lanes: int
) -> None:
    """Turn a block of `size` rows and columns; what a vector has beyond them counts as 0."""
    (rows, columns), start, element = size, _at(code, source, *at), source.element
    zero = code.like(0.0, Kind(element, lanes))
    places = [code.address(start, k * source.strides[1], source.in_memory) for k in range(columns)]
    values = [load_part(code, place, element, rows, lanes) for place in places] + [zero] * (lanes - columns)
    step = lanes // 2
    while step:
        values = _exchanged(code, values, step)
        step //= 2
    start = _at(code, target, *at)
    for k, value in enumerate(values[:rows]):
        store_part(code, value, code.address(start, k * target.strides[0], target.in_memory), columns)


def _exchanged(code: Code, values: Sequence[Number], step: int) -> list[Number]:
    """Swap what differs in one bit of row and column."""
    found, lanes = list(values), len(values)
    low = [c if not c & step else lanes + c - step for c in range(lanes)]
    high = [c + step if not c & step else lanes + c for c in range(lanes)]
    for i in range(lanes):
        if not i & step:
            a, b = values[i], values[i | step]
            found[i], found[i | step] = (_shuffled(code, a, b, mask) for mask in (low, high))
    return found


def _shuffled(code: Code, a: Number, b: Number, mask: Sequence[int]) -> Number:
    picked = ", ".join(f"i32 {k}" for k in mask)
    return code.value(
        f"shufflevector {a}, {b}, <{len(mask)} x i32> <{picked}>", Kind(a.kind.element, len(mask))
    )
