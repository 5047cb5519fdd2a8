"""What a model function and its modules keep outside of parameters and buffers: where it is.

Counters in attributes, dicts, lists and objects, module globals, class attributes, closures, default
arguments. Only code of the user is searched: torch and this package keep nothing there that matters.
"""

import argparse
import functools
import sys
import sysconfig
import threading
from collections import UserDict, UserList, UserString, deque
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from queue import Queue
from types import (
    BuiltinMethodType,
    CellType,
    FunctionType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

import numpy as np
from torch import Tensor, nn

from sweeper.user_code.iteration import is_cache, is_iterator, parts, remembered

MOST = 20_000
"""Objects that are looked at; what lies deeper is taken for data."""
LARGE = 256 * 2**20
"""Bytes of a tensor or array above which it is taken for data and not copied."""
OF_MODULES = {"training", "_parameters", "_buffers", "_non_persistent_buffers_set"}
"""Attributes of modules that every engine keeps itself."""
SCALARS = (bool, int, float, complex, str, bytes, type(None))
HOLDERS = (dict, list, tuple, deque, set, frozenset, *SCALARS[:-1])
COMPILED = "cython_function_or_method"
"""Kind of the methods of libraries that were compiled."""
STANDARD = {"builtins", "collections", "torch", "numpy"}
"""Modules of kinds of these that have no attributes of the user's."""
PLAIN_HOLDERS = (SimpleNamespace, argparse.Namespace, UserDict, UserList, UserString, threading.local, Queue)
"""Objects of Python's own that are nothing but their attributes."""

NO_STATE = {"torch", "numpy", "pandas", "matplotlib", "sweeper", "logging", "concurrent"}
NO_STATE |= {"asyncio", "importlib", "typing", "re", "io", "builtins"}
"""Packages whose objects keep much that is no state of a model."""
WITH_STATE = ("torch.optim", "torch.distributions", "torch.utils.data")
"""Parts of these whose objects do keep some."""

_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
_PACKAGE = str(Path(__file__).parents[1])  # as modules name it, also where it is reached by a link


class Globals:
    """The names of a module, which all of its functions share."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names


def is_users(thing: Any) -> bool:
    """Whether a function, class or module was written by the user."""
    if isinstance(thing, FunctionType):
        file = thing.__code__.co_filename
    elif isinstance(thing, ModuleType):
        file = getattr(thing, "__file__", None) or "<frozen>"
    else:
        module = sys.modules.get(getattr(thing, "__module__", None) or "")
        if module is None or module.__name__ == "__main__":
            return getattr(thing, "__module__", "builtins") not in ("builtins", None)
        file = getattr(module, "__file__", None) or "<frozen>"
    return _is_users_file(file)


@functools.cache
def _is_users_file(file: str) -> bool:
    parts = Path(file).parts
    installed = "site-packages" in parts or "dist-packages" in parts
    return not (installed or file.startswith((*_LIBRARIES, _PACKAGE, "<frozen")))


def reachable(roots: Mapping[str, Any], *, weights: bool, others: bool = False) -> Iterator[tuple[str, Any]]:
    """(path, object) of everything that may hold state, each object once.

    `weights`: also parameters and buffers of modules. `others`: also what objects of other libraries hold,
    which may be looked at, and not put back.
    """
    waiting, seen = deque(roots.items()), set[int]()
    while waiting and len(seen) < MOST:
        path, thing = waiting.popleft()
        if is_plain(thing):
            yield path, thing
            continue
        identity = id(thing.names) if isinstance(thing, Globals) else id(thing)
        if identity in seen:
            continue
        seen.add(identity)
        yield path, thing
        waiting.extend(_parts(path, thing, weights, others))


def is_plain(thing: Any) -> bool:
    """Whether it can neither change nor hold what can."""
    if type(thing) in SCALARS:
        return True
    if isinstance(thing, tuple):
        return all(type(each) in SCALARS for each in thing) and not getattr(thing, "__dict__", None)
    return isinstance(thing, SCALARS) and not getattr(thing, "__dict__", None)


def _parts(path: str, thing: Any, weights: bool, others: bool) -> Iterator[tuple[str, Any]]:
    yield from _inside(path, thing, weights, others)
    if isinstance(thing, HOLDERS) and type(thing).__module__ not in STANDARD:
        yield from _named(path, _attributes(thing))  # of the user's own kind of list, say


def _inside(path: str, thing: Any, weights: bool, others: bool) -> Iterator[tuple[str, Any]]:
    # functions, classes and modules first: most of what there is
    if isinstance(thing, FunctionType):
        yield from _of_function(path, thing) if is_users(thing) else ()
    elif isinstance(thing, type):
        if is_users(thing):
            yield from _named(path, attributes_of(thing))
        elif others:
            yield from _plain(path, vars(thing))
        yield from ((base.__qualname__, base) for base in thing.__bases__ if is_users(base))
    elif isinstance(thing, ModuleType):
        if is_users(thing):
            yield thing.__name__, Globals(vars(thing))
        elif others:
            yield from _plain(thing.__name__, vars(thing))
    elif isinstance(thing, dict):
        yield from ((f"{path}[{key!r}]", value) for key, value in _items(path, thing))
        yield from ((f"{path} (a key)", key) for key in list(thing) if not is_plain(key))
    elif isinstance(thing, np.ndarray) and thing.dtype == object:
        yield from ((f"{path}[{index}]", value) for index, value in enumerate(thing.flat))
    elif isinstance(thing, list | tuple | deque):
        yield from ((f"{path}[{index}]", value) for index, value in enumerate(list(thing)))
    elif isinstance(thing, WeakKeyDictionary | WeakValueDictionary):
        yield from ((f"{path}[{key!r}]", value) for key, value in _items(path, thing))
    elif isinstance(thing, ContextVar):
        yield from _named(path, {"value": _value_in(thing)})
    elif isinstance(thing, set | frozenset | WeakSet):
        yield from ((f"{path} (an element)", value) for value in thing)
    elif is_iterator(thing):
        yield from ((f"{path} (iterated)", each) for each in parts(thing))
    elif isinstance(thing, functools.partial):
        held = {"func": thing.func, "args": thing.args, "keywords": thing.keywords}
        yield from _named(path, {**held, **vars(thing)})
    elif isinstance(thing, BuiltinMethodType | MethodWrapperType) or type(thing).__name__ == COMPILED:
        yield from _named(path, {"self": getattr(thing, "__self__", None)})
    elif isinstance(thing, MethodType):
        yield from _named(path, {"self": thing.__self__, "function": thing.__func__})
    elif isinstance(thing, staticmethod | classmethod):
        yield path, thing.__func__
    elif isinstance(thing, property):
        yield from _named(path, {"get": thing.fget, "set": thing.fset})
    elif isinstance(thing, CellType):
        yield from _named(path, {"": held_by(thing)})
    elif is_cache(thing):
        yield path, thing.__wrapped__
        yield from ((f"{path} (a result that it keeps)", result) for result in remembered(thing))
    elif isinstance(thing, Globals):
        yield from _named(path, _globals(thing.names))
    elif isinstance(thing, Tensor):
        yield from _named(path, vars(thing))  # what somebody has put on it
    elif not (isinstance(thing, nn.Module) or has_state(thing) or (others and _is_of_others(thing))):
        if others:
            yield from _plain(path, getattr(thing, "__dict__", {}))
    else:
        yield from _named(path, _own(thing, weights))
        yield type(thing).__qualname__, type(thing)


def _items(path: str, of: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """Hooks by their order: torch numbers all of a process on and on."""
    return list(enumerate(of.values())) if path.endswith("_hooks") else list(of.items())


def _of_function(path: str, function: FunctionType) -> Iterator[tuple[str, Any]]:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    defaults = {"defaults": function.__defaults__, "named defaults": function.__kwdefaults__}
    yield from _named(function.__qualname__, {**vars(function), **defaults, **cells})
    yield str(function.__globals__.get("__name__", path)), Globals(function.__globals__)


def _named(path: str, attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((f"{path}.{name}".strip("."), value) for name, value in attributes.items())


def _globals(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in list(names.items()) if not _is_pythons(name)}


def _is_pythons(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _plain(path: str, attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Plain values that somebody may have put on a class or module of a library."""
    found = {k: v for k, v in list(attributes.items()) if isinstance(v, SCALARS) and not _is_pythons(k)}
    return _named(path, found)


def attributes_of(of: type) -> dict[str, Any]:
    return {k: v for k, v in vars(of).items() if not _is_pythons(k) or isinstance(v, FunctionType)}


def _value_in(variable: ContextVar[Any]) -> Any:
    """Its default where it has no value, and none where it has no default."""
    try:
        return variable.get()
    except LookupError:
        return None


def is_of_c(thing: Any) -> bool:
    """Whether it is a number, an array or a structure of ``ctypes``."""
    bases = type(thing).__mro__
    return any(base.__module__ == "_ctypes" for base in bases if base is not object) and not callable(thing)


def has_state(thing: Any) -> bool:
    return isinstance(thing, PLAIN_HOLDERS) or is_users(type(thing))


def _is_of_others(thing: Any) -> bool:
    """Whether another library's object has attributes that may be its state."""
    module = type(thing).__module__
    is_known = module.partition(".")[0] in NO_STATE and not module.startswith(WITH_STATE)
    return hasattr(thing, "__dict__") and not is_known


def _own(thing: Any, weights: bool) -> dict[str, Any]:
    """Attributes of an object; of a module of torch's, what it consists of."""
    attributes = _attributes(thing)
    if not isinstance(thing, nn.Module):
        return attributes
    kept = () if weights else OF_MODULES
    modules = attributes.pop("_modules", {})
    return {**{k: v for k, v in attributes.items() if k not in kept}, **modules}


def _attributes(thing: Any) -> dict[str, Any]:
    slots = [name for base in type(thing).__mro__ for name in slots_of(base) if hasattr(thing, name)]
    return {**{name: getattr(thing, name) for name in slots}, **getattr(thing, "__dict__", {})}


def slots_of(base: type) -> tuple[str, ...]:
    names = vars(base).get("__slots__", ())
    private = f"_{base.__name__.lstrip('_')}"
    listed = (names,) if isinstance(names, str) else tuple(names)
    return tuple(
        f"{private}{name}" if name.startswith("__") else name for name in listed if not _is_pythons(name)
    )


def is_empty(cell: CellType) -> bool:
    """Whether the variable of a closure has no value yet."""
    return cell == CellType()  # contents are compared where both have some


def held_by(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def same(a: Any, b: Any) -> bool:
    """Whether two values are alike, NaN and NaN too."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        alike = a.shape == b.shape and a.dtype == b.dtype and a.device == b.device
        return alike and bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and bool(np.all((a == b) | ((a != a) & (b != b))))
    return bool(a == b) or (isinstance(a, float) and a != a and b != b)


def of_model(model: nn.Module) -> dict[str, Any]:
    """The roots of a model's state; none where all of its modules are torch's, without hooks."""
    return {"": model} if any(is_users(type(m)) or _has_hooks(m) for m in model.modules()) else {}


def _has_hooks(module: nn.Module) -> bool:
    return any(bool(held) for name, held in vars(module).items() if name.endswith("_hooks"))
