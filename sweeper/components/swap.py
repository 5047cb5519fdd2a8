"""The activation layers of a model of the user's own, replaced by others."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from sweeper.components.forward import undisturbed
from sweeper.components.hidden import KINDS, Calls, watch
from sweeper.components.tree import Tree, applied, copied
from sweeper.errors import ModelError
from sweeper.private_torch import children_of

OWN_FUNCTIONS: dict[Any, type[nn.Module]] = {F.relu: nn.ReLU, F.gelu: nn.GELU}
"""Functions that torch's transformer layers keep, and the modules that do the same."""
PLAIN = {1: nn.ReLU(), 2: nn.GELU()}
"""What `activation_relu_or_gelu` stands for."""
TRIES = 4
"""Forward passes in training mode: a model may leave out layers at random."""


@dataclass(frozen=True)
class Swapped:
    """What was done."""

    new: tuple[nn.Module, ...]
    """The new activation layers, in the order of their first calls."""
    swapped: tuple[str, ...]
    """Names of all places where they are."""
    kept: tuple[str, ...]
    """Names of the activation layers that were left as they are."""
    noted: tuple[str, ...] = ()
    """Names of the layers that `leave_fast_paths` changed."""
    functions: tuple[tuple[str, str], ...] = ()
    """Activations that the model calls as functions, which stay: their names and the callers'."""

    def line(self) -> str:
        """In words."""
        called = [
            f"{name} called in {where or 'the model'} (as a function)" for name, where in self.functions
        ]
        return said(self.swapped, self.kept, called)


def said(swapped: Sequence[str], kept: Sequence[str], called: Sequence[str] = (), most: int = 12) -> str:
    """``swapped: net.1, net.3; kept: gate``; at most `most` names of each."""
    stay = ", ".join(part for part in (_listed(kept, most), _listed(called, most)) if part)
    return f"swapped: {_listed(swapped, most)}; kept: {stay or 'none'}"


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def swap(
    model: nn.Module,
    rows: Tree,
    factory: Callable[[], nn.Module],
    name: str,
    chosen: Sequence[str] | None = None,
    left: Sequence[str] = (),
) -> Swapped:
    """Replace the hidden activation layers of `model`. A module that is called several times stays one.

    Args:
        model: changed in place; its weights and buffers stay as they are.
        rows: a batch of two input rows or more.
        factory: makes a new activation layer.
        name: the model's, for messages.
        chosen: patterns of names (``net.*``) that say which activation layers are swapped, in place of
            the hidden ones.
        left: patterns of those that are not; they have the last word.

    Raises:
        ModelError: if there is nothing to swap, or not all of it can be; if a pattern fits no activation
            layer; if training and evaluation would not both apply what was put in.
    """
    _bring_out_functions(model)
    calls = watch(model, rows)
    places = _places(model)
    _check_patterns(places, (*(chosen or ()), *left), name)
    old = [m for m in _in_order(model, calls) if _is_swapped(m, places[m], calls, chosen, left)]
    if chosen is None:
        _check_swappable(calls, old, places, name)
    if not old:
        raise ModelError(f"model {name!r}: model.swap and model.keep leave no activation layer to swap")
    new = {module: factory() for module in old}
    for parent in list(model.modules()):
        for attribute, child in list(children_of(parent).items()):  # named_children shows shared modules once
            if child in new:
                setattr(parent, attribute, new[child])
    swapped = [place for module in old for place in places[module]]
    kept = [place for module, names in places.items() if module not in new for place in names]
    done = Swapped(tuple(new.values()), tuple(swapped), tuple(kept), leave_fast_paths(model), calls.places)
    _check_modes(model, rows, done, dict(zip(new.values(), (places[m][0] for m in old), strict=True)), name)
    return done


def _bring_out_functions(model: nn.Module) -> None:
    """Torch's transformer layers may keep their activation as a function: as a module it can be swapped."""
    for layer in model.modules():
        if is_torch_layer(layer) and not isinstance(layer.activation, nn.Module):
            made = OWN_FUNCTIONS.get(layer.activation)
            if made is not None:
                layer.activation = made()


def is_torch_layer(layer: nn.Module) -> bool:
    """Whether it keeps its activation beside a note of what it was made with."""
    return isinstance(layer, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer)


