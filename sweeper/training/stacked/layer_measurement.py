"""Looks at the layers of trials under way: put off until enough of them can be measured in one pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sweeper.measures import PARTS
from sweeper.training.setup import MEASURED_ROWS, Rows
from sweeper.training.stacked.kernel import AnyKernel, Kernel
from sweeper.training.stacked.measurement_pass import LookPass
from sweeper.training.stacked.stack import Snapshot
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.training.stacked.template import Template


@dataclass(frozen=True)
class Look:
    """One trial at one step, copied, so that the slot can go on."""

    trial: StackedTrial
    step: int
    now: Snapshot
    before: Tensor | None
    """Its flat parameters before the last update; ``None`` before the first."""


class Looks:
    """Collects looks and measures them, `at_once` in a pass."""

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
        self._pass: LookPass | None = None
        self._waiting: list[Look] = []

    def add(self, look: Look) -> None:
        """Measure it now or later."""
        look.trial.measurements_due += 1
        look.trial.state.layer_names = tuple(layer.name for layer in self.template.layers)
        self._waiting.append(look)
        if len(self._waiting) >= self.at_once:
            self.finish()

    def finish(self) -> None:
        """Measure all that wait. Places of a pass that are left over repeat its last look."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), self.at_once):
            looks = sorted(waiting[start : start + self.at_once], key=_activation)
            self._measure([*looks, *looks[-1:] * (self.at_once - len(looks))], len(looks))
        for look in waiting:
            look.trial.measurements_due -= 1

    def _measure(self, looks: Sequence[Look], count: int) -> None:
        done = self._filled(looks)
        kernels = [look.trial.initial.kernels for look in looks]
        columns = done.run(list(zip(*kernels, strict=True)))
        for look, values in zip(looks[:count], zip(*columns, strict=True), strict=False):
            rows = [(*row, value) for row, value in zip(done.rows, values, strict=True)]
            kept = [row for row in rows if _exists(row[1], look, done.sites[row[0]])]
            look.trial.state.record_layers(look.step, kept)

    def _filled(self, looks: Sequence[Look]) -> LookPass:
        """The pass, with the state of these trials in its memory."""
        if self._pass is None:
            x, y = self._rows(looks[0])
            self._pass = LookPass(self.template, self.shapes, self.loss, self.at_once, x, y, self.shared)
        memory = self._pass
        for place, look in enumerate(looks):
            memory.now[place] = look.now.p
            memory.before[place] = look.now.p if look.before is None else look.before
            for name, value in look.now.fixed.items():
                memory.fixed[name][place] = value
            for site, kernel in enumerate(look.trial.initial.kernels):
                memory.steepest[site, place] = self._steepest(kernel, site, memory, place)
            if not self.shared:
                memory.x[place], memory.y[place] = self._rows(look)
        return memory

    def _rows(self, look: Look) -> tuple[Tensor, Tensor]:
        rows = self.rows_of(look.trial.trial.seed)
        return rows.x_validation[:MEASURED_ROWS], rows.y_validation[:MEASURED_ROWS]

    def _steepest(self, kernel: AnyKernel, site: int, memory: LookPass, place: int) -> Tensor:
        """max |φ′|"""
        learned = self.template.learned_at(site, memory.now[place], self.shapes)
        return kernel.steepest(memory.inputs[site], learned)


def _activation(look: Look) -> str:
    return str(look.trial.settings.activation)


def _exists(name: str, look: Look, site: int | None) -> bool:
    """Whether a measure makes sense for a trial at a layer; `site`: its hidden activation, if it has one."""
    if look.before is None and "weight_before" in PARTS[name]:
        return False
    sloped = site is None or _has_slope(look.trial.initial.kernels[site])
    return sloped or PARTS[name].isdisjoint(("derivative", "steepest"))


def _has_slope(kernel: AnyKernel) -> bool:
    """φ′ exists for elementwise activations alone."""
    return not (isinstance(kernel, Kernel) and isinstance(kernel.module, nn.Softmax))
