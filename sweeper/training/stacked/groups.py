"""Slots that follow the same update rule, and what differs between their trials, as columns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers import MOST_COEFFICIENTS, Hyper, Rule


@dataclass(frozen=True)
class Group:
    """Neighbouring slots with one rule."""

    rule: Rule
    slots: slice
    options: Hyper
    history: Sequence[Mapping[str, np.ndarray]]
    """What the updates of each slot take from earlier learning rates: (steps,) each."""

    @property
    def decays(self) -> bool:
        """Whether weight decay has to be added to the gradients."""
        return self.rule.coupled and bool(np.any(self.options["weight_decay"] != 0))

    def coefficients(self, learning_rates: np.ndarray, updates: np.ndarray) -> np.ndarray:
        """(steps, columns, slots): those of the rule, then the weight decay.

        Args:
            learning_rates: (steps, slots of this group)
            updates: numbers of the updates, counted from 1, same shape
        """
        past = {name: self._past(name, updates.astype(np.int64)) for name in self.history[0]}
        arrays = [*self.rule.coefficients({**self.options, **past}, learning_rates, updates)]
        if self.rule.coupled:
            arrays.append(self.options["weight_decay"])
        return np.stack([np.broadcast_to(a, updates.shape) for a in arrays], axis=1)

    def _past(self, name: str, updates: np.ndarray) -> np.ndarray:
        return np.stack([slot[name][updates[:, k] - 1] for k, slot in enumerate(self.history)], axis=1)


def table(
    groups: Sequence[Group], learning_rates: np.ndarray, updates: np.ndarray, dtype: torch.dtype
) -> Tensor:
    """Coefficients of all slots for the coming steps: (steps, `MOST_COEFFICIENTS`, slots, 1)."""
    steps, slots = updates.shape
    values = np.zeros((steps, MOST_COEFFICIENTS, slots))
    for group in groups:
        mine = group.coefficients(learning_rates[:, group.slots], updates[:, group.slots])
        values[:, : mine.shape[1], group.slots] = mine
    return torch.from_numpy(values).to(dtype).unsqueeze(3)


class Updates:
    """The optimizer step of a whole stack, on its matrices (slots, size)."""

    def __init__(
        self,
        p: Tensor,
        g: Tensor,
        state: Sequence[Tensor],
        scratch: Sequence[Tensor],
        shapes: Sequence[torch.Size],
    ) -> None:
        """`shapes`: of the parameters that the columns hold, in order."""
        self.p, self.g, self.state, self.scratch, self.shapes = p, g, state, scratch, shapes
        self.columns = p.new_zeros(MOST_COEFFICIENTS, len(p), 1)
        self._work: list[tuple[Rule, bool, Sequence[Tensor], Sequence[Sequence[Tensor]]]] = []

    def arrange(self, groups: Sequence[Group]) -> None:
        """Other trials are in the slots now."""
        self._work = []
        for group in groups:
            at, rule = group.slots, group.rule
            columns = [c[at] for c in self.columns[: rule.columns + rule.coupled]]
            state = [matrix[at] for matrix in self.state[: rule.state]]
            scratch = [matrix[at] for matrix in self.scratch[: rule.scratch]]
            self._work.append((rule, group.decays, columns, ([self.p[at], self.g[at]], state, scratch)))

    def step(self, coefficients: Tensor) -> None:
        """One update of every slot; `coefficients` is one step of a `table`. Gradients are overwritten."""
        self.columns.copy_(coefficients)
        for rule, decays, columns, ((p, g), state, scratch) in self._work:
            if decays:
                torch.addcmul(g, p, columns[-1], out=g)
            more = (self.shapes,) if rule.shaped else ()
            rule.update(p, g, state, columns[: rule.columns], scratch, *more)

    @contextmanager
    def evaluation_weights(self) -> Iterator[None]:
        """While open, `p` holds what trials are evaluated with, which some rules keep in their state."""
        swapped = [
            (p, state[rule.evaluated])
            for rule, *_, ((p, _), state, _) in self._work
            if rule.evaluated is not None
        ]
        trained = [p.clone() for p, _ in swapped]
        for p, average in swapped:
            p.copy_(average)
        yield
        for (p, _), value in zip(swapped, trained, strict=True):
            p.copy_(value)
