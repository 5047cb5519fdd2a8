"""What a model may rest on that no stack keeps, and that a few steps need not show.

A stack gives every parameter and buffer a place of its own, and computes gradients without the hooks of a
trial's own tensors.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.private_torch import has_gradient_hooks
from sweeper.training.stacked.refusal import NotStackable
from sweeper.user_code.iteration import is_iterator, tells_its_position
from sweeper.user_code.outside import MOST, is_plain, is_users, reachable

HOOKS = "a hook of the model sees its gradients, or changes them"


def refuse_what_stacks_lose(model: nn.Module, code: Mapping[str, Any]) -> None:
    """Look at a fresh `model`, and at the objects that it and the `code` of the user hold.

    Raises:
        NotStackable: if a hook sees gradients, an iterator of the model does not tell how far it is, or there
            is more than can be looked at.
    """
    hooked: list[Tensor | nn.Module] = [*model.parameters(), *model.modules()]
    if any(has_gradient_hooks(each) for each in hooked):
        raise NotStackable(HOOKS)
    for path, thing in reachable({"": model}, weights=False):
        if is_iterator(thing) and not tells_its_position(thing):
            raise NotStackable(f"{path} is an iterator that does not tell how far it is")
    things = [thing for _, thing in reachable({"": model, **code}, weights=True)]
    if sum(not is_plain(thing) for thing in things) >= MOST:
        raise NotStackable(f"more than {MOST:,} objects hold what it may change, too many to look at")
    named = {name for function in _called(model, code) for name in _names_in(function.__code__)}
    if "grad_fn" in named:  # whose hooks nobody can list
        raise NotStackable(HOOKS)
    if "_version" in named:
        raise NotStackable("the model asks how often a tensor was written to")


def _called(model: nn.Module, code: Mapping[str, Any]) -> Iterator[FunctionType]:
    """Methods of the user's modules, and the user's functions: what passes are made of."""
    bases = {base for module in model.modules() for base in type(module).__mro__ if is_users(base)}
    for thing in (*code.values(), *(method for base in bases for method in vars(base).values())):
        if isinstance(thing, FunctionType):
            yield thing


def _names_in(code: CodeType) -> Iterator[str]:
    """Attributes and globals that code names, functions in it included."""
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names_in(part)


def tensors_beside(model: nn.Module, code: Mapping[str, Any]) -> dict[str, Tensor]:
    """path -> tensor that the model or the `code` hold, and that is neither a parameter nor a buffer."""
    known = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    found = reachable({"": model, **code}, weights=True)
    return {path: thing for path, thing in found if isinstance(thing, Tensor) and id(thing) not in known}


def refuse_shared_memory(model: nn.Module, before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> None:
    """`before` and `after` a pass: `tensors_beside`. One that each pass makes anew is no state.

    Raises:
        NotStackable: if a parameter or buffer shares memory with another tensor.
    """
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for one, two in _sharing(held, {path: t for path, t in after.items() if before.get(path) is t}):
        raise NotStackable(f"{one} and {two} share memory without being one tensor")


def _sharing(held: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> Iterator[tuple[str, str]]:
    """Names of two tensors that overlap in memory, one of them `held` at least."""
    memories: dict[int, list[tuple[str, Tensor]]] = {}
    for name, tensor in (*held.items(), *others.items()):
        if tensor.layout == torch.strided and tensor.numel():
            memories.setdefault(tensor.untyped_storage().data_ptr(), []).append((name, tensor))
    for sharing in memories.values():
        for (one, a), (two, b) in itertools.combinations(sharing, 2):
            if one in held and _overlap(a, b):
                yield one, two


def _overlap(a: Tensor, b: Tensor) -> bool:
    (start, end), (first, last) = _span(a), _span(b)
    return start < last and first < end


def _span(tensor: Tensor) -> tuple[int, int]:
    """Addresses of its first byte, and of that after its last."""
    reach = sum((n - 1) * stride for n, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (reach + 1) * tensor.element_size()


@contextmanager
def no_gradient_hooks() -> Iterator[None]:
    """Refuse a pass that puts a hook on a tensor on its way."""
    plain, seen = Tensor.register_hook, list[Tensor]()

    def noted(tensor: Tensor, hook: Any) -> Any:
        seen.append(tensor)
        return plain(tensor, hook)

    Tensor.register_hook = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        Tensor.register_hook = plain  # type: ignore[method-assign]
    if seen:
        raise NotStackable(HOOKS)
