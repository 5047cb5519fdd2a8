"""Everything of torch that is used and not public, behind functions that check it when they are first used.

A torch in which something has moved, or works otherwise, makes these raise `ChangedTorch`. What the stacked
engine alone needs then is its reason to train one by one; the other doors say so in one message.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from sweeper.errors import SweeperError

try:
    from torch.utils._python_dispatch import TorchDispatchMode as _DispatchMode
except ImportError:  # `SeesOperations` says so when it is used
    _DispatchMode = None  # type: ignore[assignment,misc]

TESTED = "2.13"
"""The version of torch whose private parts these are."""
Door = TypeVar("Door")
Function = Callable[..., Any]


class ChangedTorch(SweeperError):
    """A private part of torch is not what it was."""


def _changed(part: str) -> ChangedTorch:
    return ChangedTorch(
        f"torch {torch.__version__} has no {part} as torch {TESTED} has, with which sweeper is tested"
    )


def _opened(part: str, find: Callable[[], Door], works: Callable[[Door], bool]) -> Door:
    """What `find` finds, if it `works` as expected.

    That is tried in a thread of its own, where no mode of torch is open that would see or change it.
    """
    try:
        with ThreadPoolExecutor(1) as thread:
            door = thread.submit(find).result()
            expected = thread.submit(works, door).result()
    except Exception as error:  # whatever a changed torch makes of it
        raise _changed(part) from error
    if not expected:
        raise _changed(part)
    return door


# Modules and tensors


@cache
def _module_tables() -> None:
    def works(module: nn.Module) -> bool:
        module._apply(lambda tensor: tensor.double())
        norm: Any = module._modules["norm"]
        held = norm._parameters["weight"], norm._buffers["running_mean"]
        return [tensor.dtype for tensor in held] == [torch.float64] * 2

    find = lambda: nn.Sequential(OrderedDict(norm=nn.BatchNorm1d(1)))  # noqa: E731  (draws no random numbers)
    _opened("tables of a module's parts", find, works)


def buffers_of(module: nn.Module) -> dict[str, Tensor | None]:
    """name -> buffer of the module itself; changed when the dictionary is."""
    _module_tables()
    return module._buffers


def parameters_of(module: nn.Module) -> dict[str, nn.Parameter | None]:
    """name -> parameter of the module itself; changed when the dictionary is."""
    _module_tables()
    return module._parameters


def children_of(module: nn.Module) -> dict[str, nn.Module | None]:
    """name -> module in it; ``named_children`` leaves out one that has a second name."""
    _module_tables()
    return module._modules


def apply_to_tensors(module: nn.Module, function: Callable[[Tensor], Tensor]) -> nn.Module:
    """Put ``function(tensor)`` in the place of every parameter and buffer."""
    _module_tables()
    return module._apply(function)


def resetter_of(module: nn.Module) -> Function | None:
    """What draws the weights of a module anew: ``reset_parameters``, which attention has as a private one."""
    methods = (getattr(module, name, None) for name in ("reset_parameters", "_reset_parameters"))
    return next(filter(callable, methods), None)


@cache
def _versions() -> None:
    def works(tensor: Tensor) -> bool:
        before = tensor._version
        return bool(tensor.add_(1)._version == before + 1)

    _opened("version of a tensor", lambda: torch.zeros(1), works)


def version_of(tensor: Tensor) -> int:
    """How often the tensor was written to."""
    _versions()
    return int(tensor._version)


@cache
def _hooks() -> None:
    def find() -> list[Any]:
        hooked, then = (torch.zeros(1, requires_grad=True) for _ in range(2))
        hooked.register_hook(lambda g: g)
        then.register_post_accumulate_grad_hook(lambda t: None)
        after, before, sees = (nn.Identity() for _ in range(3))
        after.register_full_backward_hook(lambda *_: None)
        before.register_full_backward_pre_hook(lambda *_: None)
        sees.register_forward_hook(lambda *_: None)
        return [hooked, then, after, before, sees]

    def works(things: list[Any]) -> bool:
        none = any(map(_has_hooks, (torch.zeros(1), nn.Identity(), things[-1])))
        return all(map(_has_hooks, things[:-1])) and not none and _has_hooks(things[-1], "_forward")

    _opened("hooks of tensors and modules", find, works)


def _has_hooks(thing: Any, way: str = "_backward") -> bool:
    if isinstance(thing, Tensor):
        return bool(thing._backward_hooks) or bool(thing._post_accumulate_grad_hooks)
    return bool(getattr(thing, f"{way}_hooks")) or bool(getattr(thing, f"{way}_pre_hooks"))


def has_gradient_hooks(thing: Tensor | nn.Module) -> bool:
    """Whether something of the user's sees, or changes, its gradients in a backward pass."""
    _hooks()
    return _has_hooks(thing)


def has_forward_hooks(module: nn.Module) -> bool:
    """Whether something of the user's sees, or changes, what the module gets or gives."""
    _hooks()
    return _has_hooks(module, "_forward")


def hooks_of_all_modules() -> dict[str, dict[Any, Any]]:
    """Name -> table of hooks that torch calls for every module there is; changed when a table is."""
    every = {name: table for name, table in vars(nn.modules.module).items() if name.startswith("_global_")}
    if not {"_global_backward_hooks", "_global_backward_pre_hooks"} <= every.keys():
        raise _changed("hooks of all modules")
    return {name: table for name, table in every.items() if isinstance(table, dict)}


@cache
def _zero_tensors() -> Function:
    def works(is_zero: Function) -> bool:
        return not is_zero(torch.zeros(1)) and bool(is_zero(torch._efficientzerotensor(1)))

    return _opened("sign of zeros without memory", lambda: Tensor._is_zerotensor, works)


