"""The recorded pass of one slot as the text of a program.

The recording is that of a stack with one slot. What comes from outside (parameters, buffers, constants) is
found through a table of pointers, one table a slot; what the pass makes lies in an arena that all slots use
one after the other, so that it stays in the cache.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from sweeper.training.stacked.native.ir import Code, Kind, Number, as_function, function
from sweeper.training.stacked.native.operation import ALIGNED, Operation, Pointer
from sweeper.training.stacked.native.operations import emit
from sweeper.training.stacked.native.products import Machine
from sweeper.training.stacked.native.views import element_of, view_of
from sweeper.training.stacked.recording import Call, storage_of
from sweeper.training.stacked.refusal import NotCompiled

FLAG, ROWS, COEFFICIENTS, GRADIENTS, ARENA = range(5)
"""Entries of a slot's table; results, leaves, updates, activations, state and what is outside follow."""


@dataclass(frozen=True)
class Leaf:
    """An input of which a pass gets some rows: x or y, or a part of them."""

    tensor: Tensor
    """(1, rows, …), as recorded."""

    @property
    def rows(self) -> int:
        return int(self.tensor.shape[1])

    @property
    def bytes_a_row(self) -> int:
        return self.tensor[0, 0].numel() * self.tensor.element_size()


@dataclass
class Layout:
    """Where everything lies."""

    leaves: Sequence[Leaf]
    results: Sequence[Tensor]
    """What every pass leaves behind, contiguous."""
    sites: int
    """Hidden activations."""
    gradients: Tensor | None = None
    """What updates are made of."""
    segments: Sequence[tuple[int, int]] = ()
    """(first column, columns) of parameters that are updated alike, after every pass."""
    coefficients: int = 0
    """Numbers of one segment and step."""
    states: int = 0
    draws: Sequence[Tensor] = ()
    """Recorded tensors of random numbers, each alone in its memory."""
    outside: list[Tensor] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    """Storage -> offset in the arena, in bytes."""
    arena: int = 0
    scratch: int = 0
    """Bytes behind the arrays of the arena, for matrices that are turned."""

    @property
    def at_results(self) -> int:
        return ARENA + 1

    @property
    def at_leaves(self) -> int:
        return self.at_results + len(self.results)

    @property
    def at_draws(self) -> int:
        return self.at_leaves + len(self.leaves)

    @property
    def at_updates(self) -> int:
        return self.at_draws + len(self.draws)

    @property
    def at_sites(self) -> int:
        return self.at_updates + len(self.segments)

    @property
    def at_states(self) -> int:
        return self.at_sites + 2 * self.sites

    @property
    def at_outside(self) -> int:
        return self.at_states + self.states

    @property
    def entries(self) -> int:
        return self.at_outside + len(self.outside)


def lay_out(layout: Layout, calls: Sequence[Call], inputs: Sequence[Tensor]) -> None:
    """Give every storage a place: as long as it is needed, in the arena, or outside."""
    elsewhere = _gradients(layout)
    last: dict[int, int] = {}
    for index, call in enumerate(calls):
        last |= {storage_of(t): index for t in (*call.inputs, *call.results)}
    last |= {storage_of(t): len(calls) for t in layout.results}
    leaves = {storage_of(t) for t in (*(leaf.tensor for leaf in layout.leaves), *layout.draws)}
    given = {storage_of(t) for t in inputs}
    free: list[tuple[int, int]] = []
    sizes: dict[int, int] = {}
    for leaf in layout.leaves:
        _place(layout, sizes, free, leaf.tensor)
    for tensor in layout.draws:
        _place(layout, sizes, free, tensor)
    made = {storage_of(t) for call in calls for t in call.results}
    known = {storage_of(t) for t in layout.outside}
    for index, call in enumerate(calls):
        for tensor in (*call.inputs, *call.results):
            where = storage_of(tensor)
            if where in layout.places or where in known or where == elsewhere:
                continue
            if where in made and where not in given:
                _place(layout, sizes, free, tensor)
            else:
                known.add(where)
                layout.outside.append(tensor)
        for where in {storage_of(t) for t in (*call.inputs, *call.results)}:
            if where in sizes and last[where] == index and where not in leaves:
                free.append((layout.places[where], sizes[where]))
    layout.scratch = layout.arena


def _gradients(layout: Layout) -> int | None:
    return None if layout.gradients is None else storage_of(layout.gradients)


