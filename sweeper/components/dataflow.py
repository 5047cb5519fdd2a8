"""One forward pass as a flow of data: which weights and activations a model applies, in which order.

Every operation of the pass is seen below autograd. For every piece of memory it is known which activations
and which weights its values came through; so what an activation is for is read off what is done with its
output, never off names. Views share memory, so they need no rules of their own.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from sweeper import private_torch
from sweeper.components.forward import materialise, slow_paths, undisturbed
from sweeper.components.operations import (
    BOUNDED,
    BOUNDED_FUNCTIONS,
    CONTRACTIONS,
    INDEXING,
    LOOK_UPS,
    PRODUCTS,
    SHAPE_ONLY,
    SHARES,
    memory,
    tensors_in,
)
from sweeper.components.tree import Tree, applied, leaves, mapped


@dataclass(frozen=True)
class Use:
    """One application of weights."""

    modules: tuple[str, ...]
    """Names of the modules that own the weights."""
    weights: tuple[str, ...]
    """Names of the parameters."""
    owners: tuple[str, ...]
    """The module of each of `weights`."""
    consumed: int
    """Activation calls, as bits, whose outputs reach it without weights in between."""
    depth: int
    """Applications on the longest way from the input to here, this one included."""
    at: int
    """Its place in the order of all uses and calls."""


@dataclass
class Call:
    """One call of an activation module, or of an activation function outside of such modules."""

    what: nn.Module | str
    bounded: bool
    where: str = ""
    """Name of the module that calls a function."""
    before: int = 0
    """Uses, as bits, that its input comes from without others in between."""
    gate: bool = False
    """Whether its output is multiplied onto features."""
    scales: bool = False
    """Whether its output is multiplied with something fixed of more than one number: the gate of a recurrent
    cell does so with the first state."""
    at: int = 0


@dataclass(frozen=True)
class _Node:
    """What is known of the values in one piece of memory; sets are bits, of calls or uses by their number."""

    varies: bool = False
    """Whether they depend on the input."""
    weights: frozenset[str] = frozenset()
    """Parameters that they come from and nothing else does."""
    past: int = 0
    """Calls that they came through."""
    open: int = 0
    """Those of them without weights since."""
    direct: int = 0
    """Those of them that nothing but operations on one tensor followed."""
    share: bool = False
    """Whether they lie between 0 and 1, or are one minus such values."""
    uses: int = 0
    nearest: int = 0
    """Uses without others since."""


@dataclass(frozen=True)
class Flow:
    """What one forward pass did."""

    uses: tuple[Use, ...]
    calls: tuple[Call, ...]
    reached: int
    """Uses, as bits, that the output came through."""

    def is_hidden(self, number: int) -> bool:
        """Whether weights on the way to the output follow the call, which is no gate."""
        behind = any(u.consumed >> number & 1 for k, u in enumerate(self.uses) if self.reached >> k & 1)
        call = self.calls[number]
        elsewhere = call.scales and any(c.gate and c.what is call.what for c in self.calls)
        return behind and not call.gate and not elsewhere


@dataclass
class _Record:
    owners: Mapping[str, str]
    """Parameter of two dimensions or more -> module that owns it."""
    functions: frozenset[str]
    """Names of the functions whose calls outside of activation modules are noted."""
    nodes: dict[int, _Node] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    inside: int = 0
    """Activation modules and such functions that are at work at the moment."""
    within: list[str] = field(default_factory=list)
    """Names of the modules that are at work, the outermost first."""
    alive: list[Tensor] = field(default_factory=list)
    """Memory that is given back would be taken for what comes after it."""

    def node(self, tensor: Tensor) -> _Node:
        return self.nodes.get(memory(tensor), _Node())

    def note(self, call: Call, output: Any) -> None:
        """`output` is what an activation put out just now."""
        for tensor in tensors_in(output):
            node, bit = self.node(tensor), 1 << len(self.calls)
            call.before |= node.nearest
            self.put(
                tensor, replace(node, past=node.past | bit, open=node.open | bit, direct=bit, varies=True)
            )
        call.at = len(self.calls) + len(self.uses)
        self.calls.append(call)

    def note_function(self, name: str, output: Any) -> None:
        """The same of a function."""
        where = self.within[-1] if self.within else ""
        self.note(Call(name, name in BOUNDED_FUNCTIONS, where), output)

    def follow(self, name: str, inputs: Sequence[Tensor], outputs: Iterable[Tensor]) -> None:
        """One operation of the pass."""
        kinds = {} if name in SHAPE_ONLY else {memory(t): self.node(t) for t in inputs}
        known = list(kinds.values())
        weights = frozenset().union(*(n.weights for n in known if not n.varies))
        if used := self._used(name, inputs, known, weights):
            made = self._use(used, known)
        else:
            made = self._mixed(name, inputs, known, weights)
        if name in SHARES:
            made = replace(made, share=True)
        for tensor in outputs:
            self.put(tensor, made)

    def _used(
        self, name: str, inputs: Sequence[Tensor], known: Sequence[_Node], weights: frozenset[str]
    ) -> tuple[str, ...]:
        """The weights that the operation applies as those of a layer."""
        varies = any(n.varies for n in known)
        applied = name in LOOK_UPS or (varies and (name in CONTRACTIONS or name in INDEXING))
        if not applied and name in PRODUCTS and varies:
            applied = self._widens(inputs)
        return tuple(w for w in self.owners if w in weights) if applied else ()

    def _widens(self, inputs: Sequence[Tensor]) -> bool:
        """Whether a product with weights has a dimension that the other factor lacks, as a matrix has."""
        fixed = [t for t in inputs if not self.node(t).varies and self.node(t).weights]
        moving = [t for t in inputs if self.node(t).varies]
        if not fixed or not moving or fixed[0].ndim < 2:
            return False
        shape, other = fixed[0].shape, moving[0].shape
        pairs = list(zip(reversed(shape), reversed(other), strict=False))
        both = any(a == b > 1 for a, b in pairs)
        return both and any(a > 1 and b == 1 for a, b in pairs)

    def _use(self, weights: tuple[str, ...], known: Sequence[_Node]) -> _Node:
        nearest, consumed, past, uses = (
            _union(getattr(n, name) for n in known) for name in ("nearest", "open", "past", "uses")
        )
        depth = 1 + max((u.depth for k, u in enumerate(self.uses) if nearest >> k & 1), default=0)
        owners = tuple(self.owners[w] for w in weights)
        modules = tuple(dict.fromkeys(owners))
        bit = 1 << len(self.uses)
        self.uses.append(Use(modules, weights, owners, consumed, depth, len(self.calls) + len(self.uses)))
        return _Node(True, past=past, uses=uses | bit, nearest=bit)

    def _mixed(
        self, name: str, inputs: Sequence[Tensor], known: Sequence[_Node], weights: frozenset[str]
    ) -> _Node:
        moving = [n for n in known if n.varies]
        if not moving:
            return _Node(weights=weights)
        direct, share = moving[0].direct, moving[0].share
        if name in PRODUCTS and any(t.numel() > 1 and not self.node(t).varies for t in inputs):
            for number in bits(_union(n.direct for n in moving)):
                self.calls[number].scales = True
        if len(moving) > 1:
            if name in PRODUCTS or (name == "bmm" and inputs[0].shape[-1] == 1):
                self._multiply(moving)
                direct, share = 0, all(n.share for n in moving)
            else:
                together = all(n.direct for n in moving) and name not in CONTRACTIONS
                direct = _union(n.direct for n in moving) if together else 0
                share = all(n.share for n in moving)
        past, opened, uses = (_union(getattr(n, key) for n in moving) for key in ("past", "open", "uses"))
        passed = [n for n in moving if not n.share] if name in PRODUCTS else []
        nearest = _union(n.nearest for n in passed or moving)  # a gate lets pass what other weights made
        return _Node(True, frozenset(), past, opened, direct, share, uses, nearest)

    def _multiply(self, factors: Sequence[_Node]) -> None:
        """Which factors are gates.

        Of a product whose one factor was computed from the other, the other is the features (squeeze and
        excitation). What is not bounded is features where the other factor lies between 0 and 1.
        """
        for a in factors:
            for b in factors:
                for number in bits(a.direct) if a is not b else ():
                    call = self.calls[number]
                    features = b.past >> number & 1 or (b.share and not call.bounded)
                    call.gate = call.gate or not features

    def put(self, tensor: Tensor, node: _Node) -> None:
        """Keep where `tensor` comes from."""
        self.alive.append(tensor)
        self.nodes[memory(tensor)] = node


class _Operations(private_torch.SeesOperations):
    def __init__(self, record: _Record) -> None:
        super().__init__()
        self.record = record

    def __torch_dispatch__(
        self, operation: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = operation(*args, **(kwargs or {}))
        schema = private_torch.schema_of(operation)
        inputs = list(tensors_in([args, kwargs or {}]))
        outputs = list(tensors_in(result))
        if schema.is_mutable:
            given = {**{a.name: v for a, v in zip(schema.arguments, args, strict=False)}, **(kwargs or {})}
            written = [a.name for a in schema.arguments if a.alias_info and a.alias_info.is_write]
            outputs += tensors_in([given.get(name) for name in written])
        name = schema.name.partition("::")[2]
        self.record.follow(name, inputs, outputs)
        if name in self.record.functions and not self.record.inside:  # called from compiled code, say
            self.record.note_function(name, outputs)
        return result


class _Functions(TorchFunctionMode):
    """Notes the calls of activation functions outside of activation modules."""

    def __init__(self, record: _Record) -> None:
        super().__init__()
        self.record = record

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, record = getattr(func, "__name__", ""), self.record
        noted = name in record.functions
        record.inside += noted
        try:
            result = func(*args, **(kwargs or {}))
        finally:
            record.inside -= noted
        if noted and not record.inside:
            record.note_function(name, result)
        return result


def flow(model: nn.Module, x: Tree, activations: Sequence[nn.Module], functions: Iterable[str]) -> Flow:
    """One forward pass of `model` in evaluation mode on the rows `x`.

    Args:
        model: nothing of it or of the random generator is changed; lazy layers get their shapes.
        x: rows, (rows, …).
        activations: the modules whose calls are noted.
        functions: names of functions whose calls outside of these modules are noted.
    """
    materialise(model, x)
    owners = {n: owner_of(n) for n, p in model.named_parameters() if p.ndim >= 2}
    record = _Record(owners, frozenset(functions))
    x = mapped(lambda leaf: leaf.detach().clone(), x)

    def enter(module: nn.Module, inputs: Any) -> None:
        record.inside += 1

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        record.inside -= 1
        record.note(Call(module, isinstance(module, BOUNDED)), output)

    hooks = _follow_modules(model, record.within)
    hooks += [m.register_forward_pre_hook(enter) for m in activations]
    hooks += [m.register_forward_hook(leave) for m in activations]
    try:
        with undisturbed(model, training=False), slow_paths():
            for name, parameter in model.named_parameters():
                record.put(parameter, _Node(weights=frozenset([name])))
            for leaf in leaves(x):
                record.put(leaf, _Node(varies=True))
            with _Operations(record), _Functions(record):
                output = applied(model, x)
    finally:
        for hook in hooks:
            hook.remove()
    reached = _union(record.node(t).uses for t in tensors_in(output))
    return Flow(tuple(record.uses), tuple(record.calls), reached)


def _follow_modules(model: nn.Module, within: list[str]) -> list[RemovableHandle]:
    """Keep in `within` the names of the modules that are at work."""
    hooks = []
    for name, module in model.named_modules():
        if not isinstance(module, torch.jit.ScriptModule):  # takes no hooks once it is compiled
            hooks.append(module.register_forward_pre_hook(partial(_enter, within, name)))
            hooks.append(module.register_forward_hook(partial(_leave, within), always_call=True))
    return hooks


def _enter(within: list[str], name: str, *_: Any) -> None:
    within.append(name)


def _leave(within: list[str], *_: Any) -> None:
    within.pop()


def owner_of(parameter: str) -> str:
    """Name of the module that a parameter belongs to, also where it is computed from others."""
    head, found, _ = f".{parameter}".partition(".parametrizations.")
    return (head if found else head.rpartition(".")[0]).removeprefix(".")


def bits(number: int) -> Iterator[int]:
    """Places of the ones in a binary number, lowest first."""
    while number:
        yield (number & -number).bit_length() - 1
        number &= number - 1


def _union(parts: Iterable[int]) -> int:
    found = 0
    for part in parts:
        found |= part
    return found
