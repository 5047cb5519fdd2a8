"""Loss and metric of all slots of a stack on the same rows, recorded once and replayed for later weights."""

from collections.abc import Callable

import torch
from torch import Tensor

from sweeper.training.stacked.activation_split import BINDERS
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.tape import Tape
from sweeper.training.stacked.template import losses_of

Score = Callable[[Tensor, Tensor], Tensor]
"""(output, target) -> scalar"""


class ScorePass:
    """Scores a stack in place: it reads the parameters where the training writes them."""

    def __init__(self, stack: Stack, scores: tuple[Score, Score], x: Tensor, y: Tensor) -> None:
        """Record the pass over the rows (x, y), which stay as they are."""
        self.stack, self.scores, self.x, self.y = stack, scores, x, y
        with torch.no_grad(), stack.template.evaluating():
            self._tape = Tape(self._scored, [stack.p, *stack.fixed.values()], BINDERS)
        stack.split.calls.clear()

    def run(self) -> tuple[list[float], list[float]]:
        """Both scores of every slot."""
        with torch.no_grad():
            self._tape.run()
        first, second = self._tape.outputs
        return first.tolist(), second.tolist()

    def _scored(self) -> list[Tensor]:
        outputs = self.stack.template.outputs(self.stack.values(), self.stack.split, self.x, shared=True)
        return [losses_of(score, outputs, self.y, shared=True) for score in self.scores]
