"""State of the user's code is put back after a trial."""

import functools
import io
import random
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from mmap import mmap
from types import CellType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.user_code.iteration import is_cache
from sweeper.user_code.outside import (
    LARGE,
    Globals,
    attributes_of,
    has_state,
    held_by,
    is_empty,
    is_of_c,
    is_plain,
    is_users,
    reachable,
    same,
    slots_of,
)


@contextmanager
def put_back(roots: Mapping[str, Any], *, weights: bool = True) -> Iterator[None]:
    """Afterwards, all state that is reachable from `roots` is as it was at the beginning.

    `weights`: also parameters and buffers of modules.
    """
    things = (thing for _, thing in reachable(roots, weights=weights) if not is_plain(thing))
    kept = [keeper for thing in things if (keeper := _keeper(thing)) is not _nothing]
    try:
        yield
    finally:
        with ExitStack() as every:  # one that fails keeps no other from being put back
            for restore in reversed(kept):
                every.callback(restore)


def _nothing() -> None:
    """There is nothing to restore."""


def _keeper(thing: Any) -> Callable[[], None]:
    """What brings `thing` back to what it holds now, attributes of the user's own kinds of list included."""
    content = _content(thing)
    named = getattr(thing, "__dict__", None) if isinstance(thing, WITH_ATTRIBUTES) else None
    if named is None:
        return content
    values = dict(named)

    def restore() -> None:
        content()
        _refill(named, values)

    return restore


WITH_ATTRIBUTES = (dict, list, deque, set, functools.partial)
"""Kinds whose content and attributes are two things."""


def _content(thing: Any) -> Callable[[], None]:
    if isinstance(thing, FunctionType | ModuleType | type):
        return _namespace(thing)
    if isinstance(thing, dict):
        return functools.partial(_refill, thing, dict(thing))
    if isinstance(thing, list | deque):
        kept = list(thing)
        return functools.partial(_refill_sequence, thing, kept)
    if isinstance(thing, set):
        elements = set(thing)
        return functools.partial(_refill_set, thing, elements)
    if isinstance(thing, Tensor):
        return _tensor(thing) if thing.nbytes < LARGE else _nothing
    if isinstance(thing, bytearray | array):
        return functools.partial(_refill_bytes, thing, thing[:])
    if isinstance(thing, np.ndarray) and thing.flags.writeable and thing.nbytes < LARGE:
        return functools.partial(_refill_array, thing, thing.copy())
    if isinstance(thing, random.Random | np.random.RandomState | torch.Generator | np.random.Generator):
        return _generator(thing)
    if isinstance(thing, memoryview | mmap) or is_of_c(thing):
        return _memory(thing)
    if isinstance(thing, io.StringIO | io.BytesIO):
        return _file(thing)
    if isinstance(thing, WeakKeyDictionary | WeakValueDictionary):
        return functools.partial(_refill_weak, thing, dict(thing))
    if isinstance(thing, ContextVar):
        return _context(thing)
    if isinstance(thing, CellType):
        return functools.partial(_refill_cell, thing, held_by(thing), empty=is_empty(thing))
    return _namespace(thing)


def _namespace(thing: Any) -> Callable[[], None]:
    if isinstance(thing, FunctionType) and is_users(thing):
        return functools.partial(_refill, vars(thing), dict(vars(thing)))
    if isinstance(thing, Globals):
        return functools.partial(_refill, thing.names, dict(thing.names))
    if is_cache(thing) and is_users(thing.__wrapped__):
        return _cache(thing)
    if isinstance(thing, type):
        return functools.partial(_class_back, thing, attributes_of(thing)) if is_users(thing) else _nothing
    if isinstance(thing, ModuleType | FunctionType) or not (isinstance(thing, nn.Module) or has_state(thing)):
        return _nothing
    every = [name for base in type(thing).__mro__ for name in slots_of(base)]
    slots = {name: getattr(thing, name) for name in every if hasattr(thing, name)}
    values = dict(getattr(thing, "__dict__", {}))

    def restore() -> None:
        for name in every:
            if name in slots:
                object.__setattr__(thing, name, slots[name])
            elif hasattr(thing, name):  # it was set meanwhile
                object.__delattr__(thing, name)
        _refill(getattr(thing, "__dict__", {}), values)

    return restore


