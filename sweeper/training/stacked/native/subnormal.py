"""Gradients too small for all their digits count as zero, as far as only the size of a step hangs on them.

x86 processors take some 150 cycles for an operation on a subnormal number, below 1.2e-38 in single precision
(Intel 64 and IA-32 Architectures Optimization Reference Manual, on flush-to-zero mode): a GELU far from zero
makes enough of them for a step to take five times as long. So the part of a pass that serves gradients alone
runs with "flush to zero" and "denormals are zero", which changes a product by no more than that number times
its other factor. Losses, scores and measures are computed in full, and so are the gradients of a trial whose
update asks for more than their size, such as their sign.
"""

from collections.abc import Sequence

from torch import Tensor

from sweeper.training.stacked.native.ir import Code, Kind
from sweeper.training.stacked.native.layout import SUBNORMAL, storages
from sweeper.training.stacked.native.pointwise import name_of
from sweeper.training.stacked.native.simplify import Unit
from sweeper.training.stacked.recording import Call

FLUSHED, KEPT = 0x8040, 0
"""What a slot's table holds: bits to set in the control register, MXCSR."""
PROPORTIONATE = {"add", "sub", "mul", "div", "reciprocal", "sqrt", "lerp", "addcmul", "addcdiv", "copy"}
"""Operations of an update for which what is too small to count is as good as zero."""
DECLARED = {f"declare void @llvm.x86.sse.{name}mxcsr(ptr)" for name in ("ld", "st")}


def in_proportion(calls: Sequence[Call]) -> bool:
    """Whether an update of these operations moves a weight by next to nothing where the gradient is that."""
    return all(name_of(call.operation) in PROPORTIONATE for call in calls)


def serve_gradients(units: Sequence[Unit], results: Sequence[Tensor]) -> list[bool]:
    """Of each unit, whether `results`, the losses, do not hang on it."""
    wanted, found = storages(results), []
    for unit in reversed(units):
        made = storages(t for call in unit.calls for t in (*call.results, *call.written))
        found.append(not made & wanted)
        if made & wanted:
            wanted |= storages(t for call in unit.calls for t in call.inputs)
    return found[::-1]


def note(code: Code) -> None:
    """Keep the control register as the caller has it, and make room for another."""
    code.do("%usual = alloca i32")
    code.do("%chosen = alloca i32")
    code.do("call void @llvm.x86.sse.stmxcsr(ptr %usual)")


def choose(code: Code) -> None:
    """What the register is to hold for the slot of `%table` while gradients are made."""
    bits = code.load(code.address("%table", SUBNORMAL, "ptr"), Kind("i64")).converted("i32")
    code.store(code.load("%usual", Kind("i32")) | bits, "%chosen")


def switch(code: Code, flush: bool) -> None:
    """From here on the register holds what was chosen, or what the caller had."""
    code.do(f"call void @llvm.x86.sse.ldmxcsr(ptr {'%chosen' if flush else '%usual'})")
