"""A function recorded as a list of array operations, and replayed into the same memory.

A training step of a small network costs its framework more than its arithmetic: autograd graphs, batching
rules, fresh memory. A step that repeats needs none of that. `record` runs it once, forward and backward, and
notes every operation; `Tape` gives each of them a fixed place to write to and runs them one after another.

What a recorded step computes from something other than its inputs is fixed when it is recorded; shapes.py
finds the models that this would change.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from sweeper.private_torch import (
    negative_view,
    overloads_of,
    schema_of,
    unchecked,
)
from sweeper.training.stacked.recording import (
    Call,
    Recorded,
    loses_digits,
    needed,
    record,
    storage_of,
    tensors,
)
from sweeper.training.stacked.refusal import NotStackable
from sweeper.user_code.calls import message_of

Binder = Callable[[Call, Sequence[Any], Sequence[Tensor]], Callable[[], Any]]
"""(recorded call, its arguments, where to write) -> what does it again."""


class Tape:
    """The operations of `record`, bound to memory of their own."""

    def __init__(
        self,
        function: Callable[[], Sequence[Tensor]],
        inputs: Sequence[Tensor],
        binders: Mapping[Any, Binder] | None = None,
        random: Binder | None = None,
        read_only: Mapping[str, Sequence[Tensor]] | None = None,
        *,
        check: Callable[[Sequence[Call]], object] = lambda calls: None,
        keep: bool = False,
        like: Tensor | None = None,
    ) -> None:
        """Record `function`, which reads `inputs` and returns tensors.

        Args:
            function: what to record; it runs once, on the `inputs` as they are.
            inputs: tensors whose memory is filled anew before each `run`.
            binders: operations that are run another way than by themselves.
            random: the way of operations that draw random numbers.
            read_only: what they are -> `inputs` that nothing may be written to.
            check: looks at what was recorded, and raises `NotStackable` where that will not do.
            keep: hold what was recorded, and its memory.
            like: has the digits that all real numbers on the way must have.

        Raises:
            NotStackable: if it is written to them; for tensors that a tape cannot hold; for numbers that
                are rounded on their way.
        """
        calls, results = record(function)
        check(calls)
        changed = {storage_of(t) for call in calls for t in call.written}
        for what, kept_as_is in (read_only or {}).items():
            if changed & {storage_of(t) for t in kept_as_is}:
                raise NotStackable(f"the model writes into its {what}")
        kept = needed(calls, inputs, results)
        self.recorded: Recorded = (kept, tuple(inputs), tuple(results)) if keep else ((), (), ())
        """Calls, inputs and results as they were recorded, where they are to be kept."""
        if like is not None and (lost := loses_digits(kept, like)):
            raise NotStackable(f"the model computes with numbers that it rounds from {lost}")
        memory = _share(kept, inputs, results)
        self.outputs = [memory(t) for t in results]
        self.operations: list[Callable[[], Any]] = []
        for call in kept:
            moved = call.on(memory)
            arguments, targets = moved.arguments, moved.results
            special = (binders or {}).get(call.operation) or (random if call.random else None)
            self.operations.append((special or _again)(moved, arguments, targets))
            try:
                self.operations[-1]()  # what follows is tried on what this one made
            except (IndexError, RuntimeError, TypeError) as error:
                raise NotStackable(f"{call.operation} cannot be run again: {message_of(error)}") from error

    def run(self) -> None:
        """Do it all again."""
        for operation in self.operations:
            operation()


def _again(call: Call, arguments: Sequence[Any], targets: Sequence[Tensor]) -> Callable[[], Any]:
    if call.written:
        return partial(unchecked(call.operation), *arguments, **call.options)
    return writing(call.operation, arguments, call.options, targets, trying=True)


def writing(
    operation: Any,
    arguments: Sequence[Any],
    options: Mapping[str, Any],
    targets: Sequence[Tensor],
    *,
    trying: bool,
) -> Callable[[], Any]:
    """Runs an operation whenever it is called, its results going to `targets`.

    It writes there directly where that is known to give the same: in some layouts torch's operations with
    a target ignore its strides, or leave it as it was. What is not computed number by number is tried on
    the arguments as they are if `trying`, and otherwise trusted with contiguous targets alone.
    """
    variant, names = out_variant(operation)
    if variant is not None and len(names) == len(targets):  # a backward may leave out gradients
        run = partial(unchecked(variant), *arguments, **options, **dict(zip(names, targets, strict=True)))
        trusted = torch.Tag.pointwise in operation.tags or (
            _writes_all(run, operation, arguments, options, targets)
            if trying
            else all(target.is_contiguous() for target in targets)
        )
        if trusted:
            return run

    def copy() -> None:
        for target, value in zip(targets, tensors([operation(*arguments, **options)]), strict=True):
            target.copy_(value)

    return copy


def _writes_all(
    run: Callable[[], Any],
    operation: Any,
    arguments: Sequence[Any],
    options: Mapping[str, Any],
    targets: Sequence[Tensor],
) -> bool:
    """Whether `run` leaves in its targets what the operation returns, whatever was there before."""
    expected = tensors([operation(*arguments, **options)])
    for target in targets:
        target.fill_(False if target.dtype == torch.bool else 77)
    run()
    return all(torch.equal(t.nan_to_num(), e.nan_to_num()) for t, e in zip(targets, expected, strict=True))


@cache
def out_variant(operation: Any) -> tuple[Any, tuple[str, ...]]:
    """The overload of an operation that writes to given tensors, and the names under which it takes them.

    There is none of a loss that is reduced: some make their target as large as the input on the way, which
    torch warns of each time, and will refuse.
    """
    wanted = [(a.name, str(a.type)) for a in schema_of(operation).arguments]
    if ("reduction", "int") in wanted and not schema_of(operation).name.endswith("_backward"):
        return None, ()
    for overload in overloads_of(operation):
        schema = schema_of(overload)
        outs = tuple(a.name for a in schema.arguments if a.is_out)
        plain = [(a.name, str(a.type)) for a in schema.arguments if not a.is_out]
        if outs and len(outs) == len(schema_of(operation).returns) and plain == wanted:
            return overload, outs
    return None, ()


def _share(
    calls: Sequence[Call], inputs: Sequence[Tensor], results: Sequence[Tensor]
) -> Callable[[Tensor], Tensor]:
    """Lay out the memory of what `calls` make: what is read for the last time makes room for what follows.

    Less memory in use means that more of it is in the cache. Returns the map from recorded tensors to
    those that the tape uses.
    """
    last: dict[int, int] = {}
    for index, call in enumerate(calls):
        last |= {storage_of(t): index for t in (*call.inputs, *call.results)}
    last |= {storage_of(t): len(calls) for t in results}
    outside = {storage_of(t) for t in inputs}
    storages: dict[int, torch.UntypedStorage] = {}
    free: dict[tuple[int, torch.device], list[torch.UntypedStorage]] = {}
    known = set(outside)
    for index, call in enumerate(calls):
        for tensor in call.results:
            where = storage_of(tensor)
            if where in known or where in storages or call.written:
                continue
            size = tensor.untyped_storage().nbytes()
            spare = free.get((size, tensor.device))
            storages[where] = spare.pop() if spare else torch.UntypedStorage(size, device=tensor.device)
        for where in {storage_of(t) for t in (*call.inputs, *call.results)} & storages.keys():
            if last[where] == index:
                storage = storages[where]
                free.setdefault((storage.nbytes(), storage.device), []).append(storage)

    def memory(tensor: Tensor) -> Tensor:
        storage = storages.get(storage_of(tensor))
        if storage is None:
            return tensor.detach()
        return placed_on(storage, tensor)

    return memory


def placed_on(storage: torch.UntypedStorage, tensor: Tensor) -> Tensor:
    """`tensor` as it is, but on another memory: a view that is read conjugated or negated stays one."""
    empty = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
    view = empty.set_(storage, tensor.storage_offset(), tensor.size(), tensor.stride())
    if tensor.is_conj():
        view = torch.conj(view)
    return negative_view(view) if tensor.is_neg() else view
