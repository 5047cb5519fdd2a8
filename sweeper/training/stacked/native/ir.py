"""LLVM's intermediate language as text: numbers in vector registers, loops, memory.

A `Number` is a value of some lanes; formulas are written with Python's operators. Nothing here allows LLVM
to reorder or drop floating-point operations: NaN and infinities stay what they are.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

BYTES = {"float": 4, "double": 8, "i8": 1, "i32": 4, "i64": 8, "ptr": 8}
"""Size of an element in memory."""


@dataclass(frozen=True)
class Kind:
    """Type of a value: so many lanes of an element type."""

    element: str
    """float | double | i1 | i8 | i32 | i64"""
    lanes: int = 1

    def __str__(self) -> str:
        return self.element if self.lanes == 1 else f"<{self.lanes} x {self.element}>"

    @property
    def real(self) -> bool:
        """Whether it holds real numbers."""
        return self.element in ("float", "double")

    def of(self, element: str) -> "Kind":
        """As many lanes of another type."""
        return Kind(element, self.lanes)

    @property
    def bits(self) -> str:
        """The whole numbers of the same size."""
        return {"float": "i32", "double": "i64"}.get(self.element, self.element)

    @property
    def suffix(self) -> str:
        """As it stands in the names of intrinsics."""
        name = {"float": "f32", "double": "f64"}.get(self.element, self.element)
        return name if self.lanes == 1 else f"v{self.lanes}{name}"


class Number:
    """A value in a register, or a constant."""

    def __init__(self, code: "Code", text: str, kind: Kind) -> None:
        self.code, self.text, self.kind = code, text, kind

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"

    def _with(self, real: str, whole: str, other: "Number | float", swapped: bool = False) -> "Number":
        that = self.code.like(other, self.kind)
        a, b = (that, self) if swapped else (self, that)
        return self.code.value(f"{real if self.kind.real else whole} {a}, {b.text}", self.kind)

    def __add__(self, other: "Number | float") -> "Number":
        return self._with("fadd", "add", other)

    def __radd__(self, other: float) -> "Number":
        return self._with("fadd", "add", other, swapped=True)

    def __sub__(self, other: "Number | float") -> "Number":
        return self._with("fsub", "sub", other)

    def __rsub__(self, other: float) -> "Number":
        return self._with("fsub", "sub", other, swapped=True)

    def __mul__(self, other: "Number | float") -> "Number":
        return self._with("fmul", "mul", other)

    def __rmul__(self, other: float) -> "Number":
        return self._with("fmul", "mul", other, swapped=True)

    def __truediv__(self, other: "Number | float") -> "Number":
        return self._with("fdiv", "sdiv", other)

    def __rtruediv__(self, other: float) -> "Number":
        return self._with("fdiv", "sdiv", other, swapped=True)

    def __and__(self, other: "Number | int") -> "Number":
        return self._with("and", "and", other)

    def __or__(self, other: "Number | int") -> "Number":
        return self._with("or", "or", other)

    def __xor__(self, other: "Number | int") -> "Number":
        return self._with("xor", "xor", other)

    def __lshift__(self, other: int) -> "Number":
        return self._with("shl", "shl", other)

    def __rshift__(self, other: int) -> "Number":
        return self._with("lshr", "lshr", other)

    def __neg__(self) -> "Number":
        if self.kind.real:
            return self.code.value(f"fneg {self}", self.kind)
        return 0 - self

    def compare(self, how: str, other: "Number | float") -> "Number":
        """``eq ne lt le gt ge``; false next to NaN, but for ``ne``."""
        that = self.code.like(other, self.kind)
        if self.kind.real:
            text = f"fcmp {'u' if how == 'ne' else 'o'}{how} {self}, {that.text}"
        else:
            sign = "" if how in ("eq", "ne") else "u" if self.kind.element == "i1" else "s"
            text = f"icmp {sign}{how} {self}, {that.text}"
        return self.code.value(text, self.kind.of("i1"))

    def where(self, yes: "Number | float", no: "Number | float") -> "Number":
        """`yes` where this mask is true, else `no`; at least one of them is a `Number`."""
        kind = next(v.kind for v in (yes, no) if isinstance(v, Number))
        a, b = self.code.like(yes, kind), self.code.like(no, kind)
        return self.code.value(f"select {self}, {a}, {b}", kind)

    def as_bits(self) -> "Number":
        """The same bits, read as whole numbers."""
        return self._cast("bitcast", self.kind.of(self.kind.bits))

    def as_real(self, element: str) -> "Number":
        """The same bits, read as real numbers."""
        return self._cast("bitcast", self.kind.of(element))

    def converted(self, element: str) -> "Number":
        """The same numbers in another type, as torch converts them."""
        mine, there = self.kind, self.kind.of(element)
        if mine == there:
            return self
        if element == "i1":
            return self.compare("ne", 0.0)
        if mine.real and there.real:
            return self._cast("fpext" if element == "double" else "fptrunc", there)
        if mine.real:
            return self._cast("fptosi", there)
        if there.real:
            return self._cast("uitofp" if mine.element == "i1" else "sitofp", there)
        wider = BYTES[element] > (0 if mine.element == "i1" else BYTES[mine.element])
        grow = "zext" if mine.element in ("i1", "i8") else "sext"
        return self._cast(grow if wider else "trunc", there)

    def _cast(self, how: str, kind: Kind) -> "Number":
        return self.code.value(f"{how} {self} to {kind}", kind)


class Code:
    """The text of one function as it grows."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.intrinsics: set[str] = set()
        self._count = 0
        self.block = "entry"

    def name(self, stem: str = "v") -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def do(self, text: str) -> None:
        self.lines.append(f"  {text}")

    def value(self, text: str, kind: Kind) -> Number:
        name = f"%{self.name()}"
        self.do(f"{name} = {text}")
        return Number(self, name, kind)

    def begin(self, label: str) -> None:
        self.lines.append(f"{label}:")
        self.block = label

    def like(self, value: "Number | float", kind: Kind) -> Number:
        """A constant of this kind; a `Number` stays, but one lane is repeated for many."""
        if not isinstance(value, Number):
            return Number(self, _constant(value, kind), kind)
        return self.spread(value, kind.lanes)

    def listed(self, values: Sequence[float], kind: Kind) -> Number:
        """Constants, one a lane."""
        one = Kind(kind.element)
        text = ", ".join(f"{one} {_constant(value, one)}" for value in values)
        return Number(self, f"<{text}>", kind)

    def spread(self, value: Number, lanes: int) -> Number:
        """One lane repeated."""
        if value.kind.lanes == lanes:
            return value
        kind = Kind(value.kind.element, lanes)
        first = self.value(f"insertelement {kind} poison, {value}, i64 0", kind)
        return self.value(f"shufflevector {first}, {kind} poison, <{lanes} x i32> zeroinitializer", kind)

    def call(self, name: str, *values: Number, kind: Kind | None = None) -> Number:
        """An intrinsic ``llvm.NAME.TYPE`` of numbers of one kind."""
        mine = values[0].kind
        full = f"@llvm.{name}.{mine.suffix}"
        kinds = ", ".join(str(v.kind) for v in values)
        self.intrinsics.add(f"declare {kind or mine} {full}({kinds})")
        return self.value(f"call {kind or mine} {full}({', '.join(map(str, values))})", kind or mine)

    def fma(self, a: Number, b: "Number | float", c: "Number | float") -> Number:
        """a·b + c, rounded once where the machine can; of whole numbers, too."""
        if not a.kind.real:
            return a * b + c
        return self.call("fmuladd", a, self.like(b, a.kind), self.like(c, a.kind))

    def whole(self, value: int) -> Number:
        """A number that counts."""
        return Number(self, str(value), Kind("i64"))

    def counting(self, step: int, lanes: int) -> Number:
        """0, `step`, twice `step`, …, lane by lane."""
        if lanes == 1:
            return self.whole(0)
        text = ", ".join(f"i64 {k * step}" for k in range(lanes))
        return Number(self, f"<{text}>", Kind("i64", lanes))

    def address(self, base: str, index: Number | int, element: str) -> str:
        """Pointer to ``base[index]``."""
        text = index.text if isinstance(index, Number) else str(index)
        if text == "0":
            return base
        name = f"%{self.name('p')}"
        self.do(f"{name} = getelementptr {element}, ptr {base}, i64 {text}")
        return name

    def load(self, pointer: str, kind: Kind) -> Number:
        """Elements side by side in memory."""
        if kind.element == "i1":
            return self.load(pointer, kind.of("i8")).compare("ne", 0)
        return self.value(f"load {kind}, ptr {pointer}, align {BYTES[kind.element]}", kind)

    def store(self, value: Number, pointer: str) -> None:
        if value.kind.element == "i1":
            value = value.converted("i8")
        self.do(f"store {value}, ptr {pointer}, align {BYTES[value.kind.element]}")

    @contextmanager
    def when(self, condition: Number) -> Iterator[None]:
        """What follows runs where the condition holds."""
        yes, after = self.name("then"), self.name("end")
        self.do(f"br i1 {condition.text}, label %{yes}, label %{after}")
        self.begin(yes)
        yield
        self.do(f"br label %{after}")
        self.begin(after)

    @contextmanager
    def loop(self, stop: Number | int, step: int = 1, start: Number | int = 0) -> Iterator["Loop"]:
        """Counts from `start` while below `stop`; values that go round are added in the body."""
        loop = Loop(self, stop, step, start)
        yield loop
        loop.close()


