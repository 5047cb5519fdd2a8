"""What a function of tensors computes, operation by operation, below autograd and vmap."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sweeper.components.operations import tensors_in
from sweeper.private_torch import (
    SeesOperations,
    is_zeros_without_memory,
    schema_of,
)
from sweeper.training.stacked.refusal import NotStackable

CONSTANT = {
    *("new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided"),
    *("zeros_like", "ones_like", "full_like", "empty_like"),
}
"""Operations that take a tensor for its shape alone."""


PLAIN = (Tensor, torch.nn.Parameter)
"""Classes without a behaviour of their own."""


@dataclass(frozen=True)
class Call:
    """One operation as it was run."""

    operation: Any
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    results: tuple[Tensor, ...]

    @property
    def inputs(self) -> list[Tensor]:
        """Tensors among its arguments."""
        return [*tensors(self.arguments), *tensors(self.options.values())]

    @property
    def written(self) -> list[Tensor]:
        """Arguments that the operation changes in place."""
        names = [a for a in schema_of(self.operation).arguments if not a.kwarg_only]
        pairs = [(a, value) for a, value in zip(names, self.arguments, strict=False)]
        pairs += [(a, self.options.get(a.name)) for a in schema_of(self.operation).arguments if a.kwarg_only]
        return [t for a, value in pairs if a.alias_info and a.alias_info.is_write for t in tensors([value])]

    @property
    def name(self) -> str:
        """That of the operation, without ``aten::``."""
        return str(schema_of(self.operation).name.removeprefix("aten::"))

    @property
    def constant(self) -> bool:
        """Whether the values of its tensors do not matter, only their shapes."""
        return self.name in CONSTANT

    @property
    def random(self) -> bool:
        """Whether it draws; torch says so of attention without dropout too."""
        return torch.Tag.nondeterministic_seeded in self.operation.tags and self._given("dropout_p") != 0

    def on(self, memory: Callable[[Tensor], Tensor]) -> "Call":
        """The same of other tensors: what `memory` gives for each of its own."""
        parts = self.arguments, self.options, self.results
        return Call(self.operation, *(replaced(part, memory) for part in parts))

    def _given(self, name: str) -> Any:
        """The value of the argument `name`; ``None`` where there is none of that name."""
        for index, argument in enumerate(schema_of(self.operation).arguments):
            if argument.name == name:
                positional = index < len(self.arguments)
                return self.arguments[index] if positional else self.options.get(name, argument.default_value)
        return None


Recorded = tuple[Sequence[Call], Sequence[Tensor], Sequence[Tensor]]
"""Calls that must run again, inputs and results of a function."""


ZEROS_WITHOUT_MEMORY = "aten::_efficientzerotensor"


class Recorder(SeesOperations):
    """While open, notes every operation below autograd and vmap."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if torch.Tag.inplace_view in operation.tags and operation.namespace == "aten":
            return self._other_view(operation, *args, **(kwargs or {}))
        if schema_of(operation).name == ZEROS_WITHOUT_MEMORY:  # a derivative that is 0 everywhere
            operation = torch.ops.aten.zeros.default
        result = operation(*args, **(kwargs or {}))
        self.calls.append(Call(operation, args, kwargs or {}, tuple(tensors([result]))))
        return result

    def _other_view(self, operation: Any, target: Tensor, *args: Any, **kwargs: Any) -> Any:
        """From here on `target` is another view of its memory; the calls so far keep the one that it was.

        Raises:
            NotStackable: if it gets other memory.
        """
        before, memory = target.detach(), storage_of(target)
        result = operation(target, *args, **kwargs)
        if storage_of(target) != memory:
            raise NotStackable(f"{operation} gives a tensor other memory, which a recorded step cannot")
        self.calls = [call.on(lambda t: before if t is target else t) for call in self.calls]
        return result


def record(function: Callable[[], Sequence[Tensor]]) -> tuple[list[Call], list[Tensor]]:
    """Run `function` once; its operations in order, and what it returned.

    Raises:
        NotStackable: for tensors that are more than numbers of one type at strides in memory.
    """
    with Recorder() as recorder:
        results = list(function())
    for call in recorder.calls:
        for tensor in (*call.inputs, *call.results):
            if reason := unusual(tensor):
                raise NotStackable(f"{call.operation} works on {reason}, which a recorded step cannot hold")
    return recorder.calls, results


