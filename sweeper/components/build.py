"""A model function, called with what it asks for, as a module whose hidden activations are known."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.models import MODELS
from sweeper.errors import ModelError, did_you_mean

KINDS = tuple({type(activation.make()) for activation in ACTIVATIONS.values() if activation.elementwise})
"""The module classes that count as activation layers in a model that brings its own."""


@dataclass(frozen=True)
class Built:
    """A model and its hidden activation layers, input side first."""

    model: nn.Module
    hidden: tuple[nn.Module, ...]


def build(
    source: str | Callable[..., Any],
    *,
    row: Tensor,
    out_features: int,
    activation: str | None,
    init: str | None,
    options: Mapping[str, Any],
) -> Built:
    """Call the model function `source` with what it asks for.

    `row` is a batch of one input row: its shape tells the model's input. `activation` is a name in `ACTIVATIONS`; a function that does not ask for it gets its activation
    layers swapped, those after the last layer with weights excepted (they belong to the output).
    ``None`` leaves the model's own. `init` is a name in `INITIALIZERS`, ``auto`` (the scheme that suits
    the activation) or ``None`` (leave the weights alone).

    Raises:
        ModelError: if the function refuses its arguments, raises, or returns no module.
    """
    function = MODELS[source] if isinstance(source, str) else source
    in_shape = tuple(row.shape[1:])
    made: list[nn.Module] = []

    def factory() -> nn.Module:
        made.append(ACTIVATIONS[activation or "relu"].make())
        return made[-1]

    initialise = INITIALIZERS[_scheme(init, activation)]
    given = {
        "in_features": in_shape[0] if len(in_shape) == 3 else in_shape[-1],
        "in_shape": in_shape,
        "out_features": out_features,
        "activation": factory,
        "init": initialise,
    }
    asked, catch_all = _asked(function)
    arguments = {name: value for name, value in given.items() if name in asked}
    model = _call(function, {**arguments, **options}, asked, catch_all)
    if "activation" in asked:
        hidden = tuple(made)
    elif activation is None:
        hidden = tuple(hidden_activations(model, row))
    else:
        hidden = swap(model, row, factory, _name(function))
    if "init" not in asked and init is not None:
        initialise(model)
    return Built(model, hidden)


def swap(model: nn.Module, row: Tensor, factory: Callable[[], nn.Module], name: str) -> tuple[nn.Module, ...]:
    """Replace the hidden activation layers of `model` and return the new ones, input side first."""
    old = hidden_activations(model, row)
    if not old:
        raise ModelError(
            f"model {name!r} has no activation layers to swap: let the function ask for `activation` (a factory "
            "of modules), use modules such as nn.ReLU() instead of functions, or leave activation out of the space"
        )
    new = {id(module): factory() for module in old}
    for parent in list(model.modules()):
        for attribute, child in list(parent.named_children()):
            if id(child) in new:
                setattr(parent, attribute, new[id(child)])
    return tuple(new.values())


def hidden_activations(model: nn.Module, row: Tensor) -> list[nn.Module]:
    """Catalogue activations in the order of their calls, up to the last call of a layer with weights.

    `row` is a batch of one input row; nothing of the model or the random generator is changed by it.
    """
    calls: list[nn.Module] = []
    weighted = [m for m in model.modules() if any(p.ndim >= 2 for p in m.parameters(recurse=False))]
    watched = [m for m in model.modules() if type(m) in KINDS] + weighted
    hooks = [m.register_forward_hook(lambda module, x, y: calls.append(module)) for m in watched]
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            model(row)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    last = max((i for i, module in enumerate(calls) if module in weighted), default=0)
    return list(dict.fromkeys(module for module in calls[:last] if type(module) in KINDS))


def _scheme(init: str | None, activation: str | None) -> str:
    if init is None:
        return "torch"
    if init == "auto":
        return ACTIVATIONS[activation].init if activation else "torch"
    return init


def _asked(function: Callable[..., Any]) -> tuple[set[str], bool]:
    parameters = inspect.signature(function).parameters.values()
    return {p.name for p in parameters}, any(p.kind is p.VAR_KEYWORD for p in parameters)


def _call(function: Callable[..., Any], arguments: dict[str, Any], asked: set[str], catch_all: bool) -> nn.Module:
    name = _name(function)
    for key in arguments:
        if key not in asked and not catch_all:
            raise ModelError(f"model {name!r} takes no argument {key!r}; {did_you_mean(key, sorted(asked))}")
    try:
        model = function(**arguments)
    except Exception as error:  # the user's function may raise anything
        problem = f"{type(error).__name__}: {error}"
        raise ModelError(f"model {name!r} could not be made with {_shown(arguments)}: {problem}") from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"model {name!r} must return a torch.nn.Module, not {type(model).__name__}")
    return model


def _shown(arguments: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in arguments.items() if k not in ("activation", "init")}
    return ", ".join(f"{key}={value!r}" for key, value in plain.items()) or "no arguments"


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
