"""Recorded pointwise operations, number by number."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from sweeper.private_torch import schema_of
from sweeper.training.stacked.native.formulas import BUFFERS, COMPARISONS, FORMULAS
from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Number, function
from sweeper.training.stacked.native.views import element_of
from sweeper.training.stacked.recording import Call, storage_of, tensors
from sweeper.training.stacked.refusal import NotCompiled

Load = Callable[[Tensor], Number]
MASKS = {"where": 0, "masked_fill": 1}
"""Operation -> which of its arguments says where."""
LOGICAL = {"logical_not", "logical_and", "bitwise_not", "bitwise_and"}


def name_of(operation: Any) -> str:
    """Of an aten operation, without namespace, overload and the sign that it works in place."""
    name: str = schema_of(operation).name.split("::")[-1]
    return name.rstrip("_") if not name.startswith("_") else f"_{name.strip('_')}"


def is_pointwise(call: Call) -> bool:
    """Whether it has a formula."""
    return name_of(call.operation) in FORMULAS.keys() | COMPARISONS


def values_of(call: Call, load: Load) -> list[Number]:
    """What a pointwise call makes of the numbers that `load` finds in its tensors."""
    name = name_of(call.operation)
    options = {key: value for key, value in call.options.items() if key not in IGNORED and value is not None}
    result = element_of(call.results[0].dtype)
    kind = _common(call) if name in COMPARISONS else "i1" if name in LOGICAL and result == "i1" else result

    def number(index: int, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return load(value).converted("i1" if MASKS.get(name) == index else kind)

    arguments = [number(index, value) for index, value in enumerate(call.arguments)]
    lanes = max((a.kind.lanes for a in arguments if isinstance(a, Number)), default=1)
    numbers = [a for a in arguments if isinstance(a, Number)]
    if not numbers:
        raise NotCompiled(f"{name} of no tensor")
    code = numbers[0].code
    arguments = [code.spread(a, lanes) if isinstance(a, Number) else a for a in arguments]
    if name in COMPARISONS:
        return [arguments[0].compare(name, arguments[1])]
    if name in MASKS:
        arguments = [
            code.like(a, Kind(result, lanes)) if k != MASKS[name] else a for k, a in enumerate(arguments)
        ]
    first = next(k for k, a in enumerate(arguments) if isinstance(a, Number))
    if first:
        arguments[:first] = [code.like(a, Kind(kind, lanes)) for a in arguments[:first]]
    if name == "copy":
        return [arguments[1]]
    found = [FORMULAS[name](*arguments, **options)]
    return [*found, *([BUFFERS[name](*arguments)] if name in BUFFERS else [])]


IGNORED = {"out", "dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking"}
"""Options that change no number; a type is that of the result."""


def _common(call: Call) -> str:
    """The type in which two tensors, or a tensor and a number, are compared."""
    found = [element_of(t.dtype) for t in tensors(call.arguments)]
    order = ["double", "float", "i64", "i32", "i1"]
    best = min(found, key=order.index)
    whole = best in ("i64", "i32", "i1")
    return "double" if whole and any(isinstance(a, float) for a in call.arguments) else best


def loop_function(
    name: str,
    calls: Sequence[Call],
    known: Mapping[int, str],
    parameters: Sequence[str],
    columns: Mapping[int, tuple[str, int]],
    written: Sequence[int],
    element: str,
    register_bytes: int,
) -> tuple[str, set[str]]:
    """A function of `parameters` (pointers) and a length: `calls` on one element after the other.

    Args:
        name: of the function.
        calls: pointwise ones on tensors of one shape, and on single numbers.
        known: storage -> the pointer among `parameters` to its elements.
        parameters: pointers in order, without sign.
        columns: storage -> (pointer, index) of a single number.
        written: the storages whose values at the end are stored.
        element: of the numbers.
        register_bytes: size of a vector register.
    """

    def body(code: Code) -> None:
        single = {
            where: code.load(code.address(f"%{pointer}", index, element), Kind(element))
            for where, (pointer, index) in columns.items()
        }
        length = Number(code, "%n", Kind("i64"))
        lanes = register_bytes // BYTES[element]
        full = length - (length & (lanes - 1))

        def some(at: Number, width: int) -> None:
            values: dict[int, Number] = {}

            def load(tensor: Tensor) -> Number:
                where = storage_of(tensor)
                if where in single:
                    return single[where]
                if where not in values:
                    if where not in known:
                        return _constant(code, tensor)
                    values[where] = code.load(
                        code.address(f"%{known[where]}", at, element), Kind(element, width)
                    )
                return values[where]

            for call in calls:
                made = (
                    [code.like(value_of(call), Kind(element))] if of_nothing(call) else values_of(call, load)
                )
                for target, value in zip(call.results, made, strict=False):
                    values[storage_of(target)] = code.spread(value, width)
            for where in written:
                if where in values:
                    code.store(values[where], code.address(f"%{known[where]}", at, element))

        with code.when(full.compare("gt", 0)), code.loop(full, lanes) as loop:
            some(loop.index, lanes)
        with code.when(full.compare("lt", length)), code.loop(length, 1, full) as loop:
            some(loop.index, 1)

    return function(name, [*(f"ptr %{p}" for p in parameters), "i64 %n"], body)


def _constant(code: Code, tensor: Tensor) -> Number:
    if tensor.numel() != 1:
        raise NotCompiled("an activation or update rule with constant arrays")
    return code.like(tensor.item(), Kind(element_of(tensor.dtype)))


def of_nothing(call: Call) -> bool:
    """Whether a call only makes a tensor of one value."""
    return call.constant or name_of(call.operation) in ("zeros", "ones", "full", "scalar_tensor")


def value_of(call: Call) -> float:
    """The one value of a tensor that a call makes of nothing."""
    name, values = name_of(call.operation), {"zeros": 0.0, "ones": 1.0, "empty": 0.0}
    for what, value in values.items():
        if what in name:
            return value
    return float(call.arguments[-1])
