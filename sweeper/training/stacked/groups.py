"""Slots that follow the same update rule, and what differs between their trials, as columns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers import MOST_COEFFICIENTS, Hyper, Rule, hyper
from sweeper.training.stacked.stacked_trial import StackedTrial


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


def groups_of(slots: Sequence[StackedTrial | None], segment: int) -> list[Group]:
    """Neighbouring slots with the same rule for the parameters of a segment."""
    groups, start = [], 0
    while start < len(slots) and (first := slots[start]) is not None:
        members, rule = [first], first.parts[segment].rule
        for run in slots[start + 1 :]:
            if run is None or run.parts[segment].rule is not rule:
                break
            members.append(run)
        stop = start + len(members)
        parts = [run.parts[segment] for run in members]
        options, history = hyper([part.group for part in parts]), [part.history for part in parts]
        groups.append(Group(rule, slice(start, stop), options, history))
        start = stop
    return groups


@dataclass(frozen=True)
class Segment:
    """Neighbouring columns of a stack's matrices: parameters with the same options of their own."""

    columns: slice
    shapes: tuple[torch.Size, ...]


def segments_of(parts: Sequence[Sequence[torch.Size]]) -> tuple[Segment, ...]:
    """One after the other, from the shapes of their parameters."""
    ends = np.cumsum([sum(shape.numel() for shape in shapes) for shapes in parts]).tolist()
    starts = [0, *ends[:-1]]
    return tuple(Segment(slice(a, b), tuple(s)) for a, b, s in zip(starts, ends, parts, strict=True))


def table(
    groups: Sequence[Sequence[Group]], learning_rates: np.ndarray, updates: np.ndarray, dtype: torch.dtype
) -> Tensor:
    """Coefficients of all slots for the coming steps: (slots, steps, segments, `MOST_COEFFICIENTS`).

    Args:
        groups: of each segment.
        learning_rates: (segments, steps, slots)
        updates: numbers of the updates, counted from 1, (steps, slots)
        dtype: of the training.
    """
    steps, slots = updates.shape
    values = np.zeros((slots, steps, len(groups), MOST_COEFFICIENTS))
    for segment, (here, rates) in enumerate(zip(groups, learning_rates, strict=True)):
        for group in here:
            mine = group.coefficients(rates[:, group.slots], updates[:, group.slots])
            values[group.slots, :, segment, : mine.shape[1]] = mine.transpose(2, 0, 1)
    return torch.from_numpy(values).to(dtype)


_Work = tuple[Rule, bool, Sequence[Tensor], Sequence[torch.Size], Sequence[Sequence[Tensor]]]
"""Rule, whether weight decay is added, columns of coefficients, shapes, (p and g, state, scratch)."""


class Updates:
    """The optimizer step of a whole stack, on its matrices (slots, size)."""

    def __init__(
        self,
        p: Tensor,
        g: Tensor,
        state: Sequence[Tensor],
        scratch: Sequence[Tensor],
        segments: Sequence[Segment],
    ) -> None:
        """`segments`: what the columns hold, in order."""
        self.p, self.g, self.state, self.scratch, self.segments = p, g, state, scratch, segments
        self.columns = p.new_zeros(len(segments), MOST_COEFFICIENTS, len(p), 1)
        self._work: list[_Work] = []

    def arrange(self, groups: Sequence[Sequence[Group]]) -> None:
        """Other trials are in the slots now; `groups` of each segment."""
        self._work = [
            self._one(segment, columns, group)
            for segment, columns, here in zip(self.segments, self.columns, groups, strict=True)
            for group in here
        ]

    def _one(self, segment: Segment, columns: Tensor, group: Group) -> "_Work":
        at, rule = (group.slots, segment.columns), group.rule
        mine = [c[group.slots] for c in columns[: rule.columns + rule.coupled]]
        state = [matrix[at] for matrix in self.state[: rule.state]]
        scratch = [matrix[at] for matrix in self.scratch[: rule.scratch]]
        return rule, group.decays, mine, segment.shapes, ([self.p[at], self.g[at]], state, scratch)

    def start(self, slot: int, rules: Sequence[Rule]) -> None:
        """The state of a trial before its first step; `rules` of each segment."""
        for segment, rule in zip(self.segments, rules, strict=True):
            at = (slot, segment.columns)
            for k, matrix in enumerate(self.state):
                matrix[at] = self.p[at] if k < rule.copies else 0

    def step(self, coefficients: Tensor) -> None:
        """One update of every slot, by one step of a `table`; gradients are overwritten."""
        self.columns.copy_(coefficients.permute(1, 2, 0).unsqueeze(3))
        for rule, decays, columns, shapes, ((p, g), state, scratch) in self._work:
            if decays:
                torch.addcmul(g, p, columns[-1], out=g)
            more = (shapes,) if rule.shaped else ()
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
