"""Layer measurements of trials in training: put off until enough of them fill one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sweeper.components.tree import Tree, put, taken
from sweeper.measures import PARTS
from sweeper.training.setup import MEASURED_ROWS, Rows
from sweeper.training.stacked.kernel import AnyKernel, Kernel
from sweeper.training.stacked.measurement_pass import MeasurementPass
from sweeper.training.stacked.stack import Snapshot
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.training.stacked.template import Template


@dataclass(frozen=True)
class LayerMeasurement:
    """One trial at one step, copied, so that the slot can go on."""

    trial: StackedTrial
    step: int
    now: Snapshot
    before: Tensor | None
    """Its flat parameters before the last update; ``None`` before the first."""


class LayerMeasurements:
    """Collects layer measurements and makes them, `at_once` in a pass."""

    def __init__(
        self,
        template: Template,
        shapes: Mapping[str, torch.Size],
        loss: Callable[[Tensor, Tensor], Tensor],
        rows_of: Callable[[int], Rows],
        shared: bool,
        at_once: int,
    ) -> None:
        """`shapes`: of the trained parameters, in their order; `shared`: all trials have the same rows."""
        self.template, self.shapes, self.loss = template, shapes, loss
        self.rows_of, self.shared, self.at_once = rows_of, shared, at_once
        self._pass: MeasurementPass | None = None
        self._waiting: list[LayerMeasurement] = []

    def add(self, each: LayerMeasurement) -> None:
        """Measure it now or later."""
        each.trial.measurements_due += 1
        each.trial.state.layer_names = tuple(layer.name for layer in self.template.layers)
        self._waiting.append(each)
        if len(self._waiting) >= self.at_once:
            self.finish()

    def finish(self) -> None:
        """Measure all that wait. Positions of a pass that are left over repeat its last one."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), self.at_once):
            batch = sorted(waiting[start : start + self.at_once], key=_activation)
            self._measure([*batch, *batch[-1:] * (self.at_once - len(batch))], len(batch))
        for each in waiting:
            each.trial.measurements_due -= 1

    def _measure(self, batch: Sequence[LayerMeasurement], count: int) -> None:
        done = self._filled(batch)
        kernels = [each.trial.initial.kernels for each in batch]
        columns = done.run(list(zip(*kernels, strict=True)))
        for each, values in zip(batch[:count], zip(*columns, strict=True), strict=False):
            rows = [(*row, value) for row, value in zip(done.rows, values, strict=True)]
            kept = [row for row in rows if _exists(row[1], each, done.sites[row[0]])]
            each.trial.state.record_layers(each.step, kept)

    def _filled(self, batch: Sequence[LayerMeasurement]) -> MeasurementPass:
        """The pass, with the state of these trials in its memory."""
        if self._pass is None:
            x, y = self._rows(batch[0])
            self._pass = MeasurementPass(
                self.template, self.shapes, self.loss, self.at_once, x, y, self.shared
            )
        memory = self._pass
        for position, each in enumerate(batch):
            memory.now[position] = each.now.p
            memory.before[position] = each.now.p if each.before is None else each.before
            for name, value in each.now.fixed.items():
                memory.fixed[name][position] = value
            for site, kernel in enumerate(each.trial.initial.kernels):
                if site in memory.inputs:  # the pass may not reach an activation
                    memory.steepest[site, position] = self._steepest(kernel, site, memory, position)
            if not self.shared:
                put((memory.x, memory.y), position, self._rows(each))
        return memory

    def _rows(self, each: LayerMeasurement) -> tuple[Tree, Tree]:
        rows = self.rows_of(each.trial.trial.seed)
        x, y = (taken(part, slice(MEASURED_ROWS)) for part in (rows.x_validation, rows.y_validation))
        return x, y

    def _steepest(self, kernel: AnyKernel, site: int, memory: MeasurementPass, position: int) -> Tensor:
        """max |φ′|"""
        learned = self.template.learned_at(site, memory.now[position], self.shapes)
        return kernel.steepest(memory.inputs[site], learned)


def _activation(each: LayerMeasurement) -> str:
    return str(each.trial.settings.activation)


def _exists(name: str, each: LayerMeasurement, site: int | None) -> bool:
    """Whether a measure makes sense for a trial at a layer; `site`: its hidden activation, if it has one."""
    if each.before is None and "weight_before" in PARTS[name]:
        return False
    sloped = site is None or _has_slope(each.trial.initial.kernels[site])
    return sloped or PARTS[name].isdisjoint(("derivative", "steepest"))


def _has_slope(kernel: AnyKernel) -> bool:
    """φ′ exists for elementwise activations alone."""
    return not (isinstance(kernel, Kernel) and isinstance(kernel.module, nn.Softmax))
