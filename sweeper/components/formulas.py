"""Activation modules of the user's own whose class writes the formula out: ``x * torch.sigmoid(x)``."""

import copy
from collections.abc import Collection
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sweeper.components.forward import undisturbed

SHAPE = (4, 6)
"""Of the numbers that are tried."""


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
        kinds: the classes of activation modules; `module` is of none of them, its parts may be.
        functions: names of activation functions. A module that does nothing but call one is no formula: the
            call itself is the activation.
    """
    parts = list(module.children())
    if type(module).__module__.startswith("torch.") or not all(type(part) in kinds for part in parts):
        return False
    if next(module.parameters(), None) is not None or next(module.buffers(), None) is not None:
        return False
    x = torch.linspace(-6, 6, SHAPE[0] * SHAPE[1]).reshape(SHAPE)
    order = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(0))
    called = _Names()
    y = _applied(module, x, called)
    shuffled = _applied(module, x.flatten()[order].reshape(SHAPE))
    if y is None or shuffled is None or not (parts or set(called.seen) & set(functions)):
        return False
    several = len([name for name in called.seen if not name.startswith("__get")]) > 1
    alone = torch.allclose(y.flatten()[order], shuffled.flatten(), atol=1e-6)
    bends = y.flatten().diff().diff().abs().max() > 1e-4
    return bool(several and alone and bends)


def is_bounded(module: nn.Module) -> bool:
    """Whether what a formula gives stays near zero, as a gate does."""
    y = _applied(module, torch.linspace(-1e3, 1e3, SHAPE[0] * SHAPE[1]).reshape(SHAPE))
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
