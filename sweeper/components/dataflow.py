"""One forward pass as a flow of data: which weights and activations a model applies, in which order.

Every operation of the pass is seen below autograd. For every piece of memory it is known which activations
and which weights its values came through; so what an activation is for is read off what is done with its
output, never off names. Views share memory, so they need no rules of their own.
"""

import inspect
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from sweeper import private_torch
from sweeper.components.call_sites import Site, path_of
from sweeper.components.flow_record import Call, Flow, Node, Record, union
from sweeper.components.forward import materialise, slow_paths, undisturbed
from sweeper.components.operations import RECURRENT, has_memory, memory, tensors_in
from sweeper.components.tree import Tree, applied, leaves, mapped


class _Operations(private_torch.SeesOperations):
    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def _varies(self, inputs: Iterable[Tensor]) -> bool:
        return any(self.record.node(tensor).varies for tensor in inputs)

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
        if name in self.record.functions and not self.record.inside and self._varies(inputs):
            self.record.note_function(name, outputs)  # called from compiled code, say
        return result


class _Functions(TorchFunctionMode):
    """Notes the calls of activation functions outside of activation modules."""

    def __init__(self, record: Record) -> None:
        super().__init__()
        self.record = record

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, record = getattr(func, "__name__", ""), self.record
        if name not in record.functions:
            if not record.inside:
                record.others.add(path_of(inspect.currentframe(), record.names))
            return func(*args, **(kwargs or {}))
        given = list(tensors_in([*args[:1], *(kwargs or {}).values()]))
        what: Site | str = ""
        if not record.inside and any(record.node(t).varies or not has_memory(t) for t in given):
            options = {key: value for key, value in (kwargs or {}).items() if key != "input"}
            path = path_of(inspect.currentframe(), record.names)
            what = name if name in RECURRENT else Site(path, name, tuple(args[1:]), options)
        elif not record.inside:
            record.skipped = True
        record.inside += 1
        try:
            result = func(*args, **(kwargs or {}))
        finally:
            record.inside -= 1
        if what:
            record.note_function(what, result)
        return result


def flow(
    model: nn.Module,
    x: Tree,
    activations: Mapping[nn.Module, bool],
    functions: Iterable[str],
    fixed: bool = False,
) -> Flow:
    """One forward pass of `model` in evaluation mode on the rows `x`.

    Args:
        model: nothing of it or of the random generator is changed; lazy layers get their shapes.
        x: rows, (rows, …).
        activations: the modules whose calls are noted, and whether each is bounded.
        functions: names of functions whose calls outside of these modules are noted.
        fixed: whether numbers that a model brings along, the features of a graph's nodes, count as inputs
            where weights are applied to them.
    """
    materialise(model, x)
    owners = {n: owner_of(n) for n, p in model.named_parameters() if p.ndim >= 2}
    names = {module: name for name, module in model.named_modules()}
    record = Record(owners, frozenset(functions), names, fixed)
    x = mapped(lambda leaf: leaf.detach().clone(), x)

    def enter(module: nn.Module, inputs: Any) -> None:
        record.inside += 1

    def leave(module: nn.Module, inputs: Any, output: Any) -> None:
        record.inside -= 1
        record.note(Call(module, activations[module]), output)

    hooks = _follow_modules(model, record.within)
    hooks += [m.register_forward_pre_hook(enter) for m in activations]
    hooks += [m.register_forward_hook(leave) for m in activations]
    try:
        with undisturbed(model, training=False), slow_paths():
            for name, parameter in model.named_parameters():
                record.put(parameter, Node(weights=frozenset([name])))
            for leaf in leaves(x):
                record.put(leaf, Node(varies=True))
                record.inputs.append(memory(leaf))
            with _Operations(record), _Functions(record):
                output = applied(model, x)
    finally:
        for hook in hooks:
            hook.remove()
    reached = union(record.node(t).uses for t in tensors_in(output))
    return Flow(tuple(record.uses), tuple(record.calls), reached, record.skipped, frozenset(record.others))


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
    head, parametrized, _ = f".{parameter}".partition(".parametrizations.")
    return (head if parametrized else head.rpartition(".")[0]).removeprefix(".")
