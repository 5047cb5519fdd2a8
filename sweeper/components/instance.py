"""A model that is made already: copied, its weights drawn anew for every seed."""

import copy
import math
from collections.abc import Iterator

import torch
from torch import nn

from sweeper.components.precision import to_precision
from sweeper.errors import ModelError
from sweeper.private_torch import children_of, resetter_of
from sweeper.user_code.calls import message_of, user_code
from sweeper.wording import listing

MOST = 8
"""Parameters that a message names."""


class Anew:
    """Makes models like `model`, each with weights of its own: what a study calls in its place."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.__name__ = self.__qualname__ = type(model).__name__

    def __call__(self) -> nn.Module:
        """A copy, reset. Parameters that are frozen, or all of one number and not reset, stay as they are."""
        made = to_precision(copied(self.model), "cpu", torch.get_default_dtype())
        reset(made)
        return made


def copied(model: nn.Module) -> nn.Module:
    """A deep copy on the CPU, in training mode; parameters keep their attributes.

    Raises:
        ModelError: if it cannot be copied.
    """
    try:
        with user_code():
            made = copy.deepcopy(model).cpu().train()
    except Exception as error:  # a module may hold anything
        raise ModelError(f"model {type(model).__name__!r} cannot be copied: {message_of(error)}") from error
    for old, new in zip(model.parameters(), made.parameters(), strict=True):
        vars(new).update(vars(old))
    return made


def reset(model: nn.Module) -> None:
    """Draw the weights anew, those of a module after those of its parts, as modules are made.

    Raises:
        ModelError: if a method that does so raises.
    """
    for name, module in _parts_first(model, "", set()):
        resetter = resetter_of(module)
        if resetter is None:
            continue
        try:
            with user_code(), torch.no_grad():
                resetter()
        except Exception as error:  # a module may call anything so
            where = name or type(model).__name__
            raise ModelError(f"reset_parameters of {where} raises {message_of(error)}") from error


def _parts_first(module: nn.Module, name: str, seen: set[nn.Module]) -> Iterator[tuple[str, nn.Module]]:
    if module in seen:
        return
    seen.add(module)
    for part, child in children_of(module).items():
        if child is not None:
            yield from _parts_first(child, f"{name}.{part}".strip("."), seen)
    yield name, module


def why_not_reset(model: nn.Module) -> str:
    """Why `model` cannot be drawn anew, naming the parameters; empty if it can."""
    try:
        trial = copied(model)
        values = {name: p.detach().clone() for name, p in trial.named_parameters() if _is_drawn(p)}
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            for name, parameter in trial.named_parameters():
                if name in values:
                    parameter.fill_(math.nan)
            reset(trial)
    except ModelError as error:
        return str(error)
    stay = [n for n, p in trial.named_parameters() if n in values and torch.isnan(p).any()]
    drawn = [name for name in stay if not bool((values[name] == values[name].reshape(-1)[0]).all())]
    if not drawn:
        return ""
    more = [f"{len(drawn) - MOST} more"] if len(drawn) > MOST else []
    whose = listing([*drawn[:MOST], *more]) + (" belongs" if len(drawn) == 1 else " belong")
    return (
        f"is a module whose weights cannot be drawn anew for each seed: {whose} to no "
        "module with reset_parameters(); give the class or a function that makes the model, add that method, "
        "or freeze what is to stay (requires_grad = False)"
    )


def _is_drawn(parameter: nn.Parameter) -> bool:
    """Whether its numbers count as drawn: trained ones that have a shape already."""
    lazy = isinstance(parameter, nn.parameter.UninitializedParameter)
    return not lazy and parameter.requires_grad and parameter.numel() > 0
