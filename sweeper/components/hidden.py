"""Which activations of a model are hidden, which are gates and which belong to its output."""

import copy
from collections.abc import Collection, Container, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.call_sites import CallPath, Site
from sweeper.components.dataflow import flow
from sweeper.components.flow_record import Flow
from sweeper.components.forward import undisturbed
from sweeper.components.operations import BOUNDED, RECURRENT
from sweeper.components.tree import Tree

KINDS = tuple({type(activation.make()) for activation in ACTIVATIONS.values() if activation.elementwise})
"""The module classes that count as activation layers in a model that brings its own."""
RECTIFIERS = {
    *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "prelu", "rrelu", "elu", "elu_", "selu"),
    *("selu_", "celu", "celu_", "gelu", "silu", "mish", "hardswish", "softplus"),
}
"""Functions that serve as hidden activations where they are no gates."""
FUNCTIONS = {
    *RECTIFIERS,
    *RECURRENT,
    *("_threshold", "hardshrink", "hardsigmoid", "hardsigmoid_", "hardtanh", "hardtanh_", "log_sigmoid"),
    *("log_sigmoid_forward", "logsigmoid", "rrelu_", "sigmoid", "sigmoid_", "softshrink", "softsign"),
    *("special_expit", "tanh", "tanh_", "tanhshrink", "threshold", "threshold_"),
}
"""Activation functions; those that are kept are told of."""
AMBIGUOUS = {"sin", "cos", "erf", "clamp", "clamp_", "clamp_min", "clamp_min_"}
"""Functions that are activations only between two layers with weights; swapped where that is asked."""
FORMULAS = {*FUNCTIONS, "erf"} - RECURRENT
"""Functions that modules which write an activation out call."""
PROBE_SHAPE = (4, 6)
"""Of the numbers that are tried."""
Activation = nn.Module | Site
"""An activation layer, or the call of an activation function."""


@dataclass(frozen=True)
class Calls:
    """Activations in the order of their calls, each once. One may be of several kinds."""

    hidden: tuple[Activation, ...]
    """Those that a layer with weights follows and that are no gates."""
    gates: tuple[Activation, ...]
    """Those whose outputs are multiplied onto features."""
    output: tuple[Activation, ...]
    """Those that no layer with weights follows."""
    perhaps: tuple[Site, ...] = ()
    """Calls of functions of which it is not sure that they are activations."""
    compiled: tuple[tuple[str, str], ...] = ()
    """Functions whose call cannot be found in the code, and the module that calls each."""
    rectifiers: tuple[str, ...] = ()
    """Names of those of `compiled` that are hidden and serve for nothing but hidden layers."""
    varying: frozenset[Site] = frozenset()
    """Calls of functions with other arguments each time."""
    mixed: frozenset[Site] = frozenset()
    """Calls in whose place others are made, too: what stands for one would stand for all."""

    @property
    def sites(self) -> tuple[Site, ...]:
        """All calls of functions."""
        every = (*self.hidden, *self.gates, *self.output, *self.perhaps)
        return tuple(dict.fromkeys(what for what in every if isinstance(what, Site)))


def activation_modules(model: nn.Module) -> dict[nn.Module, bool]:
    """The activation modules of `model`, none inside of another; whether each is bounded."""
    found: dict[nn.Module, bool] = {}
    inside = set[nn.Module]()
    for module in model.modules():  # outer ones come first
        if module in inside:
            continue
        if type(module) in KINDS:
            found[module] = isinstance(module, BOUNDED)
        elif writes_formula(module, KINDS, FORMULAS):
            found[module] = is_bounded(module)
            inside |= set(module.modules())
    return found


def watch(model: nn.Module, rows: Tree) -> Calls:
    """The activations of `model` on `rows`, a batch of input rows.

    Hidden is what a layer with weights follows on the way to the output and what is not multiplied onto
    features. Nothing of the model or of the random generator is changed; lazy layers get their shapes. What
    a model computes from numbers that it brings along, a graph's nodes say, may be hidden too.
    """
    modules = activation_modules(model)
    seen = flow(model, rows, modules, FUNCTIONS | AMBIGUOUS)
    calls = calls_of(seen)
    if seen.skipped:
        more = calls_of(flow(model, rows, modules, FUNCTIONS | AMBIGUOUS, fixed=True))
        return more if set(calls.hidden) < set(more.hidden) else calls
    return calls


