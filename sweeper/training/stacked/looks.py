"""Looks at the layers of many trials at once: the measures of `sweeper.measures` over a trial axis."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import vmap

from sweeper.measures import MEASURES, Layer
from sweeper.training.setup import MEASURED_ROWS, Rows
from sweeper.training.stacked.activation_split import Hidden, Split
from sweeper.training.stacked.kernel import AnyKernel, Kernel
from sweeper.training.stacked.running import Running
from sweeper.training.stacked.stack import Snapshot
from sweeper.training.stacked.template import Template, losses_of, unstack

SLOPE_MEASURES = ("saturated", "dead")
"""Need φ′, which exists for elementwise activations alone."""


@dataclass(frozen=True)
class Look:
    """One trial at one step, copied, so that the slot can go on."""

    running: Running
    step: int
    now: Snapshot
    before: Tensor | None
    """Its flat parameters before the last update; ``None`` before the first."""


class Looks:
    """Collects looks until there are enough for one pass."""

    def __init__(
        self,
        template: Template,
        shapes: Mapping[str, torch.Size],
        loss: Callable[[Tensor, Tensor], Tensor],
        rows_of: Callable[[int], Rows],
        at_once: int,
    ) -> None:
        """`shapes`: of the trained parameters, in their order in the flat ones."""
        self.template, self.shapes, self.loss = template, shapes, loss
        self.rows_of, self.at_once = rows_of, at_once
        self.layers = template.layers()
        self._waiting: list[Look] = []

    def add(self, look: Look) -> None:
        """Measure it now or later."""
        look.running.looks_due += 1
        self._waiting.append(look)
        if len(self._waiting) >= self.at_once:
            self.finish()

    def finish(self) -> None:
        """Measure all that wait."""
        waiting, self._waiting = self._waiting, []
        for first in (True, False):
            some = [look for look in waiting if (look.before is None) == first]
            for start in range(0, len(some), self.at_once):
                self._measure(some[start : start + self.at_once])

    def _measure(self, looks: Sequence[Look]) -> None:
        values = unstack(torch.stack([look.now.p for look in looks]), self.shapes)
        values |= {name: torch.stack([look.now.fixed[name] for look in looks]) for name in looks[0].now.fixed}
        split = Split(list(zip(*(k.running.initial.kernels for k in looks), strict=True)))
        layers = self._layers(looks, values, split)
        for number, layer in enumerate(layers):
            for name, column in _measured(layer).items():
                for look, value in zip(looks, column, strict=True):
                    kernels = look.running.initial.kernels
                    if name in SLOPE_MEASURES and not _has_slope(kernels[split.calls[number].site]):
                        continue
                    if math.isfinite(value):
                        look.running.layers.append((look.step, number, name, value))
        for look in looks:
            look.running.looks_due -= 1

    def _layers(self, looks: Sequence[Look], values: dict[str, Tensor], split: Split) -> list[Layer]:
        """Every layer, tensors with a leading trial axis."""
        weights = {name for layer in self.layers for name in layer}
        values = {n: v.requires_grad_() if n in weights else v for n, v in values.items()}
        x, y, shared = self._batch(looks)
        with torch.enable_grad(), self.template.evaluating():
            outputs = self.template.outputs(values, split, x, shared)
            total = losses_of(self.loss, outputs, y, shared).sum()
        calls = list(split.calls)
        wanted = [call.a for call in calls] + [values[name] for layer in self.layers for name in layer]
        gradients = iter(torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True))
        hidden = [_activation(split, call, next(gradients)) for call in calls]
        layers = []
        for number in range(max(len(hidden), len(self.layers))):
            part = hidden[number] if number < len(hidden) else {}
            if number < len(self.layers):
                part = {**part, **self._weights(looks, values, self.layers[number], gradients)}
            layers.append(Layer(**part))
        return layers

    def _batch(self, looks: Sequence[Look]) -> tuple[Tensor, Tensor, bool]:
        """Evaluation rows: shared where all trials have the same, else with a trial axis."""
        rows = [self.rows_of(look.running.trial.seed) for look in looks]
        xs = [r.x_validation[:MEASURED_ROWS] for r in rows]
        ys = [r.y_validation[:MEASURED_ROWS] for r in rows]
        if all(r is rows[0] for r in rows):
            return xs[0], ys[0], True
        return torch.stack(xs), torch.stack(ys), False

    def _weights(
        self, looks: Sequence[Look], values: Mapping[str, Tensor], names: Sequence[str], gradients: object
    ) -> dict[str, Tensor]:
        part = {
            "weight": _flat([values[name].detach() for name in names]),
            "weight_gradient": _flat([next(gradients) for _ in names]),  # type: ignore[call-overload]
        }
        if looks[0].before is not None:
            before = unstack(
                torch.stack([look.before for look in looks if look.before is not None]), self.shapes
            )
            part["weight_before"] = _flat([before.get(name, values[name].detach()) for name in names])
        return part


def _activation(split: Split, call: Hidden, gradient: Tensor) -> dict[str, Tensor]:
    z, a = call.z.detach(), call.a.detach()
    w = call.w.detach() if call.w is not None else None
    slope, _ = torch.ops.sweeper.activate_backward(torch.ones_like(z), z, a, w, split.handle, call.site)
    kernels = split.kernels[call.site]
    steepest = [_steepest(k, z, w[i] if w is not None else None) for i, k in enumerate(kernels)]
    return {
        "activation": a,
        "activation_gradient": gradient,
        "derivative": slope,
        "steepest": torch.stack(steepest),
    }


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([t.reshape(len(t), -1) for t in tensors], 1)


def _has_slope(kernel: AnyKernel) -> bool:
    return not (isinstance(kernel, Kernel) and isinstance(kernel.module, nn.Softmax))


def _steepest(kernel: AnyKernel, z: Tensor, w: Tensor | None) -> Tensor:
    """max |φ′|"""
    if isinstance(kernel, Kernel):
        return kernel.steepest(z)
    assert w is not None
    return torch.cat([w.abs(), w.new_ones(1)]).max()


def _measured(layer: Layer) -> dict[str, list[float]]:
    """Every measure of a stacked layer, one value per trial."""
    parts = {name: t for name in Layer.__dataclass_fields__ if (t := getattr(layer, name)) is not None}

    def all_measures(one: dict[str, Tensor]) -> dict[str, Tensor]:
        found = {name: measure(Layer(**one)) for name, measure in MEASURES.items()}
        return {name: value for name, value in found.items() if value is not None}

    return {name: values.tolist() for name, values in vmap(all_measures)(parts).items()}
