"""Layer measurements of trials in training: put off until enough of them fill one pass."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import torch
from torch import Tensor, nn

from sweeper.components.tree import Tree, leaves, put, taken
from sweeper.measures import NEEDS
from sweeper.training.capture import not_reached
from sweeper.training.setup import Rows
from sweeper.training.stacked.kernel import AnyKernel, Kernel
from sweeper.training.stacked.measurement_pass import MeasurementPass
from sweeper.training.stacked.native.compiled import Compiled
from sweeper.training.stacked.native.measuring import Measured, NativeMeasurements
from sweeper.training.stacked.native.slot_program import once_each
from sweeper.training.stacked.stack import Snapshot
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.training.stacked.template import Template, unstack
from sweeper.trial import MEASURED_ROWS


@dataclass(frozen=True)
class LayerMeasurement:
    """One trial at one step, copied where the slot goes on before it is measured."""

    trial: StackedTrial
    step: int
    now: Snapshot
    before: Tensor | None
    """Its flat parameters before the last update; ``None`` before the first."""


Values = tuple[Iterable[Sequence[float]], MeasurementPass]
"""Trial by trial those of all `MeasurementPass.rows`, and whose rows these are."""


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
        self._names = tuple(layer.name for layer in template.layers)
        self.compiled: Compiled | None = None
        """For stacks that run as machine code."""
        self._passes: dict[int, MeasurementPass] = {}
        """By how many trials they measure."""
        self._waiting: list[LayerMeasurement] = []
        self._measured_rows: dict[int, tuple[Rows, tuple[Tree, Tree]]] = {}

    def measures_now(self, count: int) -> bool:
        """Whether so many that are added next fill their passes, so that none of them is put off."""
        return not self._waiting and count % self.at_once == 0

    def add(self, each: LayerMeasurement) -> None:
        """Measure it now or later."""
        each.trial.measurements_due += 1
        each.trial.state.layer_names = self._names
        self._waiting.append(each)
        if len(self._waiting) >= self.at_once:
            self.finish()

    def finish(self) -> None:
        """Measure all that wait."""
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), self.at_once):
            self._measure(sorted(waiting[start : start + self.at_once], key=_activation))
        for each in waiting:
            each.trial.measurements_due -= 1

    def _measure(self, batch: Sequence[LayerMeasurement]) -> None:
        if self.compiled is None:
            self._record(batch, *self._on_tape(batch, self.at_once))
        elif native := self._as_code(self.compiled, batch[0]):
            self._record(batch, *self._natively(batch, native))
        else:  # one by one, as products of several differ with their number
            for each in batch:
                self._record([each], *self._on_tape([each], 1))

    def _record(
        self,
        batch: Sequence[LayerMeasurement],
        by_trial: Iterable[Sequence[float]],
        done: MeasurementPass,
    ) -> None:
        by_kind: dict[object, tuple[list[bool], tuple[Sequence[int], Sequence[str]]]] = {}
        for each, values in zip(batch, by_trial, strict=False):
            if each.step not in each.trial.state.measured:  # an earlier one has shown that they cannot be
                continue
            if why := self._why_not(each, done):
                each.trial.state.stop_measuring(why, each.step)
                continue
            kind = each.before is None, *map(id, each.trial.initial.kernels)
            if kind not in by_kind:
                exist = [_exists(name, each, done.sites[layer]) for layer, name in done.rows]
                rows = [*compress(done.rows, exist)]
                by_kind[kind] = exist, ([layer for layer, _ in rows], [name for _, name in rows])
            exist, (layers, names) = by_kind[kind]
            each.trial.state.record_layers(each.step, layers, names, [*compress(values, exist)])

    def _why_not(self, each: LayerMeasurement, done: MeasurementPass) -> str:
        """Why the layers of a trial cannot be measured, see `layers_if_possible`; or an empty string.

        The gradients of its last step are gone: a layer that had none is known by weights that did not move.
        """
        if each.before is None or not done.cut:
            return ""
        now, before = (unstack(flat[None], self.shapes) for flat in (each.now.p, each.before))
        moved = {name for name, value in now.items() if not torch.equal(value, before[name])}
        return next((not_reached(layer) for layer, cut in done.cut.items() if moved & {*cut}), "")

    def _on_tape(self, batch: Sequence[LayerMeasurement], count: int) -> Values:
        """Values trial by trial, by a pass of `count`; positions of it that are left over repeat the last."""
        if count not in self._passes:
            self._passes[count] = self._recorded(batch[0], count, self.shared)
        memory = self._passes[count]
        batch = [*batch, *[batch[-1]] * (count - len(batch))]
        read = zip(*(self._outside(each) for each in batch), strict=True)
        for values, of_trials in zip(memory.outside, read, strict=False):  # steepest slopes come last
            torch.stack(of_trials, out=values)
        memory.steepest.copy_(self._steepest(batch, memory))
        if not self.shared:
            for position, each in enumerate(batch):
                put((memory.x, memory.y), position, self._rows(each))
        kernels = [each.trial.initial.kernels for each in batch]
        return zip(*memory.run(list(zip(*kernels, strict=True))), strict=True), memory

    def _natively(self, batch: Sequence[LayerMeasurement], native: NativeMeasurements) -> Values:
        steepest = self._steepest(batch, native.one)
        rows = once_each(leaves, (self._rows(each) for each in batch))
        read = [
            Measured([*self._outside(each), own], of_trial, each.trial.initial.kernels)
            for each, own, of_trial in zip(batch, steepest, rows, strict=True)
        ]
        return native.run(read), native.one

    def _as_code(self, compiled: Compiled, like: LayerMeasurement) -> NativeMeasurements | None:
        return compiled.layers(self._rows(like), lambda: self._recorded(like, 1, False, keep=True))

    def _recorded(
        self, like: LayerMeasurement, count: int, shared: bool, *, keep: bool = False
    ) -> MeasurementPass:
        x, y = self._rows(like)
        return MeasurementPass(self.template, self.shapes, self.loss, count, x, y, shared, keep=keep)

    def _outside(self, each: LayerMeasurement) -> list[Tensor]:
        """What a pass reads of a trial, see `MeasurementPass.outside`, but for the steepest slopes."""
        return [each.now.p, each.now.p if each.before is None else each.before, *each.now.fixed.values()]

    def _rows(self, each: LayerMeasurement) -> tuple[Tree, Tree]:
        """On which a trial is measured, the same object for all trials that share them."""
        rows = self.rows_of(each.trial.trial.seed)
        if id(rows) not in self._measured_rows:
            x, y = (taken(part, slice(MEASURED_ROWS)) for part in (rows.x_validation, rows.y_validation))
            self._measured_rows[id(rows)] = rows, (x, y)  # held, so that no others get the same identity
        return self._measured_rows[id(rows)][1]

    def _steepest(self, batch: Sequence[LayerMeasurement], done: MeasurementPass) -> Tensor:
        """max |φ′| of every hidden activation, trial by trial."""
        reached = [site for site in range(len(self.template.hidden)) if site in done.inputs]
        values = done.now.new_ones(len(batch), len(self.template.hidden))
        for site in reached:  # the pass may not reach an activation
            values[:, site] = torch.stack([self._slope(each, site, done.inputs[site]) for each in batch])
        return values

    def _slope(self, each: LayerMeasurement, site: int, like: Tensor) -> Tensor:
        kernel = each.trial.initial.kernels[site]
        return kernel.steepest(like, () if isinstance(kernel, Kernel) else self._learned(each, site))

    def _learned(self, each: LayerMeasurement, site: int) -> Sequence[Tensor]:
        return self.template.learned_at(site, each.now.p, self.shapes, each.now.fixed)


def _activation(each: LayerMeasurement) -> str:
    return str(each.trial.settings.activation)


def _exists(name: str, each: LayerMeasurement, site: int | None) -> bool:
    """Whether a measure makes sense for a trial at a layer; `site`: its hidden activation, if it has one."""
    if each.before is None and "weight_before" in NEEDS[name]:
        return False
    sloped = site is None or _has_slope(each.trial.initial.kernels[site])
    return sloped or NEEDS[name].isdisjoint(("derivative", "steepest"))


def _has_slope(kernel: AnyKernel) -> bool:
    """φ′ exists for elementwise activations alone."""
    return not (isinstance(kernel, Kernel) and isinstance(kernel.module, nn.Softmax))
