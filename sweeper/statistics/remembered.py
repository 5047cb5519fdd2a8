"""Functions of arrays that are computed once for the same numbers, which a page asks for several times."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")
KEPT = 256
"""Results of one function, the latest"""


class _Numbers(NamedTuple):
    """An array as a key."""

    data: bytes
    dtype: str
    shape: tuple[int, ...]

    @property
    def array(self) -> np.ndarray:
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)


def remembered(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """`function`, whose arguments are arrays and plain values, computed once for the same ones.

    It has to leave its arguments as they are, and callers the result: they all get the same one.
    """

    @lru_cache(maxsize=KEPT)
    def of(given: tuple[Any, ...], named: tuple[tuple[str, Any], ...]) -> _R:
        return function(*map(_value, given), **{name: _value(each) for name, each in named})  # type: ignore[arg-type]

    @wraps(function)
    def once(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        return of(tuple(map(_key, args)), tuple((name, _key(each)) for name, each in kwargs.items()))

    return once


def _key(value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    numbers = value.astype(float) if value.dtype.hasobject else value
    return _Numbers(numbers.tobytes(), numbers.dtype.str, numbers.shape)


def _value(key: Any) -> Any:
    return key.array if isinstance(key, _Numbers) else key
