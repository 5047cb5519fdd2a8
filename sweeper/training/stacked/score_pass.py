"""Loss and metrics of all slots of a stack, recorded once and replayed for later weights."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from sweeper.components.tree import Tree, copied, leaves, put, stacked
from sweeper.training.stacked.activation_dispatch import BINDERS
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.tape import Tape
from sweeper.training.stacked.template import losses_of

Scores = Callable[[Any, Any], dict[str, Tensor]]
"""(output, target) -> scalars by name"""
Part = tuple[Tree, Tree]
"""Inputs and targets of some rows."""


class ScorePass:
    """Scores a stack in place: it reads the parameters where the training writes them."""

    def __init__(self, stack: Stack, scores: Scores, rows: Part, shared: bool) -> None:
        """Record the pass over `rows`, which all slots share; else over as many for each, filled in later."""
        self.stack, self.scores, self.shared = stack, scores, shared
        self.names: tuple[str, ...] = ()
        slots = stack.slots
        self.x, self.y = copied(rows) if shared else stacked(rows, slots)
        self._held: list[Part] = [rows] * slots
        inputs = [stack.p, *stack.fixed.values(), *leaves((self.x, self.y))]
        read_only = {
            "parameters": [stack.p],
            "buffers in evaluation mode": list(stack.fixed.values()),
            "inputs": leaves(self.x),
            "targets": leaves(self.y),
        }
        with torch.no_grad(), stack.template.evaluating():
            self._tape = Tape(self._scored, inputs, BINDERS, read_only=read_only)
        stack.dispatch.calls.clear()

    def takes(self, rows: Part) -> bool:
        """Whether `rows` have the shape of those that it was recorded on."""
        pairs = zip(leaves((self.x, self.y)), leaves(rows), strict=True)
        return all(mine.shape[not self.shared :] == other.shape for mine, other in pairs)

    def run(self, rows: Mapping[int, Part]) -> dict[str, list[float]]:
        """Every score of every slot, by its name; `rows`: those of each slot that matters."""
        if not self.shared:
            for slot, (x, y) in rows.items():
                if self._held[slot][0] is not x:
                    put((self.x, self.y), slot, (x, y))
                    self._held[slot] = (x, y)
        with torch.no_grad():
            self._tape.run()
        return {n: score.tolist() for n, score in zip(self.names, self._tape.outputs, strict=True)}

    def _scored(self) -> list[Tensor]:
        stack = self.stack
        outputs = stack.template.outputs(stack.values(), stack.dispatch, self.x, shared=self.shared)
        by_name = losses_of(self.scores, outputs, self.y, shared=self.shared)
        self.names = tuple(by_name)
        return list(by_name.values())
