"""Which activations of a model are hidden, which are gates and which belong to its output."""

from dataclasses import dataclass

from torch import nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.dataflow import Flow, flow
from sweeper.components.tree import Tree

KINDS = tuple({type(activation.make()) for activation in ACTIVATIONS.values() if activation.elementwise})
"""The module classes that count as activation layers in a model that brings its own."""
RECTIFIERS = {
    *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "elu", "elu_", "selu"),
    *("selu_", "celu", "celu_", "gelu", "silu", "mish", "hardswish", "softplus"),
}
"""Functions that serve as hidden activations where they are no gates."""
FUNCTIONS = {*RECTIFIERS, "tanh", "tanh_", "sigmoid", "sigmoid_", "hardtanh", "softsign", "logsigmoid"}
FUNCTIONS |= {"hardtanh_", "hardsigmoid", "hardsigmoid_", "special_expit", "log_sigmoid_forward", "threshold"}
FUNCTIONS |= {"threshold_", "tanhshrink", "softshrink", "hardshrink", "rnn_tanh", "rnn_relu", "lstm", "gru"}
FUNCTIONS |= {"rnn_tanh_cell", "rnn_relu_cell", "lstm_cell", "gru_cell"}
"""Those that are told of where they are kept."""
PERHAPS = {"sin", "cos", "erf", "clamp", "clamp_", "clamp_min", "clamp_min_"}
"""Functions that are activations only between two layers with weights."""


@dataclass(frozen=True)
class Calls:
    """Activations in the order of their calls, each once. A module may be of several kinds."""

    hidden: tuple[nn.Module, ...]
    """Modules that a layer with weights follows and that are no gates."""
    gates: tuple[nn.Module, ...]
    """Modules whose outputs are multiplied onto features."""
    output: tuple[nn.Module, ...]
    """Modules that no layer with weights follows."""
    functions: tuple[str, ...]
    """Names of activation functions that are hidden, outside of activation modules."""
    places: tuple[tuple[str, str], ...] = ()
    """Activation functions of any kind outside of activation modules, and the module that calls each."""

    @property
    def rectifiers(self) -> tuple[str, ...]:
        """Those of `functions` that serve for nothing but hidden layers."""
        return tuple(name for name in self.functions if name in RECTIFIERS)


def watch(model: nn.Module, rows: Tree) -> Calls:
    """The activations of `model` on `rows`, a batch of input rows.

    Hidden is what a layer with weights follows on the way to the output and what is not multiplied onto
    features. Nothing of the model or of the random generator is changed; lazy layers get their shapes.
    """
    modules = [m for m in model.modules() if type(m) in KINDS]
    return calls_of(flow(model, rows, modules, FUNCTIONS | PERHAPS))


def calls_of(seen: Flow) -> Calls:
    """The activations of a forward pass by kind."""
    between = [seen.is_hidden(k) and c.before > 0 for k, c in enumerate(seen.calls)]
    calls = [(k, c) for k, c in enumerate(seen.calls) if c.what not in PERHAPS or between[k]]
    hidden = [c.what for k, c in calls if seen.is_hidden(k)]
    gates = [c.what for _, c in calls if c.gate]
    output = [c.what for k, c in calls if not c.gate and not seen.is_hidden(k)]
    return Calls(
        _modules(hidden),
        _modules(gates),
        _modules(output),
        tuple(dict.fromkeys(what for what in hidden if isinstance(what, str))),
        tuple(dict.fromkeys((c.what, c.where) for _, c in calls if isinstance(c.what, str))),
    )


def _modules(found: list[nn.Module | str]) -> tuple[nn.Module, ...]:
    return tuple(dict.fromkeys(what for what in found if isinstance(what, nn.Module)))
