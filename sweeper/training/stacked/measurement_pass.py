"""One measurement of every layer of some trials, recorded once and replayed for others."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor
from torch.func import vmap

from sweeper.components.tree import Tree, copied, leaves, rows_in, stacked
from sweeper.measures import MEASURES, Layer
from sweeper.training.stacked.activation_dispatch import BINDERS, ActivationDispatch, Hidden
from sweeper.training.stacked.kernel import AnyKernel
from sweeper.training.stacked.recording import Recorded
from sweeper.training.stacked.tape import Tape
from sweeper.training.stacked.template import Template, losses_of, unstack


class MeasurementPass:
    """Measures `count` trials at a time, whose state and evaluation rows are written into its memory."""

    def __init__(
        self,
        template: Template,
        shapes: Mapping[str, torch.Size],
        loss: Callable[[Tensor, Tensor], Tensor],
        count: int,
        x: Tree,
        y: Tree,
        shared: bool,
        *,
        keep: bool = False,
    ) -> None:
        """Record the pass.

        Args:
            template: the module of all trials.
            shapes: of the trained parameters, in their order in the flat ones.
            loss: (output, target) -> mean over the rows of one trial.
            count: trials of one pass.
            x, y: evaluation rows of one trial, or of all of them.
            shared: whether all trials have these rows.
            keep: hold what was recorded.
        """
        self.template, self.shapes, self.loss, self.shared = template, shapes, loss, shared
        self.x, self.y = copied((x, y)) if shared else stacked((x, y), count)
        self.now, self.fixed = template.stacked(shapes, count)
        self.before = self.now * 1.01
        """Flat parameters of every trial, and those before its last update."""
        self.steepest = self.now.new_ones(count, len(template.hidden))
        """max |φ′| of every trial's hidden activations."""
        self.rows: list[tuple[int, str]] = []
        """(layer, measure) of every row of the result."""
        self.inputs: dict[int, Tensor] = {}
        """Of each hidden activation, as large as those of one trial."""
        self.sites: list[int | None] = []
        """The hidden activation of each layer, if it has one."""
        self.cut: dict[str, Sequence[str]] = {}
        """Layer whose activation no gradient reaches -> its trained weights that none reaches either."""
        self.dispatch = ActivationDispatch([[kernel] * count for kernel in template.kernels])
        self.dispatch.differentiable = True
        self.outside = [self.now, self.before, *self.fixed.values(), self.steepest]
        """What it reads beside the rows: a row a trial."""
        inputs = [*self.outside, *leaves((self.x, self.y))]
        with torch.enable_grad(), template.measured(rows_in(x)):
            check, read_only = template.check, {"inputs": leaves(self.x), "targets": leaves(self.y)}
            self._tape = Tape(self._measures, inputs, BINDERS, read_only=read_only, check=check, keep=keep)
        self.dispatch.calls.clear()

    @property
    def recorded(self) -> Recorded:
        """Calls, inputs and results, where they are kept."""
        return self._tape.recorded

    def run(self, kernels: Sequence[Sequence[AnyKernel]]) -> list[list[float]]:
        """Values of all `rows`, one per trial; `kernels`: site by site, trial by trial."""
        self.dispatch.arrange(kernels)
        with torch.no_grad():
            self._tape.run()
        values: list[list[float]] = self._tape.outputs[0].tolist()
        return values

    def _measures(self) -> list[Tensor]:
        self.rows.clear()
        columns = []
        for number, layer in enumerate(self._layers()):
            for name, column in _over_trials(layer).items():
                self.rows.append((number, name))
                columns.append(column)
        return [torch.stack(columns)]

    def _layers(self) -> list[Layer]:
        """Every layer, tensors with a leading trial axis."""
        layers = self.template.layers
        weights = {name for layer in layers for name in layer.weights}
        values = {**unstack(self.now, self.shapes), **self.fixed}
        values = {n: v.detach().requires_grad_() if n in weights else v for n, v in values.items()}
        outputs = self.template.outputs(values, self.dispatch, self.x, self.shared)
        total = losses_of(self.loss, outputs, self.y, self.shared).sum()
        calls = list(self.dispatch.calls)
        wanted = [call.a for call in calls] + [values[name] for layer in layers for name in layer.weights]
        reached = _gradients(total, wanted)
        self._note_cut(reached[: len(calls)], iter(reached[len(calls) :]))
        gradients = [torch.zeros_like(w) if g is None else g for w, g in zip(wanted, reached, strict=True)]
        of_weights = iter(gradients[len(calls) :])
        measured: list[Layer] = []
        self.sites.clear()
        for layer in layers:
            part: dict[str, Tensor] = {}
            call = layer.call if layer.call is not None and layer.call < len(calls) else None
            if call is not None:
                part = self._activation(calls[call], gradients[call])
            if layer.weights:
                part |= self._weights(values, layer.weights, of_weights)
            self.sites.append(None if call is None else calls[call].site)
            measured.append(Layer(**part))
        return measured

    def _note_cut(self, of_calls: Sequence[Tensor | None], of_weights: Iterator[Tensor | None]) -> None:
        self.cut.clear()
        for layer in self.template.layers:
            cut = [name for name in layer.weights if next(of_weights) is None and name in self.shapes]
            called = layer.call is not None and layer.call < len(of_calls)
            if cut and called and of_calls[layer.call or 0] is None:
                self.cut[layer.name] = cut

    def _activation(self, call: Hidden, gradient: Tensor) -> dict[str, Tensor]:
        z, a = call.z.detach(), call.a.detach()
        w, one = [t.detach() for t in call.w], torch.ones_like(z)
        self.inputs[call.site] = z[0]
        slope, *_ = torch.ops.sweeper.activate_backward(one, z, a, w, self.dispatch.handle, call.site)
        return {
            "activation": a,
            "activation_gradient": gradient,
            "derivative": slope,
            "steepest": self.steepest[:, call.site],
        }

    def _weights(
        self, values: Mapping[str, Tensor], names: Sequence[str], gradients: Iterator[Tensor]
    ) -> dict[str, Tensor]:
        before = {**values, **unstack(self.before, self.shapes)}
        return {
            "weight": _flat([values[name].detach() for name in names]),
            "weight_before": _flat([before[name].detach() for name in names]),
            "weight_gradient": _flat([next(gradients) for _ in names]),
        }


def _gradients(total: Tensor, wanted: Sequence[Tensor]) -> list[Tensor | None]:
    """Of `total`; ``None`` for what it does not come from, as activations that run without gradients."""
    tracked = [tensor for tensor in wanted if tensor.requires_grad]
    found = iter(torch.autograd.grad(total, tracked, allow_unused=True))
    return [next(found) if tensor.requires_grad else None for tensor in wanted]


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([t.reshape(len(t), -1) for t in tensors], 1)


def _over_trials(layer: Layer) -> dict[str, Tensor]:
    """Every measure of a stacked layer: (trials,) each."""
    parts = {name: t for name in Layer.__dataclass_fields__ if (t := getattr(layer, name)) is not None}

    def of_one(one: dict[str, Tensor]) -> dict[str, Tensor]:
        values = {name: measure(Layer(**one)) for name, measure in MEASURES.items()}
        return {name: value for name, value in values.items() if value is not None}

    measured: dict[str, Tensor] = vmap(of_one)(parts)
    return measured