class Loop:
    """A loop whose body runs at least once."""

    def __init__(self, code: Code, stop: Number | int, step: int, start: Number | int) -> None:
        self.code, self.step = code, step
        self.stop = stop.text if isinstance(stop, Number) else str(stop)
        first = start.text if isinstance(start, Number) else str(start)
        self._before = code.block
        self.label = code.name("loop")
        code.do(f"br label %{self.label}")
        code.begin(self.label)
        self._at = len(code.lines)
        self._next = f"%{code.name('i')}"
        self.index = Number(code, f"%{code.name('i')}", Kind("i64"))
        self._round: list[tuple[Number, Number, Number]] = []
        self._first = first
        self.finals: list[Number] = []

    def carry(self, first: Sequence[Number]) -> list[Number]:
        """Values of the last round, `first` in the first one."""
        self._carried = list(first)
        self._names = [Number(self.code, f"%{self.code.name('c')}", v.kind) for v in first]
        return self._names

    def set(self, values: Sequence[Number]) -> None:
        """What the next round, and what follows the loop, gets."""
        self.finals = list(values)

    def close(self) -> None:
        code, last = self.code, self.code.block
        phis = [
            f"  {self.index.text} = phi i64 [ {self._first}, %{self._before} ], [ {self._next}, %{last} ]"
        ]
        if self.finals:
            phis += [
                f"  {name.text} = phi {name.kind} [ {a.text}, %{self._before} ], [ {b.text}, %{last} ]"
                for name, a, b in zip(self._names, self._carried, self.finals, strict=True)
            ]
        code.lines[self._at : self._at] = phis
        end, more = code.name("end"), f"%{code.name('m')}"
        code.do(f"{self._next} = add nuw nsw i64 {self.index.text}, {self.step}")
        code.do(f"{more} = icmp ult i64 {self._next}, {self.stop}")
        code.do(f"br i1 {more}, label %{self.label}, label %{end}")
        code.begin(end)


