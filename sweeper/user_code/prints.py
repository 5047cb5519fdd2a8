"""What is told apart of the state of a model and of the user's code: before a pass, and after it."""

import io
import random
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from enum import Enum
from mmap import mmap
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.private_torch import version_of
from sweeper.user_code.iteration import is_iterator, position
from sweeper.user_code.outside import LARGE, SCALARS, is_of_c, is_plain, reachable, same

OF_VALUES = ("builtins", "array", "collections", "datetime", "decimal", "fractions", "numpy", "uuid")
"""Modules of types whose objects tell their whole state when they are printed."""
MODEL = ""
"""The root whose parameters and buffers every engine keeps itself; those of a loss are state."""
TOLD_BY_NAME = (Enum, torch.dtype, torch.device, torch.layout, torch.memory_format)
"""One of a few, which differ in nothing but their names."""


def prints(roots: Mapping[str, Any]) -> dict[str, Any]:
    """path -> what can be compared of the state there; parameters and buffers of `MODEL` left out."""
    model = roots.get(MODEL)
    tensors = (*model.parameters(), *model.buffers()) if isinstance(model, nn.Module) else ()
    own = {id(tensor) for tensor in tensors}
    found, times = dict[str, Any](), Counter[str]()
    for path, thing in reachable(roots, weights=True, others=True):
        if id(thing) in own:
            continue
        times[path] += 1  # closures of one factory have one path, elements of a set too
        found[path if times[path] == 1 else f"{path} ({times[path]})"] = _print(thing)
    return found


def prints_of_model(model: nn.Module, beside: Mapping[str, Any]) -> dict[str, Any]:
    """`prints` of a model and which of its parameters are trained, and of what is kept `beside` it."""
    trained = tuple(parameter.requires_grad for parameter in model.parameters())
    return prints({MODEL: model, **beside, "which parameters are trained": trained})


def _print(thing: Any) -> Any:
    if is_plain(thing):
        return thing
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, Tensor):
        return thing.detach().clone() if thing.nbytes < LARGE else (thing.data_ptr(), version_of(thing))
    if isinstance(thing, np.ndarray):
        return thing.copy() if thing.nbytes < LARGE else id(thing)
    if isinstance(thing, random.Random | np.random.Generator | np.random.RandomState | torch.Generator):
        return str(_random_state(thing))
    if isinstance(thing, dict):
        return len(thing), hash(tuple(thing))  # no plain value: a cache may be filled once
    if isinstance(thing, list | tuple | deque | set | frozenset):
        return len(thing), hash(frozenset(thing)) if isinstance(thing, set | frozenset) else None
    if isinstance(thing, SCALARS):
        return thing
    if isinstance(thing, memoryview | mmap) or is_of_c(thing):
        return _bytes(thing)
    if isinstance(thing, np.flatiter):
        return thing.index
    if _module(type(thing)).partition(".")[0] == "pandas" and hasattr(thing, "memory_usage"):
        return _of_table(thing)
    if isinstance(thing, io.StringIO | io.BytesIO):
        return thing.tell(), thing.getvalue()
    if is_iterator(thing):
        return position(thing)
    is_value = _module(type(thing)) in OF_VALUES and not callable(thing) and not isinstance(thing, ModuleType)
    return repr(thing) if is_value or isinstance(thing, TOLD_BY_NAME) else _name(thing)


def _module(of: type) -> str:
    """Where a class comes from; some of compiled libraries say nothing sensible."""
    name = getattr(of, "__module__", "")
    return name if isinstance(name, str) else ""


def _bytes(thing: Any) -> Any:
    """The memory of an object that gives it out; its kind, of one that does not."""
    try:
        return bytes(thing)
    except (TypeError, ValueError, BufferError):
        return type(thing).__name__


def _name(thing: Any) -> Any:
    """What it is: of functions and classes which one, of functions of Python also their code."""
    name = getattr(thing, "__qualname__", None) if callable(thing) else None
    if not isinstance(name, str) or isinstance(thing, nn.Module):
        return type(thing).__name__
    code = getattr(thing, "__code__", None)
    return type(thing).__name__, name, hash(code) if isinstance(code, CodeType) else None


def _of_table(table: Any) -> Any:
    """Something that changes when a cell of a pandas object does."""
    import pandas as pd  # loaded late: a training needs it for such an object alone

    if np.sum(table.memory_usage()) >= LARGE:
        return id(table)
    try:
        return int(pd.util.hash_pandas_object(table).sum())
    except TypeError:  # cells that are lists, or a column of its own
        return repr(np.asarray(table).tolist())


def _random_state(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    return generator.get_state().tolist() if isinstance(generator, torch.Generator) else generator.get_state()


def changes(before: Mapping[str, Any], after: Mapping[str, Any], *, scalars: bool = False) -> Iterator[str]:
    """Paths of state that differs, or is in one of both alone; `scalars`: of plain values in both alone."""
    for path, value in after.items():
        if path not in before:
            if not scalars:
                yield path
            continue
        if scalars and not (isinstance(value, SCALARS) and isinstance(before[path], SCALARS)):
            continue
        if scalars and value is not None and before[path] is None:
            continue  # filled by the first call, as a cache is
        if not same(before[path], value):
            yield path
    if not scalars:
        yield from (path for path in before if path not in after)


def first_change(before: Mapping[str, Any], after: Mapping[str, Any], *, scalars: bool = False) -> str:
    """The first of `changes`, or an empty string."""
    return next(changes(before, after, scalars=scalars), "")
