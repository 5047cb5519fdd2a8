"""Scores of a stack as machine code, slot after slot: the same to the last bit in stacks of any size."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sweeper.components.outputs import parted, put_together
from sweeper.components.tree import Tree, leaves, stacked
from sweeper.training.stacked.activation_dispatch import BINDERS
from sweeper.training.stacked.native.slot_program import SlotProgram, once_each, pass_layout
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.tape import Tape
from sweeper.training.stacked.template import losses_of


class ScoreProgram:
    """Scores of one slot on so many rows, for stacks of any size."""

    def __init__(self, one: Stack, scores: Any, rows: tuple[Tree, Tree], outputs: bool = False) -> None:
        """Compile scoring `rows` with `one`, a stack with one slot; `outputs`: keep these as well.

        Raises:
            NotCompiled: if an operation has no translation, or this machine cannot compile.
        """
        self.names = tuple[str, ...]()
        self._one, self._scores, self._outputs = one, scores, outputs
        self.arrangement: Any = None
        """Of the outputs, whose tensors follow the scores among the results; see `parted`."""
        self.x, self.y = stacked(rows, 1)
        data, outside = leaves((self.x, self.y)), [one.p, *one.fixed.values()]
        read_only = {"parameters": [one.p], "buffers in evaluation mode": list(one.fixed.values())}
        read_only |= {"inputs": leaves(self.x), "targets": leaves(self.y)}
        with torch.no_grad(), one.template.evaluating():
            tape = Tape(self._scored, [*outside, *data], BINDERS, read_only=read_only, keep=True)
        one.dispatch.calls.clear()
        calls, inputs, self.results = tape.recorded
        layout = pass_layout(data, self.results, outside, len(one.template.kernels))
        self.program = SlotProgram(layout, calls, inputs)
        if layout.draws:
            raise NotCompiled("random numbers in evaluation")

    def _scored(self) -> list[Tensor]:
        one = self._one
        outputs = one.template.outputs(one.values(), one.dispatch, self.x)
        by_name = losses_of(self._scores, outputs, self.y)
        self.names = tuple(by_name)
        self.arrangement, tensors = parted(outputs)
        kept = tensors if self._outputs else ()
        return [t.clone(memory_format=torch.contiguous_format) for t in (*by_name.values(), *kept)]


class NativeScorePass:
    """Does what `ScorePass` does."""

    def __init__(self, stack: Stack, scored: ScoreProgram) -> None:
        self.stack, self._scored, self._program = stack, scored, scored.program
        scores, outputs = scored.results[: len(scored.names)], scored.results[len(scored.names) :]
        self._values = [t.new_zeros(stack.slots) for t in scores]
        self._outputs = [torch.empty_like(t) for t in outputs]
        """Of whoever was scored last: those of all slots may be more than there is memory for."""
        self._table = self._program.lines(stack.slots)
        everyones = [t.expand(stack.slots, *t.shape[1:]) for t in self._outputs]
        self._program.write(self._table, [*self._values, *everyones])
        for slot, line in enumerate(self._table):
            self._program.read(line, [stack.p[slot], *(t[slot] for t in stack.fixed.values())])

    def run(self, rows: Mapping[int, tuple[Tree, Tree]]) -> dict[str, list[float]]:
        """Every score of every slot, by its name; `rows`: those of each slot that matters.

        Raises:
            NotCompiled: for rows that lie with gaps.
        """
        slots, kernels = list(rows), self.stack.dispatch.kernels
        table = self._table[slots]
        self._program.rows(table, once_each(leaves, rows.values()))
        self._program.activations(table, [[each[slot] for slot in slots] for each in kernels])
        self._program.run(table)
        return {name: score.tolist() for name, score in zip(self._scored.names, self._values, strict=True)}

    def outputs(self) -> Any:
        """Of the last slot that was scored, if the program keeps them."""
        return put_together(self._scored.arrangement, (t[0].clone() for t in self._outputs))
