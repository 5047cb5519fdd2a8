"""Values that cannot change behind a study's back: lists as tuples, tables as frozen dicts."""

from typing import Any, NoReturn

import numpy as np


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed; equal to the plain one, and picklable like it."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("a study is frozen; make a new one")

    __setitem__ = __delitem__ = __ior__ = _refuse  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return FrozenDict, (dict(self),)


def frozen(value: Any) -> Any:
    """Lists as tuples, tables as `FrozenDict` and numpy's values as Python's, all the way down."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return FrozenDict({key: frozen(inner) for key, inner in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def thawed(value: Any) -> Any:
    """Fresh lists and dicts, as TOML gives them: what functions of the user are called with."""
    if isinstance(value, dict):
        return {key: thawed(inner) for key, inner in value.items()}
    return [thawed(inner) for inner in value] if isinstance(value, list | tuple) else value
