"""Random numbers of trials that train together: every slot draws from a generator of its own.

A trial that trains alone draws dropout masks and noise from torch's generator, in the state in which the
making of its model left it. Slots do the same with generators of their own, in the same order, so that a
trial's numbers do not depend on its neighbours.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sweeper.private_torch import schema_of
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotStackable
from sweeper.training.stacked.rng_layout import Layout

Draw = Callable[[Tensor, torch.Generator], Any]
Fill = Callable[[Tensor, torch.Generator], None]
"""Draws the numbers of one slot, in the order in which a trial that trains alone draws them."""


class SlotRandomState:
    """One generator per slot."""

    def __init__(self, slots: int, device: torch.device, draws: Iterable[Layout]) -> None:
        """`draws`: the random arrays of a trial that trains alone, in order."""
        self.generators = [torch.Generator(device) for _ in range(slots)]
        self._draws = iter(draws)
        self.fills: list[Fill] = []
        """Of the random operations, in the order of their recording."""

    def start(self, slot: int, seed: int, state: Tensor) -> None:
        """A new trial: its seed, and the state of the CPU's generator once its model was made.

        Models are made on the CPU, so another device's generator has not drawn since it was seeded.
        """
        if self.generators[slot].device.type == "cpu":
            self.generators[slot].set_state(state)
        else:
            self.generators[slot].manual_seed(seed)

    def reorder(self, order: Sequence[int]) -> None:
        """Slot i goes on with the generator of slot `order[i]`."""
        self.generators[:] = [self.generators[before] for before in order]

    def __call__(self, call: Call, arguments: Sequence[Any], targets: Sequence[Tensor]) -> Callable[[], None]:
        """The way a recorded random operation is run again."""
        name = schema_of(call.operation).name.removeprefix("aten::").rstrip("_")
        target = arguments[0] if call.written else targets[0]
        if len(target) != len(self.generators) or name not in DRAWS:
            raise NotStackable(f"{name} draws random numbers that cannot be separated by trial")
        draw, rows = DRAWS[name](call.operation, arguments), list(target.unbind(0))
        alone = next(self._draws, None)
        if alone is None or alone.shape != rows[0].shape:
            raise NotStackable(f"{name} draws other random numbers than when a trial trains alone")
        same = alone.stride == rows[0].stride()
        fill: Fill = draw if same else partial(_fill_and_copy, draw, alone.empty(target))
        self.fills.append(fill)
        return partial(self._fill, fill, rows)

    def _fill(self, fill: Fill, rows: Sequence[Tensor]) -> None:
        for row, generator in zip(rows, self.generators, strict=True):
            fill(row, generator)


def _fill_and_copy(draw: Draw, alone: Tensor, row: Tensor, generator: torch.Generator) -> None:
    draw(alone, generator)
    row.copy_(alone)


def _bernoulli(operation: Any, arguments: Sequence[Any]) -> Draw:
    p = arguments[1] if len(arguments) > 1 else None
    if not isinstance(p, float):
        raise NotStackable("bernoulli draws with probabilities that are computed")
    return lambda row, generator: row.bernoulli_(p, generator=generator)


def _uniform(operation: Any, arguments: Sequence[Any]) -> Draw:
    low, high = _range(operation, arguments, "uniform", (0.0, 1.0))
    return lambda row, generator: row.uniform_(low, high, generator=generator)


def _normal(operation: Any, arguments: Sequence[Any]) -> Draw:
    mean, std = _range(operation, arguments, "normal", (0.0, 1.0))
    return lambda row, generator: row.normal_(mean, std, generator=generator)


def _exponential(operation: Any, arguments: Sequence[Any]) -> Draw:
    rate = arguments[1] if len(arguments) > 1 else 1.0
    if not isinstance(rate, int | float):
        raise NotStackable("exponential draws with rates that are computed")
    return lambda row, generator: row.exponential_(float(rate), generator=generator)


def _range(
    operation: Any, arguments: Sequence[Any], named: str, default: tuple[float, float]
) -> tuple[float, float]:
    """The two numbers that ``uniform`` and ``normal`` take and ``rand`` and ``randn`` do not."""
    if not schema_of(operation).name.removeprefix("aten::").startswith(named):
        return default
    given = (*arguments[1:], *default[len(arguments) - 1 :])
    if not all(isinstance(number, int | float) for number in given[:2]):
        raise NotStackable(f"{named} draws with parameters that are computed")
    return float(given[0]), float(given[1])


DRAWS: dict[str, Callable[[Any, Sequence[Any]], Draw]] = {
    "bernoulli": _bernoulli,
    "exponential": _exponential,
    "uniform": _uniform,
    "rand": _uniform,
    "rand_like": _uniform,
    "normal": _normal,
    "normal_functional": _normal,
    "randn": _normal,
    "randn_like": _normal,
}
"""aten operation -> how one slot draws it"""