def leave_fast_paths(model: nn.Module) -> tuple[str, ...]:
    """Torch's transformer layers apply in evaluation what they were made with, unless their note says no.

    Returns the names of the layers whose note was wrong.
    """
    found = []
    for name, layer in model.named_modules():
        note = getattr(layer, "activation_relu_or_gelu", 0)
        plain = PLAIN.get(note) if isinstance(note, int) else None
        if plain is not None and isinstance(own := layer.activation, nn.Module) and repr(own) != repr(plain):
            layer.activation_relu_or_gelu = 0
            found.append(name)
    return tuple(found)


def _places(model: nn.Module) -> dict[nn.Module, list[str]]:
    """The names of every activation layer."""
    found: dict[nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        if type(module) in KINDS and name:
            found.setdefault(module, []).append(name)
    return found


def _in_order(model: nn.Module, calls: Calls) -> list[nn.Module]:
    """Activation layers, those that are called first."""
    return list(dict.fromkeys((*calls.hidden, *calls.gates, *calls.output, *_places(model))))


def _is_swapped(
    module: nn.Module, names: Sequence[str], calls: Calls, chosen: Sequence[str] | None, left: Sequence[str]
) -> bool:
    if _fits(names, left):
        return False
    return module in calls.hidden if chosen is None else _fits(names, chosen)


def _fits(names: Sequence[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _check_patterns(places: dict[nn.Module, list[str]], patterns: Sequence[str], name: str) -> None:
    known = [place for names in places.values() for place in names]
    for pattern in patterns:
        if not _fits(known, [pattern]):
            there = f"there are {', '.join(known)}" if known else "it has none"
            raise ModelError(
                f"model.swap and model.keep: {pattern!r} fits no activation layer of model {name!r}; {there}"
            )


def _check_swappable(
    calls: Calls, old: Sequence[nn.Module], places: dict[nn.Module, list[str]], name: str
) -> None:
    ways = (
        "let the function ask for `activation` (a factory of modules), use modules such as nn.ReLU() instead "
        "of functions, or leave activation out of the space"
    )
    if not calls.hidden:
        seen = f" (it calls {', '.join(calls.functions)})" if calls.functions else ""
        kept = ", ".join(
            place for module in (*calls.gates, *calls.output) for place in places.get(module, [])
        )
        named = (
            f"; {kept} are gates or belong to the output: name them in model.swap to insist" if kept else ""
        )
        raise ModelError(f"model {name!r} has no activation layers to swap{seen}: {ways}{named}")
    if calls.rectifiers:
        raise ModelError(
            f"model {name!r} calls {', '.join(calls.rectifiers)} as a function beside its activation layers, "
            f"so not all activations can be swapped: {ways}"
        )
    for others, what in ((calls.output, "its output"), (calls.gates, "a gate")):
        shared = [type(module).__name__ for module in old if module in others]
        if shared:
            raise ModelError(
                f"model {name!r} uses one {shared[0]} module for hidden layers and for {what}, so it cannot "
                f"be swapped: give {what} a module of its own"
            )


def _check_modes(model: nn.Module, rows: Tree, done: Swapped, names: dict[nn.Module, str], name: str) -> None:
    """Training and evaluation must apply the same layers: code that goes round them keeps the old ones."""
    hidden = done.new
    evaluated = _called(model, rows, hidden, training=False)
    trained: set[nn.Module] = set()
    for _ in range(TRIES):
        trained |= _called(model, rows, hidden, training=True)
        if evaluated <= trained:
            break
    for module in hidden:
        if (module in evaluated) != (module in trained):
            where, nowhere = ("training", "evaluation") if module in trained else ("evaluation", "training")
            raise ModelError(
                f"model {name!r} applies its activation layer {names[module]} in {where} and not in "
                f"{nowhere}, so that swapping it would make them two models: let both apply it, or keep it "
                f"with model.keep = [{names[module]!r}]"
            )


def _called(model: nn.Module, x: Tree, modules: Sequence[nn.Module], *, training: bool) -> set[nn.Module]:
    """Those of `modules` that a forward pass calls, as a run evaluates and trains it.

    Counted without hooks: they would keep torch's layers from their fast paths.
    """
    with undisturbed(model, training=training), _counting(modules) as called:
        if training:
            with torch.enable_grad():
                applied(model, copied(x))
        else:
            applied(model, copied(x))
    return called


@contextmanager
def _counting(modules: Sequence[nn.Module]) -> Iterator[set[nn.Module]]:
    called: set[nn.Module] = set()

    def counted(module: nn.Module) -> Callable[..., Any]:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            called.add(module)
            return forward(*args, **kwargs)

        return run

    for module in modules:
        module.forward = counted(module)  # type: ignore[method-assign]
    try:
        yield called
    finally:
        for module in modules:
            del module.forward
