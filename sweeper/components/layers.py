"""The layers of a model in the order of its forward pass, each with its name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import nn

from sweeper.components.dataflow import flow
from sweeper.components.flow_record import Call, Use, bits
from sweeper.components.operations import BOUNDED
from sweeper.components.tree import Tree


@dataclass(frozen=True)
class ModelLayer:
    """One layer: weights, the hidden activation that follows them, or both."""

    name: str
    """Of the module that owns the weights; of the activation where there are none, with ``#2`` for its
    second call and so on."""
    weights: tuple[str, ...] = ()
    """Names of its parameters of two dimensions or more."""
    call: int | None = None
    """Which call of a hidden activation it has, counted over one forward pass; ``None``: it has none."""


def layers_of(model: nn.Module, hidden: Sequence[nn.Module], x: Tree) -> tuple[ModelLayer, ...]:
    """The layers of `model`, numbered as they come in a forward pass of the rows `x`.

    A layer begins where its weights are applied for the first time. An activation belongs to the layer whose
    weights its input comes from; of several, to that on the longest way from the input. It is a layer of its
    own, without weights, where they have an activation already or were applied before (a module that is used
    several times), and where there are none before it. Weights that no forward pass applies are left out, and
    so are parameters that are only added or that scale (positions, for example).
    """
    seen = flow(model, x, {module: isinstance(module, BOUNDED) for module in hidden}, ())
    names = {module: name for name, module in model.named_modules()}
    owned = _weights_of_modules(seen.uses)
    layers: list[ModelLayer] = []
    opened: dict[int, int] = {}
    call = -1
    events: list[Use | Call] = [*seen.uses, *seen.calls]
    for event in sorted(events, key=lambda one: one.at):
        if isinstance(event, Use):
            begun = [(module, owned.pop(module)) for module in event.modules if module in owned]
            if begun:
                opened.setdefault(event.at, len(layers))
            layers += [ModelLayer(module or ", ".join(weights), weights) for module, weights in begun]
            continue
        call += 1
        before = _layer_before(event, seen.uses, layers, opened)
        if before is not None:
            layers[before] = replace(layers[before], call=call)
        else:
            name = names.get(event.what, "") if isinstance(event.what, nn.Module) else str(event.what)
            layers.append(ModelLayer(name, (), call))
    return _numbered(layers, seen.calls)


def _weights_of_modules(uses: Sequence[Use]) -> dict[str, tuple[str, ...]]:
    """Name of each module that owns weights that are applied -> their names."""
    owned: dict[str, dict[str, None]] = {}
    for use in uses:
        for weight, module in zip(use.weights, use.owners, strict=True):
            owned.setdefault(module, {})[weight] = None
    return {module: tuple(weights) for module, weights in owned.items()}


def _layer_before(
    call: Call, uses: Sequence[Use], layers: Sequence[ModelLayer], opened: dict[int, int]
) -> int | None:
    """The number of the layer that the activation belongs to; ``None`` where it is one of its own."""
    free = [
        (uses[k].depth, uses[k].at)
        for k in bits(call.before)
        if uses[k].at in opened and layers[opened[uses[k].at]].call is None
    ]
    return opened[max(free)[1]] if free else None


def _numbered(layers: Sequence[ModelLayer], calls: Sequence[Call]) -> tuple[ModelLayer, ...]:
    """Layers without weights with the number of their activation's call, from the second on."""
    numbered = []
    for layer in layers:
        name = layer.name
        if not layer.weights and layer.call is not None:
            what = calls[layer.call].what
            nth = 1 + sum(one.what is what for one in calls[: layer.call])
            name += f" #{nth}" if nth > 1 else ""
        numbered.append(ModelLayer(name, layer.weights, layer.call))
    return tuple(numbered)
