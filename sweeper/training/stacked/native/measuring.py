"""Layers measured as machine code, trial after trial, from where their state lies."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from sweeper.components.tree import leaves
from sweeper.training.stacked.kernel import AnyKernel
from sweeper.training.stacked.measurement_pass import MeasurementPass
from sweeper.training.stacked.native.slot_program import SlotProgram, pass_layout
from sweeper.training.stacked.refusal import NotCompiled


class Measured(NamedTuple):
    """What one measurement reads."""

    outside: Sequence[Tensor]
    """See `MeasurementPass.outside`; one row of each."""
    rows: Sequence[Tensor]
    """Evaluation rows: inputs, then targets."""
    kernels: Sequence[AnyKernel]
    """Of each hidden activation."""


class NativeMeasurements:
    """Does what a `MeasurementPass` does, for any number of trials."""

    def __init__(self, one: MeasurementPass) -> None:
        """Compile what `one`, a pass for one trial with rows of its own, has recorded.

        Raises:
            NotCompiled: if an operation has no translation, or this machine cannot compile.
        """
        self.one = one
        calls, inputs, results = one.recorded
        data = leaves((one.x, one.y))
        layout = pass_layout(data, results, one.outside, len(one.template.kernels))
        self._program, self._values = SlotProgram(layout, calls, inputs), results[0]
        if layout.draws:
            raise NotCompiled("random numbers in a measurement")

    def run(self, trials: Sequence[Measured]) -> list[list[float]]:
        """Values of all `MeasurementPass.rows`, trial by trial."""
        program = self._program
        values = self._values.new_empty(len(trials), self._values.numel())
        table = program.lines(len(trials))
        program.write(table, [values])
        for line, trial in zip(table, trials, strict=True):
            program.read(line, trial.outside)
        program.rows(table, [trial.rows for trial in trials])
        program.activations(table, list(zip(*(trial.kernels for trial in trials), strict=True)))
        program.run(table)
        found: list[list[float]] = values.tolist()
        return found
