"""The functions of torch that a stack computes its own way, and the mode that calls them.

To add one, add a line to `RULES`.
"""

from collections.abc import Callable, Mapping
from functools import cache
from types import FunctionType
from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from sweeper import private_torch
from sweeper.components.operations import tensors_in
from sweeper.training.stacked import composed, recurrent
from sweeper.training.stacked.batching_rules import argmax, attention, cross_entropy, linear
from sweeper.training.stacked.packed import check_rows

RULES: Mapping[Any, Callable[..., Any]] = {
    F.linear: linear,
    F.cross_entropy: cross_entropy,
    F.scaled_dot_product_attention: attention,
    Tensor.argmax: argmax,
    **composed.RULES,
    **recurrent.RULES,
}
ASKS = {"has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"}
"""Names by which functions of torch that are written in Python ask whether a mode is open."""


IN_PYTHON = ("torch.nn.functional", "torch.functional")
"""Modules that hold them."""


class BetterRules(TorchFunctionMode):
    """While open, calls of the functions in `RULES` go there, also those that torch's own functions make."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        check_rows(function, args)
        rule = RULES.get(function)
        if rule is not None and of_one_trial(args, kwargs):
            return rule(*args, **kwargs)
        if isinstance(kwargs.get("out"), Tensor) and of_one_trial(args):  # vmap takes no place to write to
            given = {name: value for name, value in kwargs.items() if name != "out"}
            return kwargs["out"].copy_(function(*args, **given))
        body = body_of(function)
        if body is None:
            return function(*args, **kwargs)
        with self:
            return body(*args, **kwargs)


def of_one_trial(*values: Any) -> bool:
    """Whether tensors in `values` stand for those of one trial, none for a part of it (a vmap inside)."""
    wrapped = [t for t in tensors_in(values) if private_torch.is_wrapped(t)]
    return bool(wrapped) and all(
        private_torch.is_one_row(t) and not private_torch.is_wrapped(private_torch.inner(t)) for t in wrapped
    )


@cache
def body_of(function: Any) -> Callable[..., Any] | None:
    """What a function of torch that is written in Python does; ``None`` for other functions.

    Such a function hands itself over to an open mode, and what it calls is not seen. Its body alone does not.
    """
    if not isinstance(function, FunctionType) or function.__module__ not in IN_PYTHON:
        return None
    if ASKS.isdisjoint(function.__code__.co_names):
        return None
    names = {**function.__globals__, **dict.fromkeys(ASKS, _no)}
    body = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    body.__kwdefaults__ = function.__kwdefaults__
    return body


def _no(*arguments: Any) -> bool:
    return False
