"""Different activations in one stack: runs of neighbouring slots with the same activation share one kernel.

Every hidden activation layer of the stacked model is one operation, `activate`, on pre-activations with a
leading trial axis. An `ActivationDispatch` knows the activation of each slot, and
applies its kernel to its part of the array.
"""

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sweeper.private_torch import mkldnn_switch
from sweeper.training.stacked.kernel import AnyKernel, Run, Tensors
from sweeper.training.stacked.recording import Call


class Hidden(NamedTuple):
    """One call of a hidden activation layer; tensors with a trial axis."""

    site: int
    z: Tensor
    a: Tensor
    w: Tensors


class ActivationDispatch:
    """The activations of `n` slots. `kernels[site][slot]` is the one of hidden activation layer `site`."""

    def __init__(self, kernels: Sequence[Sequence[AnyKernel]]) -> None:
        self.kernels = kernels
        self.calls: list[Hidden] = []
        """The calls of hidden layers since it was emptied."""
        self.differentiable = False
        """Whether every output must have a gradient, also where nothing trained comes before it."""
        self._bound: list[Bound] = []
        self.handle = id(self)
        _DISPATCHES[self.handle] = self

    def arrange(self, kernels: Sequence[Sequence[AnyKernel]]) -> None:
        """Other trials are in the slots now."""
        if kernels == self.kernels:
            return
        self.kernels = kernels
        for bound in self._bound:
            bound.renew()

    def runs(self, site: int) -> list[tuple[slice, AnyKernel]]:
        """Neighbouring slots with the same kernel."""
        parts, start = [], 0
        for kernel, slots in itertools.groupby(self.kernels[site]):
            stop = start + len(list(slots))
            parts.append((slice(start, stop), kernel))
            start = stop
        return parts

    def forward(self, site: int, z: Tensor, w: Tensors, a: Tensor) -> "Bound":
        """What computes `a` from `z` and what the activation learns, `w`, whenever it is called."""

        def parts() -> list[Run]:
            runs: list[Run] = []
            for at, kernel in self.runs(site):
                runs += kernel.forward(z[at], a[at], [t[at] for t in w])
            return runs

        return Bound(parts)

    def backward(
        self, site: int, g: Tensor, z: Tensor, a: Tensor, w: Tensors, gz: Tensor, gw: Tensors
    ) -> "Bound":
        """What computes the gradients `gz` and `gw` from `g`, the gradient of `a`."""

        def parts() -> list[Run]:
            runs: list[Run] = [t.zero_ for t in gw]
            for at, kernel in self.runs(site):
                own, gradients = [t[at] for t in w], [t[at] for t in gw]
                runs += kernel.backward(g[at], z[at], a[at], own, gz[at], gradients)
            return runs

        return Bound(parts)

    def keep(self, bound: "Bound") -> "Bound":
        """Renew it whenever other trials come in."""
        self._bound.append(bound)
        return bound


class Bound:
    """Operations on fixed memory, made anew when the slots change."""

    def __init__(self, parts: Callable[[], list[Run]]) -> None:
        self._parts = parts
        self.renew()

    def renew(self) -> None:
        self._runs = self._parts()

    def __call__(self) -> None:
        # oneDNN's GELU takes longer to start than small arrays take to compute.
        enabled, enable = mkldnn_switch()
        before = enabled()
        enable(False)
        try:
            for run in self._runs:
                run()
        finally:
            enable(before)


_DISPATCHES: "weakref.WeakValueDictionary[int, ActivationDispatch]" = weakref.WeakValueDictionary()


def _activate(z: Tensor, w: Tensors, dispatch: int, site: int) -> Tensor:
    """φ(z) slot by slot; z: (slots, …)."""
    a = torch.empty_like(z)
    _DISPATCHES[dispatch].forward(site, z, w, a)()
    return a


def _activate_backward(g: Tensor, z: Tensor, a: Tensor, w: Tensors, dispatch: int, site: int) -> list[Tensor]:
    """Gradients of `activate` with respect to z and to each of w."""
    gz, *gw = _like(z, w)
    _DISPATCHES[dispatch].backward(site, g, z, a, w, gz, gw)()
    return [gz, *gw]


def _like(z: Tensor, w: Tensors) -> list[Tensor]:
    return [torch.empty_like(t) for t in (z, *w)]


# Registered without `custom_op`, which takes seconds to import.
_LIBRARY = torch.library.Library("sweeper", "DEF")
_LIBRARY.define("activate(Tensor z, Tensor[] w, int dispatch, int site) -> Tensor")
_LIBRARY.define(
    "activate_backward(Tensor g, Tensor z, Tensor a, Tensor[] w, int dispatch, int site) -> Tensor[]"
)
_LIBRARY.impl("activate", lambda z, w, dispatch, site: torch.empty_like(z), "Meta")
_LIBRARY.impl("activate_backward", lambda g, z, a, w, dispatch, site: _like(z, w), "Meta")
_LIBRARY.impl("activate", _activate, "CompositeExplicitAutograd")
_LIBRARY.impl("activate_backward", _activate_backward, "CompositeExplicitAutograd")


def bind_forward(call: Call, arguments: Sequence[Any], targets: Sequence[Tensor]) -> Bound:
    """`activate` on a tape."""
    z, w, handle, site = arguments
    dispatch = _DISPATCHES[handle]
    return dispatch.keep(dispatch.forward(site, z, w, targets[0]))


def bind_backward(call: Call, arguments: Sequence[Any], targets: Sequence[Tensor]) -> Bound:
    """`activate_backward` on a tape."""
    g, z, a, w, handle, site = arguments
    dispatch = _DISPATCHES[handle]
    return dispatch.keep(dispatch.backward(site, g, z, a, w, targets[0], targets[1:]))


BINDERS = {
    torch.ops.sweeper.activate.default: bind_forward,
    torch.ops.sweeper.activate_backward.default: bind_backward,
}


class Activation(torch.autograd.Function):
    """A hidden activation layer of one trial; exists under vmap alone, where it is that of all trials."""

    @staticmethod
    def forward(z: Tensor, dispatch: ActivationDispatch, site: int, *w: Tensor) -> Tensor:
        raise RuntimeError("the layers of a stack work under vmap alone")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        raise RuntimeError("the layers of a stack work under vmap alone")

    @staticmethod
    def vmap(
        info: Any, in_dims: Any, z: Tensor, dispatch: ActivationDispatch, site: int, *w: Tensor
    ) -> tuple[Tensor, int]:
        z, *learned = (
            t.movedim(dim, 0) if dim is not None else t.expand(info.batch_size, *t.shape)
            for t, dim in zip((z, *w), (in_dims[0], *in_dims[3:]), strict=True)
        )
        a = _Stacked.apply(z, dispatch.handle, site, *learned)
        if dispatch.differentiable and not a.requires_grad:
            a = a.detach().requires_grad_().clone()  # a leaf must not be written into
        dispatch.calls.append(Hidden(site, z, a, learned))
        return a, 0


class _Stacked(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, handle: int, site: int, *w: Tensor) -> Tensor:
        a = torch.ops.sweeper.activate(z, w, handle, site)
        ctx.save_for_backward(z, a, *w)
        ctx.handle, ctx.site = handle, site
        return a

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        z, a, *w = ctx.saved_tensors
        gz, *gw = torch.ops.sweeper.activate_backward(g, z, a, w, ctx.handle, ctx.site)
        return gz, None, None, *gw
