"""Iterators and generators, and how far they have come, as far as they tell; functions with a memory.

Nothing puts them back: who uses one up keeps that for good. ``itertools.cycle`` and the like tell nothing.
"""

import gc
import itertools
import operator
from collections.abc import Iterator
from types import FunctionType
from typing import Any

PLAIN = (bool, int, float, complex, str, bytes, type(None))
CONSISTS = (map, filter, zip, enumerate, reversed)
"""Iterators that say what they consist of."""


def is_cache(thing: Any) -> bool:
    """Whether it is a function that remembers its results; an object may raise anything when it is asked."""
    try:
        return hasattr(thing, "cache_clear") and hasattr(thing, "__wrapped__")
    except Exception:
        return False


def remembered(cache: Any) -> tuple[Any, ...]:
    """Results that a function of ``functools.cache`` or ``lru_cache`` keeps; others do not tell theirs."""
    if not hasattr(cache, "cache_parameters") or not cache.cache_info().currsize:
        return ()
    held = [each for each in gc.get_referents(cache) if each is not vars(cache)]
    if cache.cache_parameters()["maxsize"] is None:  # arguments -> result
        return tuple(value for each in held if isinstance(each, dict) for value in each.values())
    return tuple(each for each in held if not _is_own(each))


def _is_own(held: Any) -> bool:
    """Whether ``lru_cache`` itself needs it: its classes, its function, and links by arguments."""
    links = isinstance(held, dict) and any(type(v).__name__ == "_lru_list_elem" for v in held.values())
    return links or type(held) is object or isinstance(held, type | FunctionType)


def is_iterator(thing: Any) -> bool:
    """Whether it is one of Python's own, a generator included."""
    return isinstance(thing, Iterator) and type(thing).__module__ in ("builtins", "itertools")


def position(iterator: Any) -> str:
    """Something that changes when `iterator` goes on; plain local values of a generator are part of it."""
    if isinstance(iterator, itertools.count):
        return repr(iterator)
    frame = getattr(iterator, "gi_frame", None)
    inside = [value for value in frame.f_locals.values() if isinstance(value, PLAIN)] if frame else []
    return f"{frame.f_lasti if frame else 'no frame'} {inside} {operator.length_hint(iterator, -1)}"


def tells_its_position(iterator: Any) -> bool:
    """Whether `position` of it, or of its `parts`, changes as it goes on."""
    if isinstance(iterator, itertools.count) or hasattr(iterator, "gi_frame"):
        return True
    inner = [each for each in parts(iterator) if is_iterator(each)]
    if inner:
        return all(map(tells_its_position, inner))
    return operator.length_hint(iterator, -1) >= 0


def parts(iterator: Any) -> tuple[Any, ...]:
    """The iterators that `iterator` goes through; empty for those that do not say."""
    if not isinstance(iterator, CONSISTS):
        return ()
    reduced = iterator.__reduce__()
    return tuple(reduced[1]) if isinstance(reduced, tuple) and len(reduced) > 1 else ()
