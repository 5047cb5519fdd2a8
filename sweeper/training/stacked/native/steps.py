"""A stack's steps as machine code: bound to the memory of the stack, run slot after slot."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers import MOST_COEFFICIENTS
from sweeper.components.tree import leaves
from sweeper.training.stacked.groups import Group
from sweeper.training.stacked.kernel import AnyKernel
from sweeper.training.stacked.native.layout import (
    BEFORE,
    COEFFICIENTS,
    GRADIENTS,
    ROWS,
    SUBNORMAL,
    Layout,
    Leaf,
)
from sweeper.training.stacked.native.library import nothing, update_function
from sweeper.training.stacked.native.slot_program import SlotProgram, addresses, each_row, once_each
from sweeper.training.stacked.native.subnormal import FLUSHED, KEPT
from sweeper.training.stacked.stack import Stack

NOTHING: Mapping[int, Tensor] = {}


class StepProgram:
    """The step of one slot, for stacks of any size."""

    def __init__(self, one: Stack) -> None:
        """Compile what `one`, a stack with one slot, has recorded.

        Raises:
            NotCompiled: if an operation has no translation, or this machine cannot compile.
        """
        self.one = one
        calls, inputs, (losses, gradients) = one.recorded
        self.layout = Layout(
            [Leaf(t) for t in leaves((one.x, one.y))],
            [losses],
            len(one.template.kernels),
            gradients,
            [(s.columns.start, s.columns.stop - s.columns.start) for s in one.updates.segments],
            MOST_COEFFICIENTS,
            len(one.updates.state),
            outside=list(one.outside),
        )
        self.program = SlotProgram(self.layout, calls, inputs)
        self.no_update = nothing(self.layout.states)


class NativeSteps:
    """Steps of one stack."""

    def __init__(self, stack: Stack, compiled: StepProgram) -> None:
        self.stack, self.one = stack, compiled.one
        self.layout, self.program, self._nothing = compiled.layout, compiled.program, compiled.no_update
        self.table = self.program.lines(stack.slots)
        for slot, line in enumerate(self.table):
            self.program.read(line, [t[slot] for t in stack.outside])
            states = [s[slot].data_ptr() for s in stack.updates.state]
            line[self.layout.at_states : self.layout.at_outside] = states
        self.occupied: Sequence[int] = ()

    def arrange(
        self,
        groups: Sequence[Sequence[Group]],
        kernels: Sequence[Sequence[AnyKernel]],
        in_full: Collection[int] = (),
    ) -> None:
        """Other trials are in the slots now; gradients of those `in_full` keep subnormal numbers.

        Raises:
            NotCompiled: for activations or update rules that cannot be compiled.
        """
        dtype, layout = self.stack.p.dtype, self.layout
        self.occupied = [slot for group in groups[0] for slot in range(group.slots.start, group.slots.stop)]
        self.table[:, SUBNORMAL] = FLUSHED
        for k, here in enumerate(groups):
            self.table[:, layout.at_updates + k] = self._nothing
            for group in here:
                address, proportionate = update_function(group.rule, group.decays, dtype, layout.states)
                self.table[group.slots, layout.at_updates + k] = address
                if not proportionate:
                    self.table[group.slots, SUBNORMAL] = KEPT
        used = slice(0, len(self.occupied))  # the empty ones are the last
        self.table[list(in_full), SUBNORMAL] = KEPT
        self.program.activations(self.table[used], [each[used] for each in kernels])

    def train(
        self,
        sources: Mapping[int, Sequence[Tensor]],
        rows: Sequence[Tensor],
        coefficients: Tensor,
        *,
        before: Mapping[int, Tensor] = NOTHING,
        update: bool = True,
    ) -> Tensor:
        """Steps of every slot; losses, (steps, rows of `Stack.losses`, slots).

        Args:
            sources: of each slot that trains, the arrays from which its rows come, leaf by leaf.
            rows: of each slot, numbers of rows, (steps, batch), contiguous.
            coefficients: (slots, steps, segments, columns), those of a slot one after the other, see `table`.
            before: of some slots, where their flat parameters before the last update are kept.
            update: without, gradients are left in the stack's matrix and nothing is updated.

        Raises:
            IndexError: for a class or an index beyond what it points into.
        """
        slots, steps = coefficients.shape[:2]
        if not steps or not sources:
            return self.stack.losses.new_zeros(steps, *self.stack.losses.shape)
        losses = self.stack.p.new_zeros(slots, steps, len(self.stack.losses))
        table = self.table.copy()
        table[:, COEFFICIENTS], table[:, self.layout.at_results] = each_row(coefficients), each_row(losses)
        table[:, GRADIENTS] = self.program.private
        for slot, kept in before.items():
            table[slot, BEFORE] = kept.data_ptr()
        table[:, ROWS] = once_each(Tensor.data_ptr, rows)
        if not update:
            table[:, GRADIENTS] = each_row(self.stack.updates.g)
            table[:, self.layout.at_updates : self.layout.at_sites] = self._nothing
        table, at = table[list(sources)], self.layout.at_leaves
        table[:, at : at + len(self.layout.leaves)] = once_each(addresses, sources.values())
        if self.layout.draws:
            self._run_drawn(table, list(sources), steps)
        else:
            self.program.run(table, steps)
        return losses.permute(1, 2, 0)

    def _run_drawn(self, table: np.ndarray, slots: Sequence[int], steps: int) -> None:
        """Slot after slot; its random numbers of all steps are drawn first, in the order of the recording."""
        state, draws = self.stack.random_state, self.layout.draws
        held = [t.new_empty(steps, t.numel()) for t in draws]
        rows = [
            [row.as_strided(t.shape[1:], t.stride()[1:]) for row in each]
            for each, t in zip(held, draws, strict=True)
        ]
        table[:, self.layout.at_draws : self.layout.at_updates] = [each.data_ptr() for each in held]
        for line, slot in zip(table, slots, strict=True):
            for step in range(steps):
                for fill, own in zip(self.one.random_state.fills, rows, strict=True):
                    fill(own[step], state.generators[slot])
            self.program.run(line[None], steps)

    def run(self) -> None:
        """Losses and gradients of all trials on the batches that lie in the stack's `x` and `y`."""
        stack, data = self.stack, leaves((self.stack.x, self.stack.y))
        sources = {slot: [t[slot] for t in data] for slot in self.occupied}
        rows = [torch.arange(self.layout.leaves[0].rows)[None]] * stack.slots
        columns = stack.updates.columns.squeeze(3).movedim(2, 0).unsqueeze(1).contiguous()
        stack.losses.copy_(self.train(sources, rows, columns, update=False)[0])
