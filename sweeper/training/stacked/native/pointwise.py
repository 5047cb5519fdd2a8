"""Recorded pointwise operations, number by number."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from sweeper.private_torch import schema_of
from sweeper.training.stacked.native.formulas import BUFFERS, COMPARISONS, FORMULAS
from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Loop, Number, function
from sweeper.training.stacked.native.reductions import across, add
from sweeper.training.stacked.native.views import element_of
from sweeper.training.stacked.recording import Call, storage_of, tensors
from sweeper.training.stacked.refusal import NotCompiled

Load = Callable[[Tensor], Number]
MASKS = {"where": 0, "masked_fill": 1}
"""Operation -> which of its arguments says where."""
LOGICAL, BITWISE = ({f"{of}_{what}" for what in ("not", "and", "or", "xor")} for of in ("logical", "bitwise"))
"""Of truth values, whatever the type of the result is (that of the tensor it is written into, in place); of
the bits of whole numbers, or of truth values."""


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
    of_truths = name in LOGICAL or (name in BITWISE and result == "i1")
    kind = _common(call) if name in COMPARISONS else "i1" if of_truths else result

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
    plain = {type(a) for a in call.arguments if not isinstance(a, Tensor)}
    if best in ("i64", "i32", "i1") and float in plain:
        return element_of(torch.get_default_dtype())
    return "i64" if best == "i1" and int in plain else best


@dataclass(frozen=True)
class Formula:
    """Pointwise calls on tensors of one shape, and on single numbers, and where their numbers lie."""

    calls: Sequence[Call]
    known: Mapping[int, str]
    """Storage -> the pointer to its elements."""
    single: Mapping[int, tuple[str, int]]
    """Storage -> (pointer, index) of the one number that stands for all its elements."""
    stored: Mapping[str, int]
    """Pointer -> the storage whose elements at the end are stored there."""
    summed: Mapping[str, int] = field(default_factory=dict)
    """Pointer to one number -> the storage whose elements at the end are added up to it."""


def loop_function(
    name: str, formula: Formula, parameters: Sequence[str], element: str, register_bytes: int
) -> tuple[str, set[str]]:
    """A function of `parameters` (pointers, in order) and a length: a formula, one element after the other.

    What is added up is so in a fixed order: vectors, then their lanes, then what is left over.
    """

    def body(code: Code) -> None:
        single = {
            where: code.load(code.address(f"%{pointer}", index, element), Kind(element))
            for where, (pointer, index) in formula.single.items()
        }
        length = Number(code, "%n", Kind("i64"))
        lanes = register_bytes // BYTES[element]
        full = length - (length & (lanes - 1))
        for pointer in formula.summed:
            code.store(code.like(0.0, Kind(element)), f"%{pointer}")

        def some(loop: Loop, width: int) -> None:
            sofar = loop.carry([code.like(0.0, Kind(element, width)) for _ in formula.summed])
            found = _at(code, formula, single, element, loop.index, width)
            loop.set([a + b for a, b in zip(sofar, found, strict=True)])

        for condition, stop, step, start in (("gt", full, lanes, 0), ("lt", length, 1, full)):
            with code.when(full.compare(condition, 0 if condition == "gt" else length)):
                with code.loop(stop, step, start) as loop:
                    some(loop, step)
                for pointer, total in zip(formula.summed, loop.finals, strict=False):
                    whole = code.load(f"%{pointer}", Kind(element)) + across(code, total, add)
                    code.store(whole, f"%{pointer}")

    return function(name, [*(f"ptr %{p}" for p in parameters), "i64 %n"], body)


def _at(
    code: Code, formula: Formula, single: Mapping[int, Number], element: str, at: Number, width: int
) -> list[Number]:
    """Do the calls for `width` elements and store what they give; the terms of the sums."""
    values: dict[int, Number] = {}

    def number(where: int) -> Number | None:
        if where in single:
            return single[where]
        if where not in values and where in formula.known:
            address = code.address(f"%{formula.known[where]}", at, element)
            values[where] = code.load(address, Kind(element, width))
        return values.get(where)

    def load(tensor: Tensor) -> Number:
        found = number(storage_of(tensor))
        return _constant(code, tensor) if found is None else found

    changed = set[int]()
    for call in formula.calls:
        made = [code.like(value_of(call), Kind(element))] if of_nothing(call) else values_of(call, load)
        for target, value in zip(call.results, made, strict=False):
            values[storage_of(target)] = code.spread(value, width)
            changed.add(storage_of(target))
    for pointer, where in formula.stored.items():
        if where in changed or formula.known.get(where) != pointer:
            code.store(code.spread(_known(number(where)), width), code.address(f"%{pointer}", at, element))
    return [code.spread(_known(number(where)), width) for where in formula.summed.values()]


def _known(number: Number | None) -> Number:
    if number is None:
        raise NotCompiled("an activation or update rule whose result is a constant")
    return number


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
