"""What the next steps of a stack take, prepared for several blocks at once: row numbers and coefficients."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from torch import Tensor

from sweeper.training.stacked.batches import Batches
from sweeper.training.stacked.groups import Group, table
from sweeper.training.stacked.native.slot_program import once_each
from sweeper.training.stacked.stacked_trial import StackedTrial

MOST_STEPS = 256
"""Steps that are prepared at once: some blocks, and coefficients of a few megabytes."""


@dataclass(frozen=True)
class Coming:
    """The steps of all slots from one time of the stack's clock on."""

    start: int
    rows: Sequence[Tensor]
    """Of each slot, numbers of rows, (steps, batch); one tensor for all that share them."""
    sources: Sequence[Sequence[Tensor]]
    """Of each slot, the arrays of these rows, leaf by leaf."""
    coefficients: Tensor
    """(slots, steps, segments, columns), see `table`."""

    def holds(self, clock: int, steps: int) -> bool:
        """Whether it has the next `steps` of the stack."""
        return self.start <= clock and clock + steps <= self.start + self.coefficients.shape[1]

    def part(self, clock: int, steps: int) -> "Coming":
        """The next `steps` alone."""
        some = slice(clock - self.start, clock - self.start + steps)
        rows = once_each(itemgetter(some), self.rows)
        return Coming(clock, rows, self.sources, self.coefficients[:, some])


def coming(
    batches: Batches,
    slots: Sequence[StackedTrial | None],
    groups: Sequence[Sequence[Group]],
    clock: int,
    like: Tensor,
) -> Coming:
    """As many steps as the trial with the fewest left makes, `MOST_STEPS` at most.

    Args:
        batches: where the rows come from.
        slots: who trains.
        groups: of each segment.
        clock: time of the stack.
        like: a parameter, for type and device.
    """
    runs = [run for run in slots if run is not None]
    steps = min(MOST_STEPS, *(run.state.steps - run.state.step for run in runs))
    seeds = [run.trial.seed if run else runs[0].trial.seed for run in slots]
    ages = [run.state.step if run else 0 for run in slots]
    none = np.zeros((len(groups), steps))
    rates = np.stack([run.coming_rates(steps) if run else none for run in slots], 2)
    updates = np.arange(1, steps + 1)[:, None] + np.array(ages, dtype=float)
    found = table(groups, rates, updates, like.dtype)
    sources = list(map(batches.sources, seeds))
    return Coming(clock, batches.coming(seeds, ages, steps), sources, found.to(like.device))
