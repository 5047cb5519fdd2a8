"""A recording with less work in it: nothing is computed twice, and pointwise calls share their loops."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sweeper.private_torch import schema_of
from sweeper.training.stacked.native.pointwise import is_pointwise, name_of, of_nothing
from sweeper.training.stacked.recording import Call, storage_of, tensors
from sweeper.training.stacked.tape import placed_on

LONGEST = 32
"""Calls in one loop; more need more registers than there are."""


@dataclass(frozen=True)
class Unit:
    """Calls that become one piece of code: any single one, or several pointwise ones in one loop.

    What the calls before the last one make stays in registers.
    """

    calls: tuple[Call, ...]

    @property
    def last(self) -> Call:
        return self.calls[-1]

    @property
    def results(self) -> tuple[Tensor, ...]:
        """What is left in memory."""
        return self.last.results

    @property
    def inputs(self) -> list[Tensor]:
        """What is read from memory."""
        inner = {storage_of(t) for call in self.calls[:-1] for t in call.results}
        return [t for call in self.calls for t in call.inputs if storage_of(t) not in inner]


class Moved:
    """Where the numbers of recorded tensors lie after calls were changed."""

    def __init__(self) -> None:
        self._storages: dict[int, torch.UntypedStorage] = {}

    def to(self, old: Tensor, new: Tensor) -> None:
        """What lay in the memory of `old` lies in that of `new` from now on, in the same layout."""
        self._storages[storage_of(old)] = new.untyped_storage()

    def tensor(self, recorded: Tensor) -> Tensor:
        storage = self._storages.get(storage_of(recorded))
        return recorded if storage is None else placed_on(storage, recorded)

    def call(self, recorded: Call) -> Call:
        return recorded.on(self.tensor)


def without_changes(calls: Sequence[Call], kept: Collection[int]) -> tuple[list[Call], Moved]:
    """Pointwise calls that change an array in place make a new one instead, so that they can be moved.

    Args:
        calls: in order.
        kept: storages that must not move; nor do those that no call makes.
    """
    moved, made, given, found = Moved(), set[int](), set[int](), []
    for recorded in calls:
        call, plain = moved.call(recorded), _plain(recorded)
        # A buffer that is changed twice is the result of its first change, and made by no call all the same.
        given |= {storage_of(t) for t in recorded.inputs} - made
        if plain is not None and storage_of(recorded.results[0]) in made - {*kept}:
            (old,) = call.results
            new = torch.empty_strided(old.shape, old.stride(), dtype=old.dtype, device=old.device)
            moved.to(recorded.results[0], new)
            call = Call(plain, call.arguments, call.options, (new,))
        made |= {storage_of(t) for t in recorded.results} - given
        found.append(call)
    return found, moved


def _plain(call: Call) -> Any:
    """The operation that does not change its first argument, if it changes all of that one's memory alone."""
    if not is_pointwise(call) or len(call.written) != 1 or call.written[0] is not call.arguments[0]:
        return None
    target, schema = call.arguments[0], schema_of(call.operation)
    if not _whole(target) or not schema.name.startswith("aten::") or len(call.results) != 1:
        return None
    packet = getattr(torch.ops.aten, schema.name.removeprefix("aten::").removesuffix("_"), None)
    return getattr(packet, schema.overload_name or "default", None)


def _whole(tensor: Tensor) -> bool:
    """Whether it is all of its memory, in order."""
    return tensor.nbytes == tensor.untyped_storage().nbytes() and tensor.is_contiguous()


def without_repeats(calls: Sequence[Call], kept: Collection[int]) -> tuple[list[Call], Moved]:
    """The calls that compute something new.

    Args:
        calls: none of them draws at random.
        kept: storages that need numbers of their own.
    """
    changed = {storage_of(t) for call in calls for t in call.written} | {*kept}
    moved, first, new = Moved(), dict[str, Call](), []
    for recorded in calls:
        call = moved.call(recorded)
        touched = {storage_of(t) for t in (*call.inputs, *call.results)}
        key = repr((call.operation, _named(call.arguments), _named([*call.options.items()])))
        before = call if touched & changed else first.setdefault(key, call)
        if before is not call and _layouts(before.results) == _layouts(call.results):
            for mine, theirs in zip(recorded.results, before.results, strict=True):
                moved.to(mine, theirs)
        else:
            new.append(call)
    return new, moved


