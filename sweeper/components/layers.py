"""The layers of a model in the order of its forward pass, each with its name."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from sweeper.components.dataflow import flow
from sweeper.components.flow_record import Call, Use, bits
from sweeper.components.tree import Tree


@dataclass(frozen=True)
class Place:
    """One layer: weights, the hidden activation that follows them, or both."""

    name: str
    """Of the module that owns the weights; of the activation where there are none, with ``#2`` for its
    second call and so on."""
    weights: tuple[str, ...] = ()
    """Names of its parameters of two dimensions or more."""
    call: int | None = None
    """Which call of a hidden activation it has, counted over one forward pass; ``None``: it has none."""


def layers_of(model: nn.Module, hidden: Sequence[nn.Module], x: Tree) -> tuple[Place, ...]:
    """The layers of `model`, numbered as they come in a forward pass of the rows `x`.

    A layer begins where its weights are applied for the first time. An activation belongs to the layer whose
    weights its input comes from; of several, to that on the longest way from the input. It is a layer of its
    own, without weights, where they have an activation already or were applied before (a module that is used
    several times), and where there are none before it. Weights that no forward pass applies are left out, and
    so are parameters that are only added or that scale (positions, for example).
    """
    seen = flow(model, x, hidden, ())
    names = {module: name for name, module in model.named_modules()}
    owned: dict[str, dict[str, None]] = {}
    for use in seen.uses:
        for weight, module in zip(use.weights, use.owners, strict=True):
            owned.setdefault(module, {})[weight] = None
    places: list[Place] = []
    opened: dict[int, int] = {}
    call = -1
    events: list[Use | Call] = [*seen.uses, *seen.calls]
    for event in sorted(events, key=lambda one: one.at):
        if isinstance(event, Use):
            for module in event.modules:
                if weights := tuple(owned.pop(module, {})):
                    opened.setdefault(event.at, len(places))
                    places.append(Place(module or ", ".join(weights), weights))
            continue
        call += 1
        before = _weights_before(event, seen.uses, places, opened)
        if before is not None:
            places[before] = Place(places[before].name, places[before].weights, call)
            continue
        name = names.get(event.what, "") if isinstance(event.what, nn.Module) else str(event.what)
        places.append(Place(name, (), call))
    return _numbered(places, seen.calls)


def _weights_before(
    call: Call, uses: Sequence[Use], places: Sequence[Place], opened: dict[int, int]
) -> int | None:
    """The layer that the activation belongs to."""
    free = [
        (uses[k].depth, uses[k].at)
        for k in bits(call.before)
        if uses[k].at in opened and places[opened[uses[k].at]].call is None
    ]
    return opened[max(free)[1]] if free else None


def _numbered(places: Sequence[Place], calls: Sequence[Call]) -> tuple[Place, ...]:
    """Layers without weights with the number of their activation's call, from the second on."""
    found = []
    for place in places:
        name = place.name
        if not place.weights and place.call is not None:
            what = calls[place.call].what
            nth = 1 + sum(one.what is what for one in calls[: place.call])
            name += f" #{nth}" if nth > 1 else ""
        found.append(Place(name, place.weights, place.call))
    return tuple(found)
