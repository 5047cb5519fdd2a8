"""A module under the stack's rules against the same module of each trial by torch alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from equivalence import one_thread
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sweeper.training.stacked.better_rules import BetterRules

TRIALS = 3


@contextmanager
def exactly() -> Iterator[None]:
    """In float64, by one thread, from one seed."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    with one_thread():
        yield
    torch.set_default_dtype(before)


def assert_like_torch(make: Callable[[], nn.Module], *inputs: Tensor, shared: bool = False) -> None:
    """Outputs and gradients of parameters and inputs to 1e-12: stacked, and of each trial by torch alone.

    inputs: with a trial axis, unless all trials share them.
    """
    modules = [make() for _ in range(TRIALS)]
    names = [name for name, _ in modules[0].named_parameters()]
    stacked = [torch.stack([dict(m.named_parameters())[n].detach() for m in modules]) for n in names]
    stacked = [t.requires_grad_() for t in stacked]
    given = [t.clone().requires_grad_() for t in inputs]

    def one(values: list[Tensor], *x: Tensor) -> tuple[Tensor, ...]:
        return flat(functional_call(modules[0], dict(zip(names, values, strict=True)), x))

    with BetterRules():
        together = vmap(one, in_dims=(0, *[None if shared else 0] * len(given)))(stacked, *given)
    weights = [torch.randn_like(y[0]) for y in together]
    scalar = sum(((y * w).sum() for y, w in zip(together, weights, strict=True)), torch.zeros(()))
    gradients = torch.autograd.grad(scalar, [*stacked, *given])
    for k, module in enumerate(modules):
        x = [(t if shared else t[k]).detach().clone().requires_grad_() for t in given]
        alone = flat(module(*x))
        close([y[k] for y in together], alone)
        total = sum(((y * w).sum() for y, w in zip(alone, weights, strict=True)), torch.zeros(()))
        wanted = torch.autograd.grad(total, [*module.parameters(), *x])
        parts = len(wanted) if not shared else len(names)  # what trials share has the sum of their gradients
        close([g[k] for g in gradients[:parts]], wanted[:parts])


def close(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    """To 1e-12."""
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-12)


def flat(value: Any) -> tuple[Tensor, ...]:
    """The tensors in nested tuples, without what is not there."""
    if isinstance(value, Tensor):
        return (value,)
    return tuple(t for part in value or () for t in flat(part))