def _place(layout: Layout, sizes: dict[int, int], free: list[tuple[int, int]], tensor: Tensor) -> None:
    size = -(-max(tensor.untyped_storage().nbytes(), 1) // ALIGNED) * ALIGNED
    where = storage_of(tensor)
    for spot in free:
        if spot[1] == size:
            free.remove(spot)
            layout.places[where], sizes[where] = spot
            return
    layout.places[where], sizes[where] = layout.arena, size
    layout.arena += size


def _address(code: Code, layout: Layout, elements: Mapping[int, str], pointer: Pointer) -> str:
    """A pointer that an operation is given."""
    what, number, offset = pointer
    if what == "flag":
        return load_pointer(code, FLAG)
    if what == "room":
        return code.address("%arena", layout.scratch, "i8")
    if what == "site":
        return load_pointer(code, layout.at_sites + 2 * number + offset)
    outside = {storage_of(t): k for k, t in enumerate(layout.outside)}
    if number == _gradients(layout):
        base = load_pointer(code, GRADIENTS)
    elif number in outside:
        base = load_pointer(code, layout.at_outside + outside[number])
    else:
        base = code.address("%arena", layout.places[number], "i8")
    return code.address(base, offset, elements[number])


def load_pointer(code: Code, entry: int) -> str:
    """A pointer of the slot's table."""
    return code.load(code.address("%table", entry, "ptr"), Kind("ptr")).text


def text_of(layout: Layout, calls: Sequence[Call], machine: Machine) -> str:
    """The program: ``run(tables, slots, passes)``.

    Raises:
        NotCompiled: for an operation without a translation.
    """
    names: dict[str, str] = {}
    declared = {"declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"}
    tensors = [t for call in calls for t in (*call.inputs, *call.results)]
    elements = {storage_of(t): view_of(t, "").in_memory for t in tensors}
    one_pass, most = Code(), 0
    for call in calls:
        operation = Operation(machine)
        emit(operation, call)
        text, needs = operation.text()
        name = names.setdefault(text, f"operation{len(names)}")
        declared |= needs
        most = max(most, operation.bytes)
        given = [_address(one_pass, layout, elements, pointer) for pointer in operation.pointers]
        one_pass.do(f"call void @{name}({', '.join(f'ptr {each}' for each in given)})")
    layout.arena = layout.scratch + most + ALIGNED
    whole, _ = as_function("one_pass", ["ptr %table", "ptr %arena"], one_pass)
    run, needs = function(
        "run",
        ["ptr %tables", "i64 %slots", "i64 %passes"],
        lambda code: _run(code, layout, element_of(layout.results[0].dtype)),
    )
    operations = [text.replace("{name}", name, 1) for text, name in names.items()]
    whole = whole.replace("define void", "define internal void", 1)
    return "\n".join([*sorted(declared | needs), *operations, whole, run])


def _run(code: Code, layout: Layout, element: str) -> None:
    slots, steps = (Number(code, name, Kind("i64")) for name in ("%slots", "%passes"))
    rows = layout.leaves[0].rows
    with code.loop(slots) as outer:
        code.do(f"%table = getelementptr ptr, ptr %tables, i64 {(outer.index * layout.entries).text}")
        code.do(f"%arena = bitcast ptr {load_pointer(code, ARENA)} to ptr")
        kept = [load_pointer(code, layout.at_results + k) for k in range(len(layout.results))]
        index, bases = (
            load_pointer(code, ROWS),
            [load_pointer(code, layout.at_leaves + k) for k in range(len(layout.leaves))],
        )
        draws = [load_pointer(code, layout.at_draws + k) for k in range(len(layout.draws))]
        with code.loop(steps) as loop:
            with code.loop(rows) as each:
                at = code.load(code.address(index, loop.index * rows + each.index, "i64"), Kind("i64"))
                for leaf, base in zip(layout.leaves, bases, strict=True):
                    size, offset = leaf.bytes_a_row, layout.places[storage_of(leaf.tensor)]
                    source = code.address(base, at * size, "i8")
                    target = code.address(code.address("%arena", offset, "i8"), each.index * size, "i8")
                    _copy(code, target, source, size)
            for tensor, base in zip(layout.draws, draws, strict=True):
                size, offset = tensor.untyped_storage().nbytes(), layout.places[storage_of(tensor)]
                _copy(
                    code,
                    code.address("%arena", offset, "i8"),
                    code.address(base, loop.index * size, "i8"),
                    size,
                )
            code.do("call void @one_pass(ptr %table, ptr %arena)")
            for tensor, target in zip(layout.results, kept, strict=True):
                size, offset = tensor.nbytes, layout.places[storage_of(tensor)]
                offset += int(tensor.storage_offset()) * tensor.element_size()
                made = code.address("%arena", offset, "i8")
                _copy(code, code.address(target, loop.index * size, "i8"), made, size)
            if layout.segments:
                _update(code, layout, loop.index, element)


def _update(code: Code, layout: Layout, step: Number, element: str) -> None:
    p = load_pointer(code, layout.at_outside)
    g, columns = (load_pointer(code, k) for k in (GRADIENTS, COEFFICIENTS))
    state = [load_pointer(code, layout.at_states + k) for k in range(layout.states)]
    for k, (start, length) in enumerate(layout.segments):
        at = code.address(columns, (step * len(layout.segments) + k) * layout.coefficients, element)
        pointers = [code.address(b, start, element) for b in (p, g)] + [at]
        pointers += [code.address(s, start, element) for s in state]
        given = ", ".join(f"ptr {each}" for each in pointers)
        update = load_pointer(code, layout.at_updates + k)
        code.do(f"call void {update}({given}, i64 {length})")


def _copy(code: Code, target: str, source: str, size: int) -> None:
    code.do(f"call void @llvm.memcpy.p0.p0.i64(ptr {target}, ptr {source}, i64 {size}, i1 false)")


def drawn(calls: Sequence[Call]) -> list[Tensor]:
    """What is drawn at random, which can be put into its memory before the step begins.

    Raises:
        NotCompiled: if that memory holds other numbers as well, or before.
    """
    found: list[Tensor] = []
    used: set[int] = set()
    for call in calls:
        if call.random:
            (target,) = call.written or call.results
            if target.numel() * target.element_size() != target.untyped_storage().nbytes():
                raise NotCompiled("random numbers beside others")
            if storage_of(target) in used:
                raise NotCompiled("random numbers in the place of others")
            found.append(target)
        used |= {storage_of(t) for t in (*call.inputs, *call.results)}
    return found


def program_of(
    layout: Layout,
    calls: Sequence[Call],
    inputs: Sequence[Tensor],
    machine: Machine,
) -> str:
    """Lay out and translate.

    Raises:
        NotCompiled: for operations without a translation.
    """
    if layout.results[0].dtype not in (torch.float32, torch.float64):
        raise NotCompiled("numbers of this precision")
    if not all(t.is_contiguous() for t in layout.results):
        raise NotCompiled("results with gaps")
    layout.draws = drawn(calls)
    calls = [call for call in calls if not call.random]
    lay_out(layout, calls, inputs)
    return text_of(layout, calls, machine)
