"""One recorded call while its code is written: a function of pointers."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from torch import Tensor

from sweeper.training.stacked.native.ir import BYTES, Code, Number, as_function
from sweeper.training.stacked.native.products import Machine
from sweeper.training.stacked.native.views import Place, View, each, view_of
from sweeper.training.stacked.recording import Call, storage_of

ALIGNED = 64
"""Bytes between whose multiples arrays of the arena begin."""
Pointer = tuple[str, int, int]
"""What an operation points at: ``tensor`` with storage and offset, ``site`` and way, ``flag``, ``room``."""
FLAG_POINTER: Pointer = ("flag", 0, 0)
ROOM: Pointer = ("room", 0, 0)


class Operation:
    """The code of one call: a function of pointers, so that calls that do the same share it."""

    def __init__(self, machine: Machine, in_place: Collection[int] = ()) -> None:
        """`in_place`: storages whose numbers are written where others are joined."""
        self.code, self.machine, self.in_place = Code(), machine, in_place
        self.pointers: dict[Pointer, str] = {}
        """What is pointed at -> name of the parameter, in order."""
        self.bytes = 0
        """Of scratch memory."""

    def _parameter(self, pointer: Pointer) -> str:
        return self.pointers.setdefault(pointer, f"%a{len(self.pointers)}")

    @property
    def flag(self) -> str:
        """Where a wrong index is noted."""
        return self._parameter(FLAG_POINTER)

    def view(self, tensor: Tensor) -> View:
        """A recorded tensor as a place in memory."""
        base = self._parameter(("tensor", storage_of(tensor), int(tensor.storage_offset())))
        return replace(view_of(tensor, base), offset=0)

    def lanes(self, element: str) -> int:
        """Of a vector register."""
        return self.machine.lanes(element)

    def room(self, elements: int, element: str) -> str:
        """Scratch memory."""
        self.bytes = max(self.bytes, elements * BYTES[element] + ALIGNED)
        return self._parameter(ROOM)

    def site(self, site: int, backward: bool) -> str:
        """Pointer to the function of an activation."""
        return self._parameter(("site", site, int(backward)))

    def text(self) -> tuple[str, set[str]]:
        """Of the function, whose name is left open, and what it needs declared."""
        text, needs = as_function("{name}", [f"ptr {name}" for name in self.pointers.values()], self.code)
        return text.replace("define void", "define internal void", 1), needs


def mapped(op: Operation, target: View, given: Sequence[View], formula: Callable[..., Number]) -> None:
    """target ← `formula` of the numbers of `given`, all of one size."""
    code = op.code

    def body(places: list[Place], width: int) -> None:
        numbers = [code.spread(one.load(code, width), width) for one in places[1:]]
        places[0].store(code, formula(*numbers))

    each(code, [target, *given], op.lanes(target.element), body)


Emit = Callable[[Operation, Call], None]
"""Writes the code of a call."""
