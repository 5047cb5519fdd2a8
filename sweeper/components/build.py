"""A model function, called with what it asks for, as a module whose hidden activations are known."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from sweeper.components.activations import DEFAULT_ACTIVATION, activation_of, initializer_of
from sweeper.components.called import Called, own_layers
from sweeper.components.forward import materialise
from sweeper.components.hidden import watch
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.inner_loss import NoPlainStep
from sweeper.components.instance import Anew
from sweeper.components.layers import ModelLayer, layers_of
from sweeper.components.models import EMBEDDED, MODELS, Embedded
from sweeper.components.precision import to_precision
from sweeper.components.swap import Swapped, leave_fast_paths, swap
from sweeper.components.tree import Tree, mapped
from sweeper.components.users_loss import InnerLoss, no_plain_step
from sweeper.errors import ModelError, did_you_mean
from sweeper.user_code.calls import message_of, name_of, user_code

_GIVEN = "_given_to_the_model_function"
"""Attribute of activation layers that a model function asked for; copies of them have it too."""


@dataclass(frozen=True)
class Built:
    """A model and its hidden activation layers, as they are first called; of swapped ones gates last."""

    model: nn.Module
    hidden: tuple[nn.Module, ...]
    copies: tuple[nn.Module, ...] = ()
    """Those of them that the model function got by copying layers it had been given."""
    swapped: Swapped | None = None
    """What was swapped; ``None`` where nothing was: the function asked, or keeps its own activations."""
    called: tuple[Called, ...] = ()
    """Those of the hidden layers that are called where the model calls a function."""
    left_fast_paths: tuple[str, ...] = ()
    """Names of layers that `leave_fast_paths` changed."""
    row: Tree = None
    """What it is called on, one row: inputs, or inputs and target where it computes its loss."""
    given: Sequence[nn.Module] | None = None
    """The activation layers that the model function asked for; grows by those that it asks for later, in its
    forward pass, say. ``None`` where it takes no `activation`."""
    own_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of a parameter -> optimizer options of its own; see `param_groups`."""

    @cached_property
    def layers(self) -> tuple[ModelLayer, ...]:
        """Its layers in the order of the forward pass; see `layers_of`."""
        assert self.row is not None
        real = [p for p in self.model.parameters() if p.is_floating_point()]
        x = _two_rows(self.row)
        if real:
            device, dtype = real[0].device, real[0].dtype
            x = mapped(lambda leaf: leaf.to(device, dtype if leaf.is_floating_point() else None), x)
        return layers_of(self.model, self.hidden, x)


def build(
    source: str | Callable[..., Any],
    *,
    row: Tree,
    out_features: int,
    activation: str | None,
    init: str | None,
    options: Mapping[str, Any],
    chosen: Sequence[str] | None = None,
    left: Sequence[str] = (),
    code_sizes: Sequence[int] = (),
    inner: InnerLoss | None = None,
    target: Tree = None,
) -> Built:
    """Call the model function `source` with what it asks for.

    `row` is a batch of one input row: its shape tells the model's input. `activation` is a name for
    `activation_of`; a function that does not ask for it gets its hidden activation layers swapped, or those
    that the patterns `chosen` and `left` say, see `swap`. ``None`` leaves the model's own; a function that
    asks gets ReLU. `init` is a name in `INITIALIZERS`, ``auto`` (the scheme that suits
    the activation) or ``None`` (leave the weights alone). `code_sizes` says how many codes there are in each
    of the last columns of the inputs, where these are codes of categories. A loss that the model computes is
    `inner`, and `target` then the batch of one target.

    Raises:
        ModelError: if the function refuses its arguments, raises, or returns no module; if there is
            nothing to swap.
    """
    function = MODELS[source] if isinstance(source, str) else source
    function = Anew(function) if isinstance(function, nn.Module) else function
    asked, catch_all = _asked(function)
    if activation is None and "activation" in asked:
        activation = DEFAULT_ACTIVATION
    made: list[nn.Module] = []

    def factory() -> nn.Module:
        made.append(activation_of(activation or DEFAULT_ACTIVATION).make())
        setattr(made[-1], _GIVEN, True)
        return made[-1]

    initialise = INITIALIZERS[initializer_of(init, activation)]
    codes = tuple(code_sizes)
    given = {"out_features": out_features, "activation": factory, "init": initialise, "code_sizes": codes}

    def made_for(width: Tree, shape: Tree) -> nn.Module:
        every = {"in_features": width, "in_shape": shape, **given}
        arguments = {name: value for name, value in every.items() if name in asked}
        return _call(function, {**arguments, **options}, asked, catch_all)

    if codes and source in EMBEDDED:
        model: nn.Module = Embedded(in_features(row), codes, lambda width: made_for(width, (width,)))
    else:
        model = made_for(in_features(row), in_shape(row))
    to_precision(model, None, torch.get_default_dtype())  # buffers made of the user's own numbers too
    if inner is not None:
        _put_in(inner, model, row, name_of(function))
        row = {"inputs": row, "target": target}
    rows = _two_rows(row)
    if "activation" in asked:
        materialise(model, rows)
        copies = tuple(m for m in model.modules() if hasattr(m, _GIVEN) and all(m is not g for g in made))
        built = Built(model, (*made, *copies), copies, given=made)
    elif activation is None:
        hidden, called = own_layers(model, rows, watch(model, rows))
        built = Built(model, hidden, called=called)
    else:
        swapped = swap(model, rows, factory, name_of(function), chosen, left)
        built = Built(model, swapped.new, (), swapped, swapped.called, swapped.noted)
    if "init" not in asked and init is not None:
        initialise(model)
    if built.swapped is None and activation is not None:
        built = replace(built, left_fast_paths=leave_fast_paths(model))
    return replace(built, row=row)


