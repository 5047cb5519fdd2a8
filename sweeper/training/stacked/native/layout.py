"""Where everything of one slot lies: in its table of pointers, in the arena, or in a matrix of gradients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from sweeper.training.stacked.native.operation import ALIGNED
from sweeper.training.stacked.native.simplify import Unit
from sweeper.training.stacked.recording import storage_of

FLAG, ROWS, COEFFICIENTS, GRADIENTS, ARENA, SUBNORMAL, BEFORE = range(7)
"""Entries of a slot's table; results, leaves, updates, activations, state and what is outside follow."""


@dataclass(frozen=True)
class Leaf:
    """An input of which a pass gets some rows: x or y, or a part of them."""

    tensor: Tensor
    """(1, rows, …), as recorded."""

    @property
    def rows(self) -> int:
        return int(self.tensor.shape[1])

    @property
    def bytes_a_row(self) -> int:
        return self.tensor[0, 0].numel() * self.tensor.element_size()


@dataclass
class Layout:
    """Where everything lies."""

    leaves: Sequence[Leaf]
    results: Sequence[Tensor]
    """What every pass leaves behind, contiguous."""
    sites: int
    """Hidden activations."""
    gradients: Tensor | None = None
    """What updates are made of."""
    segments: Sequence[tuple[int, int]] = ()
    """(first column, columns) of parameters that are updated alike, after every pass."""
    coefficients: int = 0
    """Numbers of one segment and step."""
    states: int = 0
    draws: Sequence[Tensor] = ()
    """Recorded tensors of random numbers, each alone in its memory."""
    outside: list[Tensor] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    """Storage -> offset in the arena, in bytes."""
    parts: Mapping[int, int] = field(default_factory=dict)
    """Storage -> offset in the gradients, in bytes."""
    arena: int = 0
    scratch: int = 0
    """Bytes behind the arrays of the arena, for matrices that are turned."""

    @property
    def elsewhere(self) -> int | None:
        """Storage of the gradients."""
        return None if self.gradients is None else storage_of(self.gradients)

    @property
    def at_results(self) -> int:
        return BEFORE + 1

    @property
    def at_leaves(self) -> int:
        return self.at_results + len(self.results)

    @property
    def at_draws(self) -> int:
        return self.at_leaves + len(self.leaves)

    @property
    def at_updates(self) -> int:
        return self.at_draws + len(self.draws)

    @property
    def at_sites(self) -> int:
        return self.at_updates + len(self.segments)

    @property
    def at_states(self) -> int:
        return self.at_sites + 2 * self.sites

    @property
    def at_outside(self) -> int:
        return self.at_states + self.states

    @property
    def entries(self) -> int:
        return self.at_outside + len(self.outside)


def storages(tensors: Iterable[Tensor]) -> set[int]:
    return {storage_of(t) for t in tensors}


def lay_out(layout: Layout, units: Sequence[Unit], inputs: Sequence[Tensor]) -> None:
    """Give every storage a place: as long as it is needed, in the arena, or outside."""
    last: dict[int, int] = {}
    for index, unit in enumerate(units):
        last |= dict.fromkeys(storages((*unit.inputs, *unit.results)), index)
    last |= dict.fromkeys(storages(layout.results), len(units))
    stays = storages((*(leaf.tensor for leaf in layout.leaves), *layout.draws))
    made = storages(t for unit in units for t in unit.results) - storages(inputs)
    known = storages(layout.outside) | {*layout.parts} | {layout.elsewhere}
    arena = _Arena(layout)
    for tensor in (*(leaf.tensor for leaf in layout.leaves), *layout.draws):
        arena.place(tensor)
    for index, unit in enumerate(units):
        touched = (*unit.inputs, *unit.results)
        for tensor in touched:
            where = storage_of(tensor)
            if where in layout.places or where in known:
                continue
            if where in made:
                arena.place(tensor)
            else:
                known.add(where)
                layout.outside.append(tensor)
        for where in dict.fromkeys(map(storage_of, touched)):  # not by address: code is kept by its text
            if last[where] == index and where not in stays:
                arena.free(where)
    layout.scratch = layout.arena


class _Arena:
    """Memory that is used again, by arrays of the same size."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sizes: dict[int, int] = {}
        self._free: list[tuple[int, int]] = []

    def place(self, tensor: Tensor) -> None:
        layout, where = self._layout, storage_of(tensor)
        size = -(-max(tensor.untyped_storage().nbytes(), 1) // ALIGNED) * ALIGNED
        self._sizes[where] = size
        for spot in self._free:
            if spot[1] == size:
                self._free.remove(spot)
                layout.places[where] = spot[0]
                return
        layout.places[where] = layout.arena
        layout.arena += size

    def free(self, where: int) -> None:
        if where in self._sizes:
            self._free.append((self._layout.places[where], self._sizes[where]))
