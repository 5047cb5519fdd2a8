"""Where a search starts: configurations of ``[[search.try]]``, and the published defaults of each optimizer.

A default has the optimizer's published settings (`sweeper.components.optimizers`), the study's first
activation and no penalty. All else that is searched has its first listed value, or for a range its prior or
its middle.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sweeper.components.optimizers import DEFAULT, OPTIMIZERS
from sweeper.study.parameters import PENALTY
from sweeper.study.space import Fixed, Range, Space, Values, holds, same
from sweeper.study.study import Study


@dataclass(frozen=True)
class Default:
    """The published default of one optimizer, as far as a space has it."""

    optimizer: str
    parameters: Mapping[str, Any]
    outside: Mapping[str, Any] = field(default_factory=dict)
    """Published settings that the space does not have; with any, no trial stands for the default."""

    def line(self) -> str:
        """What is missing, in words."""
        wanted = ", ".join(f"{name} = {value}" for name, value in self.outside.items())
        verb = "lies" if len(self.outside) == 1 else "lie"
        return f"no trial has the published default of {self.optimizer}: {wanted} {verb} outside of the space"


def defaults(space: Space) -> list[Default]:
    """One for each optimizer of the space."""
    return [_default(space, name) for name in space.entries["optimizer"].values or () if name in OPTIMIZERS]


def unheld(space: Space) -> list[str]:
    """A line for each default that the space does not have in full; terminal, page and card tell it."""
    return [default.line() for default in defaults(space) if default.outside]


def published(space: Space) -> list[Mapping[str, Any]]:
    """The parameters of the defaults that the space has in full."""
    return [default.parameters for default in defaults(space) if not default.outside]


def starts(study: Study) -> list[dict[str, Any]]:
    """Configurations that are trained first: those to try, then the defaults that the space has."""
    tried = [completed(study.space, given) for given in study.tries]
    both = [*tried, *map(dict, published(study.space))]
    return [one for index, one in enumerate(both) if one not in both[:index]]


def completed(space: Space, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given`, with what it leaves out as in the default of its optimizer."""
    first = (space.entries["optimizer"].values or (DEFAULT,))[0]
    base = _default(space, given.get("optimizer", first)).parameters
    return {
        name: exact(space, name, base["optimizer"], given[name]) if name in given else value
        for name, value in base.items()
    }


def exact(space: Space, name: str, optimizer: str, value: Any) -> Any:
    """`value` of a parameter as the space itself writes it: a tuple for a list, the listed number."""
    values = space.active(optimizer).get(name, ("", Fixed(value)))[1] if name != "optimizer" else Fixed(value)
    return next((option for option in values.values or () if same(option, value)), value)


def _default(space: Space, optimizer: str) -> Default:
    published = {**OPTIMIZERS[optimizer].published, PENALTY: 0.0}
    parameters, outside = {"optimizer": optimizer}, {}
    for name, (_, values) in space.active(optimizer).items():
        wanted = published.get(name)
        if wanted is not None and holds(values, wanted):
            parameters[name] = exact(space, name, optimizer, wanted)
            continue
        if wanted is not None:
            outside[name] = wanted
        parameters[name] = middle(values)
    return Default(optimizer, parameters, outside)


def middle(values: Values) -> Any:
    """The first listed value; of a range its prior, or its middle."""
    if not isinstance(values, Range):
        return values.values[0]
    if values.prior is not None:
        return values.prior
    return Range(values.low, values.high, values.log, values.step, 0.0, values.integer).at(0.5)