def _named(value: Any) -> Any:
    """`value` with every tensor replaced by where it lies."""
    if isinstance(value, Tensor):
        return storage_of(value), _layout(value)
    return [_named(each) for each in value] if isinstance(value, list | tuple) else value


def _layouts(tensors: Sequence[Tensor]) -> list[Any]:
    return [_layout(t) for t in tensors]


def _layout(tensor: Tensor) -> Any:
    return (
        tensor.storage_offset(),
        tensor.shape,
        tensor.stride(),
        tensor.dtype,
        tensor.is_conj(),
        tensor.is_neg(),
    )


def in_shared_loops(calls: Sequence[Call], kept: Collection[int]) -> list[Unit]:
    """Every pointwise call whose numbers only one other reads, place by place, joins that one's loop.

    It runs later for that; so nothing that it reads may change.

    Args:
        calls: in order.
        kept: storages that are read after the last call.
    """
    changed = {storage_of(t) for call in calls for t in call.written}
    readers: dict[int, list[tuple[int, Tensor]]] = {}
    for index, call in enumerate(calls):
        for tensor in call.inputs:
            readers.setdefault(storage_of(tensor), []).append((index, tensor))
    loops: dict[int, list[int]] = {}
    loop_of: dict[int, int] = {}
    for index in reversed(range(len(calls))):
        call = calls[index]
        loop = index
        if _movable(call, changed) and not {storage_of(t) for t in call.results} & {*kept}:
            after = _only_reader(call, readers.get(storage_of(call.results[0]), []), calls)
            if after is not None and len(loops[loop_of[after]]) < LONGEST:
                loop = loop_of[after]
        loop_of[index] = loop
        loops.setdefault(loop, []).append(index)
    return [Unit(tuple(calls[k] for k in reversed(loops[last]))) for last in sorted(loops)]


def _movable(call: Call, changed: Collection[int]) -> bool:
    touched = {storage_of(t) for t in (*call.inputs, *call.results)}
    return len(call.results) == 1 and _in_a_loop(call) and not touched & {*changed}


def _in_a_loop(call: Call) -> bool:
    return is_pointwise(call) and not of_nothing(call)


def _only_reader(call: Call, reads: Sequence[tuple[int, Tensor]], calls: Sequence[Call]) -> int | None:
    """The one call that reads the result, if it is pointwise and as large."""
    (result,) = call.results
    if len({index for index, _ in reads}) != 1:
        return None
    index = reads[0][0]
    reader = calls[index]
    alike = all(_layout(t) == _layout(result) for _, t in reads) and reader.results[0].shape == result.shape
    given = sum(storage_of(t) == storage_of(result) for t in tensors(reader.arguments))
    return index if _in_a_loop(reader) and alike and given == len(reads) else None


def parts_in_place(calls: Sequence[Call], inputs: Sequence[Tensor], joined: Tensor) -> dict[int, int]:
    """Storage -> where it lies in `joined`, in bytes, for what need not be copied there.

    Args:
        calls: of which one joins the gradients of all parameters.
        inputs: of the recording.
        joined: (1, numbers), those gradients.
    """
    call = next((c for c in calls if storage_of(joined) in {storage_of(t) for t in c.results}), None)
    if call is None or name_of(call.operation) != "cat" or not joined.is_contiguous():
        return {}
    made = {storage_of(t) for c in calls for t in c.results} - {storage_of(t) for t in inputs}
    places: dict[int, int] = {}
    start = 0
    for part in call.arguments[0]:
        if storage_of(part) in made and _whole(part) and part.dtype == joined.dtype:
            places.setdefault(storage_of(part), start)
        start += part.numel() * joined.element_size()
    return places