def unusual(tensor: Tensor) -> str:
    """What makes a tensor more than memory, type, size, strides, conjugate bit and negative bit; or empty.

    These are all that `placed_on` rebuilds.
    """
    if type(tensor) not in PLAIN:
        return f"a tensor of the class {type(tensor).__name__}"
    if tensor.layout != torch.strided:
        return f"a tensor in the layout {str(tensor.layout).removeprefix('torch.')}"
    reasons = {
        "a quantized tensor": tensor.is_quantized,
        "a nested tensor": tensor.is_nested,
        "a tensor of zeros without memory": is_zeros_without_memory(tensor),
    }
    return next((reason for reason, is_so in reasons.items() if is_so), "")


def tensors(values: Iterable[Any]) -> list[Tensor]:
    """The tensors among `values`, also inside lists, tuples and dicts."""
    return [tensor for value in values for tensor in tensors_in(value)]


def replaced(value: Any, memory: Callable[[Tensor], Tensor]) -> Any:
    """`value` with each tensor in it exchanged, also inside lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return memory(value)
    if isinstance(value, list | tuple):
        return type(value)(replaced(v, memory) for v in value)
    if isinstance(value, Mapping):
        return {key: replaced(v, memory) for key, v in value.items()}
    return value


def storage_of(tensor: Tensor) -> int:
    """What tensors on the same memory have in common.

    Raises:
        NotStackable: if it is one that ``torch.vmap`` or ``torch.func`` makes, without a memory of its own.
    """
    try:
        return tensor.untyped_storage().data_ptr()
    except NotImplementedError:
        raise NotStackable(
            "a hidden activation is called within torch.vmap or torch.func, where a stack cannot follow what "
            "it reads"
        ) from None


MOVES = {"_to_copy", "clone", "copy_", "cat", "stack"}
"""Operations that compute nothing."""


def of_fewer_digits(some: Sequence[Tensor], like: Tensor) -> list[Tensor]:
    """Those of real numbers of fewer digits than those of `like`; none where these are no real ones."""
    eps = torch.finfo(like.dtype).eps if like.is_floating_point() else math.inf
    return [t for t in some if t.is_floating_point() and torch.finfo(t.dtype).eps > eps]


def loses_digits(calls: Sequence[Call], like: Tensor) -> str:
    """``float64 to float32`` where `calls` compute with numbers that were rounded so; else empty.

    Numbers have the digits of `like`. In fewer, what is computed differs by more than those may, where
    functions are other ones, or rows are summed in another order.
    """
    eps, rounded = torch.finfo(like.dtype).eps, set[int]()
    for call in calls:
        taken, given = ([t for t in ts if t.is_floating_point()] for ts in (call.inputs, call.results))
        few = of_fewer_digits(given, like)
        is_tainted = any(storage_of(t) in rounded for t in taken)
        loses = few and any(torch.finfo(t.dtype).eps <= eps for t in taken)
        if (is_tainted or loses) and call.name not in MOVES:
            found = [t for t in taken if storage_of(t) in rounded] or few
            return f"{_name(like)} to {_name(found[0])}"
        made = {storage_of(t) for t in given}
        rounded = rounded | {storage_of(t) for t in few} if loses or is_tainted else rounded - made
    return ""


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def needed(calls: Sequence[Call], inputs: Sequence[Tensor], results: Sequence[Tensor]) -> list[Call]:
    """The calls that must run again when `inputs` change, for `results` to change with them.

    Left out are views (they look at the same memory), constants, and what nobody reads.
    """
    changed = {storage_of(t) for call in calls for t in call.written}
    varying = {storage_of(t) for t in inputs}
    again: list[Call] = []
    for call in calls:
        read, made = {storage_of(t) for t in call.inputs}, {storage_of(t) for t in call.results}
        if not call.written and not call.random and made <= read:
            continue
        if call.random or made & changed or (read & varying and not call.constant) or call.written:
            varying |= made
            again.append(call)
    wanted = {storage_of(t) for t in results} | {storage_of(t) for t in inputs}
    kept: list[Call] = []
    for call in reversed(again):
        targets = {storage_of(t) for t in (call.written or call.results)}
        if targets & wanted or call.random:  # what is drawn after it depends on it
            wanted |= {storage_of(t) for t in call.inputs}
            kept.append(call)
    return kept[::-1]