def is_zeros_without_memory(tensor: Tensor) -> bool:
    """Whether torch made a gradient of zeros without storing them."""
    return bool(_zero_tensors()(tensor))


@cache
def _negation() -> Function:
    def works(negative: Function) -> bool:
        view = negative(torch.ones(1))
        return bool(view.is_neg()) and view.item() == -1

    return _opened("view that is read negated", lambda: torch._neg_view, works)


def negative_view(tensor: Tensor) -> Tensor:
    """A view whose numbers are read with the other sign."""
    view: Tensor = _negation()(tensor)
    return view


# Operations


class _NoMode:
    """In place of a mode that sees operations, where torch has none."""

    def __init__(self) -> None:
        raise _changed("mode that sees operations")


class SeesOperations(_DispatchMode or _NoMode):  # type: ignore[misc,valid-type]
    """A mode that sees every operation below autograd, and nothing of the compiler."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled while this is open; saying so would import the compiler, for seconds."""
        return False


@cache
def _schemas() -> None:
    def works(operation: Any) -> bool:
        schema = operation._schema
        return (schema.name, schema.is_mutable, [a.name for a in schema.arguments]) == (
            "aten::add_",
            True,
            ["self", "other", "alpha"],
        ) and bool(schema.arguments[0].alias_info.is_write)

    _opened("schema of an operation", lambda: torch.ops.aten.add_.Tensor, works)


def schema_of(operation: Any) -> Any:
    """Name, arguments and results of an operation (``torch.FunctionSchema``)."""
    _schemas()
    return operation._schema


@cache
def _overloads() -> None:
    def works(operation: Any) -> bool:
        names = operation._overloadpacket.overloads()
        return {"Tensor", "out"} <= set(names) and operation._op(torch.ones(1), torch.ones(1)).item() == 2

    _opened("overloads of an operation", lambda: torch.ops.aten.add.Tensor, works)


def overloads_of(operation: Any) -> Iterator[Any]:
    """The operations that share its name."""
    _overloads()
    packet = operation._overloadpacket
    return (getattr(packet, name) for name in packet.overloads())


def unchecked(operation: Any) -> Function:
    """What runs an operation with less work in Python around it."""
    _overloads()
    function: Function = operation._op
    return function


# Inside of vmap


@cache
def _wrappers() -> tuple[Function, Function, Function]:
    def works(functions: tuple[Function, Function, Function]) -> bool:
        is_wrapped, inner, is_batched = functions
        seen = []

        def note(row: Tensor) -> Tensor:
            seen.append(is_wrapped(row) and is_batched(row) and tuple(inner(row).shape) == (2, 3))
            return row

        torch.vmap(note)(torch.zeros(2, 3))
        return seen == [True] and not is_wrapped(torch.zeros(1)) and not is_batched(torch.zeros(1))

    def find() -> tuple[Function, Function, Function]:
        room = torch._C._functorch
        return room.is_functorch_wrapped_tensor, room.get_unwrapped, room.is_batchedtensor

    return _opened("tensors inside of vmap", find, works)


def is_wrapped(tensor: Tensor) -> bool:
    """Whether `tensor` stands for another one, inside of a transformation."""
    return bool(_wrappers()[0](tensor))


def inner(tensor: Tensor) -> Tensor:
    """The tensor that `tensor`, which is wrapped, stands for."""
    tensor = _wrappers()[1](tensor)
    return tensor


def is_one_row(tensor: Tensor) -> bool:
    """Whether `tensor` itself stands for one row of many, inside of vmap."""
    return bool(_wrappers()[2](tensor))


# Switches and the compiler


@cache
def mkldnn_switch() -> tuple[Callable[[], bool], Callable[[bool], None]]:
    """(whether oneDNN's kernels are on, what turns them on or off); the public switch does much more."""

    def works(switch: tuple[Callable[[], bool], Callable[[bool], None]]) -> bool:
        get, put = switch
        before = get()
        try:
            put(not before)
            return get() is not before
        finally:
            put(before)

    return _opened(
        "switch of oneDNN", lambda: (torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled), works
    )


@cache
def _spare_methods() -> None:
    """Optimizers' methods that are never compiled load the compiler when first called; these now do not."""
    mark, methods = "__dynamo_disable", ("add_param_group", "zero_grad")

    def works(wrappers: Sequence[Any]) -> bool:
        return all(mark in each.__code__.co_consts and callable(each.__wrapped__) for each in wrappers)

    def find() -> Sequence[Any]:
        return [vars(torch.optim.Optimizer)[name] for name in methods]

    for each in _opened("marks of methods that are not compiled", find, works):
        vars(each.__wrapped__).setdefault(mark, each.__wrapped__)


def without_compiler(make: Callable[[], torch.optim.Optimizer]) -> torch.optim.Optimizer:
    """The optimizer of `make`, whose steps do not load torch's compiler; that takes 2 s in every process.

    A torch that has changed loads it, and trains alike.
    """
    try:
        _spare_methods()
    except ChangedTorch:
        return make()
    optimizer = make()
    step: Any = type(optimizer).step
    layers = []
    while hasattr(step, "__wrapped__"):
        layers.append(step.__code__.co_name)
        step = step.__wrapped__
    if "_use_grad" in layers:  # that layer alone calls the compiler; around it are hooks that nobody has set
        optimizer.step = partial(torch.no_grad()(step), optimizer)  # type: ignore[method-assign,assignment]
    return optimizer


def hidden_functions(rules: Mapping[str, Function]) -> dict[Function, Function]:
    """Rules for functions of torch with an underscore before their name, by the function.

    Left out is one that this torch does not have: then nothing calls it.
    """
    hidden = {f"_{name}": rule for name, rule in rules.items()}
    return {getattr(torch, name): rule for name, rule in hidden.items() if hasattr(torch, name)}
