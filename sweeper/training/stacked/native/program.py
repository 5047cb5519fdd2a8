"""The recorded pass of one slot as the text of a program.

The recording is that of a stack with one slot. What comes from outside (parameters, buffers, constants) is
found through a table of pointers, one table a slot; what the pass makes lies in an arena that all slots use
one after the other, so that it stays in the cache.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sweeper.training.stacked.native import subnormal
from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Number, as_function, function
from sweeper.training.stacked.native.layout import (
    ARENA,
    BEFORE,
    COEFFICIENTS,
    FLAG,
    GRADIENTS,
    ROWS,
    Layout,
    lay_out,
    storages,
)
from sweeper.training.stacked.native.operation import ALIGNED, Operation, Pointer
from sweeper.training.stacked.native.operations import emit
from sweeper.training.stacked.native.products import Machine
from sweeper.training.stacked.native.simplify import (
    Unit,
    in_shared_loops,
    parts_in_place,
    without_changes,
    without_repeats,
)
from sweeper.training.stacked.native.views import element_of, view_of
from sweeper.training.stacked.recording import Call, storage_of
from sweeper.training.stacked.refusal import NotCompiled


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
    if number == layout.elsewhere:
        base = load_pointer(code, GRADIENTS)
    elif number in layout.parts:
        base = code.address(load_pointer(code, GRADIENTS), layout.parts[number], "i8")
    elif number in outside:
        base = load_pointer(code, layout.at_outside + outside[number])
    else:
        base = code.address("%arena", layout.places[number], "i8")
    return code.address(base, offset, elements[number])


def load_pointer(code: Code, entry: int) -> str:
    """A pointer of the slot's table."""
    return code.load(code.address("%table", entry, "ptr"), Kind("ptr")).text


def text_of(layout: Layout, units: Sequence[Unit], machine: Machine) -> str:
    """The program: ``run(tables, slots, passes)``.

    Raises:
        NotCompiled: for an operation without a translation.
    """
    names: dict[str, str] = {}
    declared = {"declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"}
    tensors = [t for unit in units for t in (*unit.inputs, *unit.results)]
    elements = {storage_of(t): view_of(t, "").in_memory for t in tensors}
    one_pass, most = Code(), 0
    flushes = machine.flushes and layout.gradients is not None and layout.results[0].dtype == torch.float32
    flushed = [flushes and alone for alone in subnormal.serve_gradients(units, layout.results)]
    for unit, flush, before in zip(units, flushed, [False, *flushed], strict=False):
        if flush != before:
            subnormal.switch(one_pass, flush)
        joins = layout.elsewhere in storages(unit.results)
        operation = Operation(machine, {*layout.parts} if joins else set())
        emit(operation, unit)
        text, needs = operation.text()
        name = names.setdefault(text, f"operation{len(names)}")
        declared |= needs
        most = max(most, operation.bytes)
        given = [_address(one_pass, layout, elements, pointer) for pointer in operation.pointers]
        one_pass.do(f"call void @{name}({', '.join(f'ptr {each}' for each in given)})")
    if flushed and flushed[-1]:
        subnormal.switch(one_pass, False)
    layout.arena = layout.scratch + most + ALIGNED
    parameters = ["ptr %table", "ptr %arena", *(["ptr %usual", "ptr %chosen"] if flushes else [])]
    whole, _ = as_function("one_pass", parameters, one_pass)
    run, needs = function(
        "run",
        ["ptr %tables", "i64 %slots", "i64 %passes"],
        lambda code: _run(code, layout, element_of(layout.results[0].dtype), parameters, flushes),
    )
    operations = [text.replace("{name}", name, 1) for text, name in names.items()]
    whole = whole.replace("define void", "define internal void", 1)
    declared |= needs | (subnormal.DECLARED if flushes else set())
    return "\n".join([*sorted(declared), *operations, whole, run])


def _run(code: Code, layout: Layout, element: str, given: Sequence[str], flushes: bool) -> None:
    if flushes:
        subnormal.note(code)
    slots, steps = (Number(code, name, Kind("i64")) for name in ("%slots", "%passes"))
    with code.loop(slots) as outer:
        code.do(f"%table = getelementptr ptr, ptr %tables, i64 {(outer.index * layout.entries).text}")
        code.do(f"%arena = bitcast ptr {load_pointer(code, ARENA)} to ptr")
        if flushes:
            subnormal.choose(code)
        kept = [load_pointer(code, layout.at_results + k) for k in range(len(layout.results))]
        index, bases = (
            load_pointer(code, ROWS),
            [load_pointer(code, layout.at_leaves + k) for k in range(len(layout.leaves))],
        )
        draws = [load_pointer(code, layout.at_draws + k) for k in range(len(layout.draws))]
        with code.loop(steps) as loop:
            if layout.leaves:
                _take_rows(code, layout, loop.index, index, bases)
            for tensor, base in zip(layout.draws, draws, strict=True):
                size, offset = tensor.untyped_storage().nbytes(), layout.places[storage_of(tensor)]
                _copy(
                    code,
                    code.address("%arena", offset, "i8"),
                    code.address(base, loop.index * size, "i8"),
                    size,
                )
            code.do(f"call void @one_pass({', '.join(given)})")
            for tensor, target in zip(layout.results, kept, strict=True):
                size, offset = tensor.nbytes, layout.places[storage_of(tensor)]
                offset += int(tensor.storage_offset()) * tensor.element_size()
                made = code.address("%arena", offset, "i8")
                _copy(code, code.address(target, loop.index * size, "i8"), made, size)
            if layout.segments:
                _keep_weights(code, layout, loop.index.compare("eq", steps - 1), element)
                _update(code, layout, loop.index, element)


def _take_rows(code: Code, layout: Layout, step: Number, index: str, bases: Sequence[str]) -> None:
    """The rows of one batch, side by side in the arena."""
    rows = layout.leaves[0].rows
    with code.loop(rows) as each:
        at = code.load(code.address(index, step * rows + each.index, "i64"), Kind("i64"))
        for leaf, base in zip(layout.leaves, bases, strict=True):
            size, offset = leaf.bytes_a_row, layout.places[storage_of(leaf.tensor)]
            source = code.address(base, at * size, "i8")
            target = code.address(code.address("%arena", offset, "i8"), each.index * size, "i8")
            _copy(code, target, source, size)


def _keep_weights(code: Code, layout: Layout, is_last: Number, element: str) -> None:
    """Copy the weights before the last update, while they are in the cache, for a slot that wants them."""
    wanted = code.load(code.address("%table", BEFORE, "ptr"), Kind("i64")).compare("ne", 0)
    with code.when(is_last & wanted):
        size = sum(length for _, length in layout.segments) * BYTES[element]
        _copy(code, load_pointer(code, BEFORE), load_pointer(code, layout.at_outside), size)


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
        if not call.constant:  # the room that random numbers are drawn into is made by one
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
    own = set() if layout.gradients is None else {storage_of(layout.gradients)}
    drawn_into = storages(layout.draws)
    calls = [c for c in calls if not c.random and not (c.constant and storages(c.results) <= drawn_into)]
    for step in (without_changes, without_repeats):
        calls, moved = step(calls, own)
        layout.results = [moved.tensor(t) for t in layout.results]
    if layout.gradients is not None:
        layout.parts = parts_in_place(calls, inputs, layout.gradients)
    units = in_shared_loops(calls, storages(layout.results) | own)
    lay_out(layout, units, inputs)
    return text_of(layout, units, machine)