def function(name: str, parameters: Sequence[str], body: Callable[[Code], None]) -> tuple[str, set[str]]:
    """The text of a function without a result, and what it needs declared."""
    code = Code()
    body(code)
    return as_function(name, parameters, code)


def as_function(name: str, parameters: Sequence[str], code: Code) -> tuple[str, set[str]]:
    """`code` as the body of a function, and what it needs declared."""
    lines = [f"define void @{name}({', '.join(parameters)}) nounwind {{", "entry:", *code.lines]
    return "\n".join([*lines, "  ret void", "}", ""]), code.intrinsics


def pieces(length: int, lanes: int) -> list[tuple[int, int]]:
    """(start, lanes) of vectors that cover `length`: full ones, then smaller powers of two."""
    found, at = [], 0
    while at < length:
        while lanes > length - at:
            lanes //= 2
        found.append((at, lanes))
        at += lanes
    return found


def _constant(value: float, kind: Kind) -> str:
    if kind.real:
        if kind.element == "float":
            value = (
                struct.unpack("f", struct.pack("f", value))[0]
                if abs(value) <= 3.4028235677973366e38 or value != value
                else value
            )
        text = f"0x{struct.pack('>d', value).hex().upper()}"
    elif kind.element == "i1":
        text = "true" if value else "false"
    else:
        text = str(int(value))
    return text if kind.lanes == 1 else f"splat ({kind.element} {text})"
