"""What a model may rest on that no stack keeps, and that a few steps need not show.

A stack gives every parameter and buffer a place of its own, and computes gradients without the hooks of a
trial's own tensors.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.private_torch import has_gradient_hooks, hooks_of_all_modules
from sweeper.training.stacked.refusal import NotStackable
from sweeper.user_code.iteration import is_iterator, tells_its_position
from sweeper.user_code.outside import MOST, held_by, is_plain, is_users, reachable

Array = Tensor | np.ndarray

NODES = {"grad_fn", "get_gradient_edge"}
"""What leads to the operations that tensors were made by."""
SILENT = "an iterator that does not tell how far it is"
WRITES = "prim::SetAttr"
"""By which code of torch.jit changes an attribute."""
HOOKS = "a hook of the model sees its gradients, or changes them"


def refuse_what_stacks_lose(model: nn.Module, code: Mapping[str, Any]) -> None:
    """Look at a fresh `model`, and at the objects that it and the `code` of the user hold.

    Raises:
        NotStackable: if a hook sees gradients, an iterator of the model does not tell how far it is, or there
            is more than can be looked at.
    """
    refuse_hooks(model)
    things = [thing for _, thing in reachable({"": model, **code}, weights=True)]
    if sum(not is_plain(thing) for thing in things) >= MOST:
        raise NotStackable(f"more than {MOST:,} objects hold what it may change, too many to look at")
    named = {name for function in _called(model, code) for name in _names_in(function.__code__)}
    for path, thing in reachable({"": model}, weights=False):
        silent = type(thing).__module__.startswith("torch") and isinstance(thing, Iterator)
        silent |= is_iterator(thing) and not tells_its_position(thing)
        silent |= isinstance(thing, SimpleQueue)
        if silent and named & {*re.split(r"[.\[]", path)}:
            what = "a queue that does not tell what it holds" if isinstance(thing, SimpleQueue) else SILENT
            raise NotStackable(f"{path} is {what}")
    if NODES & named:  # whose hooks nobody can list
        raise NotStackable(HOOKS)
    for scripted in (m for m in model.modules() if isinstance(m, torch.jit.ScriptModule)):
        if hasattr(scripted, "forward") and WRITES in str(scripted.inlined_graph):
            raise NotStackable("a scripted module of it changes its attributes")
    if "_version" in named:
        raise NotStackable("the model asks how often a tensor was written to")


def refuse_hooks(model: nn.Module) -> None:
    """Raise `NotStackable` if gradients of parameters or of modules, or of all there are, have hooks."""
    hooked: list[Tensor | nn.Module] = [*model.parameters(), *model.modules()]
    of_all = (table for name, table in hooks_of_all_modules().items() if "backward" in name)
    if any(has_gradient_hooks(each) for each in hooked) or any(of_all):
        raise NotStackable(HOOKS)


def _called(model: nn.Module, code: Mapping[str, Any]) -> list[FunctionType]:
    """Methods of the user's modules, the user's functions, and those that they name or hold."""
    bases = {base for module in model.modules() for base in type(module).__mro__ if is_users(base)}
    methods = (method for base in bases for method in vars(base).values())
    waiting, found, opened = [*code.values(), *methods], dict[int, FunctionType](), set[int]()
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict | list | tuple | set) and id(thing) not in opened:
            opened.add(id(thing))
            waiting += thing.values() if isinstance(thing, dict) else thing
        elif isinstance(thing, functools.partial | MethodType):
            waiting.append(thing.func if isinstance(thing, functools.partial) else thing.__func__)
        if isinstance(thing, FunctionType) and is_users(thing) and id(thing) not in found:
            found[id(thing)] = thing
            waiting += [thing.__globals__.get(name) for name in _names_in(thing.__code__)]
            waiting += [held_by(cell) for cell in thing.__closure__ or ()]
    return list(found.values())


def _names_in(code: CodeType) -> Iterator[str]:
    """Attributes and globals that code names, functions in it included."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names_in(part)


def arrays_beside(model: nn.Module, code: Mapping[str, Any]) -> dict[str, Array]:
    """path -> tensor or array that the model or the `code` hold, and that is neither parameter nor buffer."""
    known = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    found = reachable({"": model, **code}, weights=True)
    return {path: t for path, t in found if isinstance(t, Tensor | np.ndarray) and id(t) not in known}


def refuse_shared_memory(model: nn.Module, before: Mapping[str, Array], after: Mapping[str, Array]) -> None:
    """`before` and `after` a pass: `arrays_beside`. One that each pass makes anew is no state.

    Raises:
        NotStackable: if a parameter or buffer shares memory with another tensor.
    """
    held: dict[str, Array] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    others = {path: array for path, array in after.items() if before.get(path) is array}
    for name, parameter in model.named_parameters():
        start, end = _span(parameter)
        if parameter.numel() * parameter.element_size() > end - start > 0:
            raise NotStackable(f"{name} overlaps itself in memory")
    spans = sorted((*_span(array), name in held, name) for name, array in (*held.items(), *others.items()))
    open_: list[tuple[int, int, bool, str]] = []
    for span in spans:
        open_ = [other for other in open_ if other[1] > span[0]]
        for other in open_:
            if span[2] or other[2]:
                one, two = sorted((other, span), key=lambda each: not each[2])
                raise NotStackable(f"{one[3]} and {two[3]} share memory without being one tensor")
        if span[1] > span[0]:
            open_.append(span)


def _span(array: Array) -> tuple[int, int]:
    """Addresses of its first byte, and of that after its last; nothing of what has none."""
    if isinstance(array, np.ndarray):
        return np.lib.array_utils.byte_bounds(array) if array.size else (0, 0)
    if array.layout != torch.strided or not array.numel():
        return 0, 0
    reach = sum((n - 1) * stride for n, stride in zip(array.shape, array.stride(), strict=True))
    return array.data_ptr(), array.data_ptr() + (reach + 1) * array.element_size()


@contextmanager
def no_gradient_hooks() -> Iterator[None]:
    """Refuse a pass that puts a hook on a tensor on its way."""
    plain, seen = Tensor.register_hook, list[Tensor]()

    def noted(tensor: Tensor, hook: Any) -> Any:
        seen.append(tensor)
        return plain(tensor, hook)

    Tensor.register_hook = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.register_hook = plain  # type: ignore[method-assign]
    if seen:
        raise NotStackable(HOOKS)
