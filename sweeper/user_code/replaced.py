"""Functions and methods of torch that code of the user replaces: afterwards torch's own stand there again."""

from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch import nn, optim

from sweeper.user_code.outside import is_users


def _classes(module: Any, of: type) -> list[type]:
    return [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, of)]


PLACES: tuple[Any, ...] = (
    *(torch, nn, nn.functional, nn.init, torch.Tensor),
    *_classes(nn, nn.Module),
    *_classes(optim, optim.Optimizer),
)
"""Modules and classes in which a name is looked at."""


Name = tuple[Any, str, Any]
"""Module or class, name, what it was."""


def names_kept() -> Callable[[], None]:
    """What puts back the present values of all names in `PLACES` that the user's code replaces from now on.

    What libraries replace while they are imported stays, as the library stays imported.
    """
    replaced = _replaced_from_now()

    def restore() -> None:
        for place, name, value in replaced():
            setattr(place, name, value)

    return restore


def names_replaced() -> Callable[[], list[str]]:
    """What lists these names, ``Linear.reset_parameters`` or ``torch.nn.functional.mse_loss``."""
    replaced = _replaced_from_now()
    return lambda: [f"{place.__name__}.{name}" for place, name, _ in replaced()]


def _replaced_from_now() -> Callable[[], Iterator[Name]]:
    before = [dict(vars(place)) for place in PLACES]

    def replaced() -> Iterator[Name]:
        for place, names in zip(PLACES, before, strict=True):
            now = vars(place)
            changed = [(name, value) for name, value in names.items() if now.get(name) is not value]
            yield from (
                (place, name, value) for name, value in changed if _by_hand(name, now.get(name), value)
            )

    return replaced


def _by_hand(name: str, new: Any, old: Any) -> bool:
    """Whether `new` was put in the place of `old` by hand: it is deleted, the user's, or of another name."""
    if new is None:
        return True
    if isinstance(new, FunctionType | type) and is_users(new):
        return True
    return getattr(old, "__name__", "") == name != getattr(new, "__name__", name)