def _cache(function: Any) -> Callable[[], None]:
    """What a cache keeps cannot be given back to it, but one that was empty can be emptied. One that was not
    stays: a training must find what it has kept there, a random matrix, say, after whatever came between."""
    before = function.cache_info()

    def restore() -> None:
        if not before.currsize and function.cache_info().misses != before.misses:
            function.cache_clear()

    return restore


def _refill(names: dict[Any, Any], values: Mapping[Any, Any]) -> None:
    """Make `names` hold `values` again, in their order. Modules that were imported meanwhile stay: they are
    no state."""
    added = [n for n, v in names.items() if n not in values and not isinstance(v, ModuleType)]
    for name in added:
        del names[name]
    if [name for name in names if name in values] != list(values):
        modules = {name: value for name, value in names.items() if name not in values}
        names.clear()
        names.update({**values, **modules})
    for name, value in values.items():
        if names[name] is not value:
            names[name] = value


def _refill_sequence(sequence: Any, elements: list[Any]) -> None:
    sequence.clear()
    sequence.extend(elements)


def _refill_bytes(sequence: Any, elements: Any) -> None:
    if sequence != elements:
        sequence[:] = elements


def _refill_array(cells: np.ndarray, values: np.ndarray) -> None:
    if cells.shape != values.shape:  # given another one in place
        cells.resize(values.shape, refcheck=False)
    np.copyto(cells, values)


def _refill_weak(names: Any, values: Mapping[Any, Any]) -> None:
    names.clear()
    names.update(values)


def _memory(thing: Any) -> Callable[[], None]:
    try:
        view = memoryview(thing).cast("B")
        if view.readonly or view.nbytes >= LARGE:
            return _nothing
    except (TypeError, ValueError, BufferError):  # it gives none out, or not in one piece
        return _nothing
    kept = bytes(view)
    view.release()  # nobody can resize what is looked at

    def restore() -> None:
        with memoryview(thing).cast("B") as now:
            if now.nbytes == len(kept) and now != kept:
                now[:] = kept

    return restore


def _file(file: io.StringIO | io.BytesIO) -> Callable[[], None]:
    if file.closed:
        return _nothing
    content, position = file.getvalue(), file.tell()

    def restore() -> None:
        if file.closed:
            return
        file.seek(0)
        file.truncate()
        file.write(content)  # type: ignore[arg-type]
        file.seek(position)

    return restore


def _context(variable: ContextVar[Any]) -> Callable[[], None]:
    """One that had no value gets its default, which reads the same."""
    try:
        value = variable.get()
    except LookupError:
        return _nothing

    def restore() -> None:
        if variable.get() is not value:
            variable.set(value)

    return restore


def _refill_cell(cell: CellType, content: Any, *, empty: bool) -> None:
    """`empty`: its variable had no value."""
    if not empty:
        cell.cell_contents = content
    elif not is_empty(cell):
        del cell.cell_contents


def _refill_set(of: set[Any], elements: set[Any]) -> None:
    of.clear()
    of.update(elements)


def _class_back(of: type, values: Mapping[str, Any]) -> None:
    for name in attributes_of(of).keys() - values.keys():
        delattr(of, name)
    for name, value in values.items():
        if vars(of).get(name) is not value:
            setattr(of, name, value)


def _tensor(tensor: Tensor) -> Callable[[], None]:
    value, gradient = tensor.detach().clone(), tensor.grad if tensor.is_leaf else None
    attributes, kept = dict(vars(tensor)), None if gradient is None else gradient.detach().clone()

    def restore() -> None:
        alike = tensor.dtype == value.dtype and tensor.shape == value.shape and tensor.device == value.device
        with torch.no_grad():
            if not alike:
                tensor.data = value
            elif not same(tensor.detach(), value):
                tensor.detach().copy_(value)
        if gradient is not None and kept is not None and not same(gradient.detach(), kept):
            gradient.detach().copy_(kept)
        if tensor.is_leaf:
            tensor.grad = gradient
        _refill(vars(tensor), attributes)

    return restore


def _generator(generator: Any) -> Callable[[], None]:
    if isinstance(generator, random.Random):
        return functools.partial(generator.setstate, generator.getstate())
    if isinstance(generator, np.random.Generator):
        return functools.partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)
    return functools.partial(generator.set_state, generator.get_state())