def calls_of(seen: Flow) -> Calls:
    """The activations of a forward pass by kind."""
    is_hidden = [seen.is_hidden(k) for k in range(len(seen.calls))]
    between = [(is_hidden[k] or c.gate) and c.before > 0 for k, c in enumerate(seen.calls)]
    calls = [(k, c) for k, c in enumerate(seen.calls) if not _is_perhaps(c.what) or between[k]]
    sure = [(k, c) for k, c in calls if not _is_perhaps(c.what)]
    hidden = [c.what for k, c in sure if is_hidden[k]]
    return Calls(
        _activations(hidden),
        _activations(c.what for _, c in sure if c.gate),
        _activations(c.what for k, c in sure if not c.gate and not is_hidden[k]),
        tuple(dict.fromkeys(c.what for _, c in calls if isinstance(c.what, Site) and _is_perhaps(c.what))),
        tuple(dict.fromkeys((c.what, c.where) for _, c in calls if isinstance(c.what, str))),
        tuple(dict.fromkeys(what for what in hidden if isinstance(what, str) and what in RECTIFIERS)),
        _varying([c.what for _, c in calls if isinstance(c.what, Site)]),
        _mixed([c.what for c in seen.calls if isinstance(c.what, Site)], seen.others),
    )


def _is_perhaps(what: Activation | str) -> bool:
    return (what.name if isinstance(what, Site) else what) in AMBIGUOUS


def _activations(called: Iterable[Activation | str]) -> tuple[Activation, ...]:
    return tuple(dict.fromkeys(what for what in called if not isinstance(what, str)))


def _varying(sites: Iterable[Site]) -> frozenset[Site]:
    first: dict[Site, Any] = {}
    return frozenset(site for site in sites if first.setdefault(site, given := _given(site)) != given)


def _mixed(sites: Iterable[Site], others: Container[CallPath]) -> frozenset[Site]:
    """As in ``sum(map(F.relu, hidden))``, which adds where it calls."""
    first: dict[Site, str] = {}
    return frozenset(s for s in sites if s.path in others or first.setdefault(s, s.name) != s.name)


def _given(site: Site) -> list[Any]:
    return [id(v) if isinstance(v, Tensor) else v for v in (*site.arguments, *site.options.values())]


class _Names(TorchFunctionMode):
    """Notes which functions are called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


def writes_formula(module: nn.Module, kinds: tuple[type[nn.Module], ...], functions: Collection[str]) -> bool:
    """Whether `module` is a formula around an activation: of one tensor, number by number, without weights.

    Args:
        kinds: the classes of activation modules; `module` is of none of them, its parts may be, or formulas.
        functions: names of activation functions. A module that does nothing but call one is no formula: the
            call itself is the activation.
    """
    parts = list(module.children())
    if type(module).__module__.startswith("torch."):
        return False
    if not all(type(part) in kinds or writes_formula(part, kinds, functions) for part in parts):
        return False
    if next(module.parameters(), None) is not None or next(module.buffers(), None) is not None:
        return False
    x = torch.linspace(-6, 6, PROBE_SHAPE[0] * PROBE_SHAPE[1]).reshape(PROBE_SHAPE)
    order = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(0))
    called = _Names()
    y = _applied(module, x, called)
    shuffled = _applied(module, x.flatten()[order].reshape(PROBE_SHAPE))
    if y is None or shuffled is None or not (parts or set(called.seen) & set(functions)):
        return False
    several = len([name for name in called.seen if not name.startswith("__get")]) > 1
    alone = torch.allclose(y.flatten()[order], shuffled.flatten(), atol=1e-6) and _by_itself(module, x, y)
    bends = y.flatten().diff().diff().abs().max() > 1e-4
    return bool(several and alone and bends)


def _by_itself(module: nn.Module, x: Tensor, y: Tensor) -> bool:
    """Whether each of the numbers `y` that `module` makes of `x` stays, whatever stands beside it."""
    places = torch.arange(x.numel()).reshape(x.shape) % 2 == 0
    beside = [_applied(module, torch.where(places, x, scale * x)) for scale in (0.0, 30.0, -1e4)]
    return all(z is not None and torch.allclose(z[places], y[places], atol=1e-6) for z in beside)


def is_bounded(module: nn.Module) -> bool:
    """Whether what a formula gives stays near zero, as a gate does."""
    y = _applied(module, torch.linspace(-1e3, 1e3, PROBE_SHAPE[0] * PROBE_SHAPE[1]).reshape(PROBE_SHAPE))
    return y is not None and bool(y.abs().max() < 10)


def _applied(module: nn.Module, x: Tensor, called: _Names | None = None) -> Tensor | None:
    """What a copy of `module` makes of `x`, of the same shape; ``None`` where it takes no such tensor."""
    try:
        with undisturbed(module, training=True):
            twin, x = copy.deepcopy(module), x.clone()
            with called or nullcontext():
                y = twin(x)
    except Exception:  # it takes something else than any tensor, or cannot be copied: no activation
        return None
    return y if isinstance(y, Tensor) and y.shape == x.shape and y.is_floating_point() else None
