"""What is known of the values of a forward pass: which weights and activations they came through."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.call_sites import CallPath, Site
from sweeper.components.operations import (
    BOUNDED_FUNCTIONS,
    CONTRACTIONS,
    INDEXING,
    LOOK_UPS,
    PRODUCTS,
    SHAPE_ONLY,
    SHARES,
    has_memory,
    memory,
    tensors_in,
    unwrapped,
)


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

    what: nn.Module | Site | str
    """A function by its call site; by its name alone where compiled code calls it."""
    bounded: bool
    where: str = ""
    """Name of the module that calls a function."""
    before: int = 0
    """Uses, as bits, that its input comes from without others in between."""
    inner: int = 0
    """Calls, as bits, whose outputs it gets with nothing but operations on one tensor in between."""
    gate: bool = False
    """Whether its output is multiplied onto features."""
    scales: bool = False
    """Whether its output is multiplied with something fixed of more than one number: the gate of a recurrent
    cell does so with the first state."""
    at: int = 0


@dataclass(frozen=True)
class Node:
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
    learned: bool = False
    """Whether they depend on the input and on a parameter, of any shape."""
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
    skipped: bool = False
    """Whether activation functions were called on what does not depend on the input."""
    others: frozenset[CallPath] = frozenset()
    """Where other functions of torch were called."""

    def is_hidden(self, number: int) -> bool:
        """Whether weights on the way to the output follow the call, which is no gate."""
        behind = any(u.consumed >> number & 1 for k, u in enumerate(self.uses) if self.reached >> k & 1)
        call = self.calls[number]
        elsewhere = call.scales and any(c.gate and c.what is call.what for c in self.calls)
        return behind and not call.gate and not elsewhere


@dataclass
class Record:
    """What is noted of a forward pass while it runs; `dataflow.flow` makes a `Flow` of it."""

    owners: Mapping[str, str]
    """Parameter of two dimensions or more -> module that owns it."""
    functions: frozenset[str]
    """Names of the functions whose calls outside of activation modules are noted."""
    names: Mapping[nn.Module, str] = field(default_factory=dict)
    """Of the model's modules."""
    fixed: bool = False
    """Whether weights are a layer's also where they are applied to what does not depend on the input."""
    skipped: bool = False
    """Whether such functions were called on what does not depend on the input."""
    others: set[CallPath] = field(default_factory=set)
    """Where functions of torch were called that are none of those."""
    nodes: dict[int, Node] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    inside: int = 0
    """Activation modules and such functions that are at work at the moment."""
    within: list[str] = field(default_factory=list)
    """Names of the modules that are at work, the outermost first."""
    inputs: list[int] = field(default_factory=list)
    """Memory of the inputs."""
    alive: list[Tensor] = field(default_factory=list)
    """Memory that is given back would be taken for what comes after it."""

    def node(self, tensor: Tensor) -> Node:
        return self.nodes.get(memory(tensor), Node())

    def note(self, call: Call, output: Any) -> None:
        """`output` is what an activation put out just now."""
        for tensor in tensors_in(output):
            node, bit = self.node(tensor), 1 << len(self.calls)
            call.before |= node.nearest
            call.inner |= node.direct
            self.put(
                tensor, replace(node, past=node.past | bit, open=node.open | bit, direct=bit, varies=True)
            )
        call.at = len(self.calls) + len(self.uses)
        self.calls.append(call)

    def note_function(self, what: Site | str, output: Any) -> None:
        """The same of a function."""
        where = self.within[-1] if self.within else ""
        name = what if isinstance(what, str) else what.name
        self.note(Call(what, name in BOUNDED_FUNCTIONS, where), output)

    def follow(self, name: str, inputs: Sequence[Tensor], outputs: Iterable[Tensor]) -> None:
        """One operation of the pass."""
        nodes = {} if name in SHAPE_ONLY else {memory(t): self.node(t) for t in inputs}
        known = list(nodes.values())
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
        self, name: str, inputs: Sequence[Tensor], known: Sequence[Node], weights: frozenset[str]
    ) -> tuple[str, ...]:
        """The weights that the operation applies as those of a layer."""
        varies = any(n.varies for n in known) or (self.fixed and any(map(self._is_table, inputs)))
        applied = name in LOOK_UPS or (varies and (name in CONTRACTIONS or name in INDEXING))
        if not applied and name in PRODUCTS and varies:
            applied = self._widens(inputs)
        return tuple(w for w in self.owners if w in weights) if applied else ()

    def _is_table(self, tensor: Tensor) -> bool:
        """Whether it holds rows of numbers that come neither from the input nor from weights."""
        node = self.node(tensor)
        return tensor.ndim >= 2 and not node.varies and not node.weights

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

    def _use(self, weights: tuple[str, ...], known: Sequence[Node]) -> Node:
        nearest, consumed, past, uses = (
            union(getattr(n, name) for n in known) for name in ("nearest", "open", "past", "uses")
        )
        depth = 1 + max((u.depth for k, u in enumerate(self.uses) if nearest >> k & 1), default=0)
        owners = tuple(self.owners[w] for w in weights)
        modules = tuple(dict.fromkeys(owners))
        bit = 1 << len(self.uses)
        self.uses.append(Use(modules, weights, owners, consumed, depth, len(self.calls) + len(self.uses)))
        return Node(True, past=past, learned=True, uses=uses | bit, nearest=bit)

    def _mixed(
        self, name: str, inputs: Sequence[Tensor], known: Sequence[Node], weights: frozenset[str]
    ) -> Node:
        moving = [n for n in known if n.varies]
        if not moving:
            return Node(weights=weights)
        is_product = name in PRODUCTS or (name == "bmm" and inputs[0].shape[-1] == 1)
        features = self._features(is_product, inputs, moving)
        if name in PRODUCTS and any(t.numel() > 1 and not self.node(t).varies for t in inputs):
            for number in bits(union(n.direct for n in moving)):
                self.calls[number].scales = True
        if is_product:
            self._multiply(moving, features)
        direct, share = features[0].direct, all(n.share for n in features)
        if len(features) > 1:
            together = all(n.direct for n in features) and not is_product and name not in CONTRACTIONS
            direct = union(n.direct for n in features) if together else 0
        past, opened, uses = (union(getattr(n, key) for n in moving) for key in ("past", "open", "uses"))
        passed = [n for n in features if not n.share] if name in PRODUCTS else []
        nearest = union(n.nearest for n in passed or features)  # a gate lets pass what other weights made
        learned = bool(weights) or any(n.learned for n in moving)
        return Node(True, frozenset(), past, opened, direct, share, learned, uses, nearest)

    def _features(self, is_product: bool, inputs: Sequence[Tensor], moving: Sequence[Node]) -> Sequence[Node]:
        """`moving` less the masks, weights and counts that no parameter makes: these are no features.

        Inputs themselves are, where they are multiplied with a learned gate: sigmoid(layer(x)) · x.
        """
        gated = any(n.learned and n.share for n in moving)
        size = max(t.numel() for t in inputs)
        kept = []
        for node in moving:
            own = [t for t in inputs if self.node(t) is node]
            masks = all(t.dtype == torch.bool for t in own)
            counts = is_product and not (gated and any(self._is_signal(t, size) for t in own))
            if node.learned or not (masks or counts):
                kept.append(node)
        return kept if any(n.learned for n in kept) else moving

    def _is_signal(self, tensor: Tensor, size: int) -> bool:
        """As `_is_signal`; the only input is one whatever numbers the first row has."""
        whole = has_memory(tensor) and tensor.is_floating_point() and tensor.numel() == size
        return (whole and self.inputs == [memory(tensor)]) or _is_signal(tensor, size)

    def _multiply(self, factors: Sequence[Node], others: Sequence[Node]) -> None:
        """Which of `factors` are gates of `others`.

        Of a product whose one factor was computed from the other, the other is the features (squeeze and
        excitation). What is not bounded is features where the other factor lies between 0 and 1.
        """
        for a in factors:
            for b in others:
                for number in bits(a.direct) if a is not b else ():
                    call = self.calls[number]
                    features = b.past >> number & 1 or (b.share and not call.bounded)
                    if not features:
                        self._is_gate(number)

    def _is_gate(self, number: int) -> None:
        """So is what is computed for it alone: softplus in tanh(softplus(x)) · x."""
        waiting, seen = [number], set[int]()
        while waiting:  # a call may be among those inside of itself
            seen.add(one := waiting.pop())
            self.calls[one].gate = True
            waiting += [inner for inner in bits(self.calls[one].inner) if inner not in seen]

    def put(self, tensor: Tensor, node: Node) -> None:
        """Keep where `tensor` comes from."""
        self.alive.append(tensor)
        self.nodes[memory(tensor)] = node


def _is_signal(tensor: Tensor, size: int) -> bool:
    """Whether it has `size` numbers of its own, and not just one beside 0, as masks have."""
    tensor = unwrapped(tensor)
    if not (has_memory(tensor) and tensor.is_floating_point()):
        return False
    own = tensor.untyped_storage().nbytes() // tensor.element_size()  # an expanded mask has few
    others = tensor[tensor != 0]
    return tensor.numel() == size <= own and others.numel() > 0 and bool((others != others[0]).any())


def bits(number: int) -> Iterator[int]:
    """Places of the ones in a binary number, lowest first."""
    while number:
        yield (number & -number).bit_length() - 1
        number &= number - 1


def union(parts: Iterable[int]) -> int:
    """The bits that are in any of `parts`."""
    both = 0
    for part in parts:
        both |= part
    return both
