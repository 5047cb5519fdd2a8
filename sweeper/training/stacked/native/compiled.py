"""What is compiled for stacks of one kind: it serves stacks of any size."""

from collections.abc import Callable
from typing import Any, TypeVar

from sweeper.components.tree import Tree, leaves
from sweeper.training.stacked.measurement_pass import MeasurementPass
from sweeper.training.stacked.native.measuring import NativeMeasurements
from sweeper.training.stacked.native.scoring import ScoreProgram
from sweeper.training.stacked.native.steps import StepProgram
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.training.stacked.stack import Stack

Program = TypeVar("Program")


class Compiled:
    """Steps, and on demand scores and layer measurements, of `one`, a stack with one slot."""

    def __init__(self, one: Stack) -> None:
        """Compile its step.

        Raises:
            NotCompiled: if an operation has no translation, or this machine cannot compile.
        """
        self.steps = StepProgram(one)
        self._made: dict[Any, Any] = {}

    def scores(self, scores: Any, rows: tuple[Tree, Tree], outputs: bool) -> ScoreProgram | None:
        """What gives `scores` of so many `rows`, and maybe `outputs`; ``None`` if that cannot be compiled."""
        return self._once("scores", rows, lambda: ScoreProgram(self.steps.one, scores, rows, outputs))

    def layers(
        self, rows: tuple[Tree, Tree], record: Callable[[], MeasurementPass]
    ) -> NativeMeasurements | None:
        """What measures layers on so many `rows`; `record`: a pass for one trial, kept. ``None`` as above."""
        return self._once("layers", rows, lambda: NativeMeasurements(record()))

    def _once(self, what: str, rows: tuple[Tree, Tree], make: Callable[[], Program]) -> Program | None:
        key = what, *((t.shape, t.dtype) for t in leaves(rows))
        if key not in self._made:
            try:
                self._made[key] = make()
            except NotCompiled:
                self._made[key] = None
        found: Program | None = self._made[key]
        return found
