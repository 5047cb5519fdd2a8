"""What a function or class of the user computes, as a short text: another one where its code has changed."""

import dis
import functools
import hashlib
import re
import sys
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from torch import Tensor, nn

from sweeper.user_code.outside import SCALARS, held_by, is_users

DIGITS = 12
"""Of the SHA-256."""
MOST = 2_000
"""Objects that are looked at; what lies deeper does not count."""
PLACE = re.compile(r"[/\\\\]")
DEVICES = ("cpu", "cuda", "mps")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
"""Codes of another Python are not comparable."""


def code_print(thing: Any) -> str:
    """The first digits of the SHA-256 of the code of `thing` and of all code of the user's that it names.

    Of functions their instructions and constants, of classes their methods and plain attributes, and the
    plain values, functions, classes and modules that these name. Not where the code stands, nor its comments,
    nor docstrings of functions. State that a run changes, as a list or a generator is, does not count.
    """
    digest, waiting, seen = hashlib.sha256(), [thing], set[int]()
    while waiting and len(seen) < MOST:
        one = waiting.pop()
        if id(one) in seen and not isinstance(one, SCALARS):
            continue
        seen.add(id(one))
        digest.update(f"{_said(one)}\n".encode())
        waiting += list(_named_by(one))[::-1]
    return digest.hexdigest()[:DIGITS]


def _said(thing: Any) -> str:
    """What is compared of an object itself."""
    if isinstance(thing, FunctionType) and is_users(thing):
        return _of_code(thing.__code__, thing.__doc__)
    if isinstance(thing, SCALARS):
        return repr(thing)
    if isinstance(thing, frozenset):
        return repr(sorted(map(repr, thing)))
    if isinstance(thing, Tensor | np.ndarray):
        return f"{type(thing).__name__} {tuple(thing.shape)}"
    name = getattr(thing, "__qualname__", None)
    return name if isinstance(name, str) else type(thing).__qualname__


def _of_code(code: CodeType, doc: str | None = None) -> str:
    """Instructions, names and constants; those of functions inside of it too."""
    constants = [_constant(c) for place, c in enumerate(code.co_consts) if place or c != doc]
    return repr((code.co_code, code.co_names, code.co_argcount, code.co_kwonlyargcount, constants))


def _constant(value: Any) -> str:
    if isinstance(value, tuple):
        return repr(tuple(map(_constant, value)))
    return _of_code(value) if isinstance(value, CodeType) else _said(value)


def _named_by(thing: Any) -> Iterator[Any]:
    """What an object's code refers to, in an order that does not change."""
    if isinstance(thing, functools.partial):
        yield from (thing.func, *thing.args, *thing.keywords.values())
    elif isinstance(thing, MethodType):
        yield from (thing.__func__, thing.__self__)
    elif isinstance(thing, staticmethod | classmethod):
        yield thing.__func__
    elif isinstance(thing, property):
        yield from (part for part in (thing.fget, thing.fset) if part is not None)
    elif isinstance(thing, FunctionType) and is_users(thing):
        yield from (*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
        yield from (held_by(cell) for cell in thing.__closure__ or ())
        yield from _globals_of(thing)
    elif isinstance(thing, type) and is_users(thing):
        yield from _of_attributes(vars(thing))
        yield from thing.__bases__
    elif isinstance(thing, tuple):
        yield from thing
    elif hasattr(thing, "__dict__") and (isinstance(thing, nn.Module) or is_users(type(thing))):
        yield type(thing)
        yield from thing.children() if isinstance(thing, nn.Module) else ()
        yield from (value for _, value in sorted(vars(thing).items()) if isinstance(value, SCALARS))


def _globals_of(function: FunctionType) -> Iterator[Any]:
    """Global values that its code names; of modules of the user's the parts that it names."""
    names = sorted(_names_in(function.__code__) - _stored_by(function.__code__))
    for name in names:
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            yield from (vars(value)[part] for part in names if is_users(value) and part in vars(value))
        elif not _is_state(value):
            yield value


def _names_in(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return {*code.co_names}.union(*map(_names_in, inner))


def _stored_by(code: CodeType) -> set[str]:
    """Global names that it gives values: these are state, as a counter is."""
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    own = {each.argval for each in dis.get_instructions(code) if each.opname == "STORE_GLOBAL"}
    return own.union(*map(_stored_by, inner))


def _of_attributes(attributes: Mapping[str, Any]) -> Iterator[Any]:
    for name, value in sorted(attributes.items()):
        is_pythons = name.startswith("__") and name.endswith("__") and not isinstance(value, FunctionType)
        if not is_pythons and not _is_state(value):
            yield value


def _is_state(value: Any) -> bool:
    """Whether it may change while a run goes on, on another machine too: what is no function, class or fixed
    value, and names of files and devices."""
    if isinstance(value, str) and (PLACE.search(value) or value.partition(":")[0] in DEVICES):
        return True  # another one on each machine
    fixed = (*SCALARS, tuple, frozenset, type, FunctionType, MethodType, functools.partial)
    of_class = (staticmethod, classmethod, property, Tensor, np.ndarray)
    return not isinstance(value, (*fixed, *of_class)) and not is_users(type(value))