def in_shape(row: Tree) -> Tree:
    """Shape of one row; of several inputs a tuple or dict of such shapes. `row` has a first axis."""
    return mapped(lambda leaf: tuple(leaf.shape[1:]), row)


def in_features(row: Tree) -> Tree:
    """Width of the last axis, of images the channels; 1 of single numbers. As `in_shape` for several."""
    return mapped(lambda leaf: leaf.shape[1 if leaf.ndim == 4 else -1] if leaf.ndim > 1 else 1, row)


def _put_in(inner: InnerLoss, model: nn.Module, row: Tree, name: str) -> None:
    try:
        inner.put_into(model, row)
    except NoPlainStep as error:
        raise ModelError(f"model {name!r} {no_plain_step(error)}") from None


def _two_rows(row: Tree) -> Tree:
    """The row twice: norms of a batch refuse a single one."""
    return mapped(lambda leaf: leaf.repeat(2, *[1] * (leaf.ndim - 1)), row)


def _asked(function: Callable[..., Any]) -> tuple[set[str], bool]:
    try:
        with user_code():
            parameters = inspect.signature(function).parameters.values()
    except Exception:  # functions written in C, and objects that raise when they are asked
        return set(), True
    return {p.name for p in parameters}, any(p.kind is p.VAR_KEYWORD for p in parameters)


def _call(
    function: Callable[..., Any], arguments: dict[str, Any], asked: set[str], catch_all: bool
) -> nn.Module:
    name = name_of(function)
    for key in arguments:
        if key not in asked and not catch_all:
            raise ModelError(f"model {name!r} takes no argument {key!r}; {did_you_mean(key, sorted(asked))}")
    try:
        with user_code():
            model = function(**arguments)
    except Exception as error:  # the user's function may raise anything
        problem = f"could not be made with {_shown(arguments)}: {message_of(error)}"
        raise ModelError(f"model {name!r} {problem}") from error
    if not isinstance(model, nn.Module):
        raise ModelError(f"model {name!r} must return a torch.nn.Module, not {_returned(model)}")
    return model


def _returned(model: Any) -> str:
    if isinstance(model, type) and issubclass(model, nn.Module):
        return f"the class {model.__name__}; make one: {model.__name__}(…)"
    return "None; is a `return` missing?" if model is None else type(model).__name__


def _shown(arguments: Mapping[str, Any]) -> str:
    plain = {k: v for k, v in arguments.items() if k not in ("activation", "init")}
    return ", ".join(f"{key}={value!r}" for key, value in plain.items()) or "no arguments"
