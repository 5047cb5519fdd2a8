"""Which activations a model applies, and where: found by watching one forward pass."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sweeper.components.activations import ACTIVATIONS

KINDS = tuple({type(activation.make()) for activation in ACTIVATIONS.values() if activation.elementwise})
"""The module classes that count as activation layers in a model that brings its own."""
RECTIFIERS = {
    *(
        "relu",
        "relu_",
        "relu6",
        "leaky_relu",
        "leaky_relu_",
        "prelu",
        "rrelu",
        "elu",
        "elu_",
        "selu",
        "selu_",
    ),
    *("celu", "celu_", "gelu", "silu", "mish", "hardswish", "softplus"),
}
"""Functions that serve as hidden activations and as nothing else."""
FUNCTIONS = {*RECTIFIERS, "tanh", "tanh_", "sigmoid", "sigmoid_", "hardtanh", "softsign", "logsigmoid"}
"""These may also be gates, which nobody wants swapped."""


@dataclass(frozen=True)
class Calls:
    """Activations in the order of their calls, each once."""

    hidden: tuple[nn.Module, ...]
    """Modules called before the last layer with weights."""
    output: tuple[nn.Module, ...]
    """Modules called after it."""
    functions: tuple[str, ...]
    """Names of activation functions called before it, outside of activation modules."""

    @property
    def rectifiers(self) -> tuple[str, ...]:
        """Those of `functions` that can be nothing but hidden activations."""
        return tuple(name for name in self.functions if name in RECTIFIERS)


class _FunctionCalls(TorchFunctionMode):
    """Adds the name of each activation function to `calls`."""

    def __init__(self, calls: list[Any]) -> None:
        super().__init__()
        self.calls = calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in FUNCTIONS:
            self.calls.append(func.__name__)
        return func(*args, **(kwargs or {}))


def watch(model: nn.Module, row: Tensor) -> Calls:
    """The activations of `model` on `row`, a batch of one input row.

    Nothing of the model or of the random generator is changed by it; lazy layers get their shapes.
    """
    calls: list[Any] = []
    weighted = [m for m in model.modules() if any(_is_weight(p) for p in m.parameters(recurse=False))]
    activations = [m for m in model.modules() if type(m) in KINDS]

    def note(module: nn.Module, x: Any, y: Any) -> None:
        while calls and calls[-1] != ("enter", module):  # what ran inside an activation module is its own
            calls.pop()
        calls[-1] = module

    hooks = [m.register_forward_hook(lambda module, x, y: calls.append(module)) for m in weighted]
    for module in activations:
        hooks.append(module.register_forward_pre_hook(lambda module, x: calls.append(("enter", module))))
        hooks.append(module.register_forward_hook(note))
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), _FunctionCalls(calls):
            model(row)
    finally:
        for hook in hooks:
            hook.remove()
        model.train(training)
    last = max(
        (i for i, call in enumerate(calls) if isinstance(call, nn.Module) and call in weighted), default=0
    )
    return Calls(
        tuple(dict.fromkeys(c for c in calls[:last] if isinstance(c, nn.Module) and type(c) in KINDS)),
        tuple(dict.fromkeys(c for c in calls[last:] if isinstance(c, nn.Module) and type(c) in KINDS)),
        tuple(dict.fromkeys(c for c in calls[:last] if isinstance(c, str))),
    )


def _is_weight(parameter: nn.Parameter) -> bool:
    return isinstance(parameter, nn.parameter.UninitializedParameter) or parameter.ndim >= 2
