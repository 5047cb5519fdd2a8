"""One activation function as operations that write to given memory, forward and backward."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sweeper.components.activations import Activation
from sweeper.components.precision import default_precision
from sweeper.private_torch import unchecked
from sweeper.theory.scalar import derivative, slope_grid
from sweeper.training.stacked.modes import refuse_another_in_evaluation
from sweeper.training.stacked.recording import Call, needed, record, replaced, storage_of
from sweeper.training.stacked.refusal import NotStackable
from sweeper.training.stacked.tape import writing
from sweeper.user_code.calls import message_of

Run = Callable[[], Any]
Tensors = Sequence[Tensor]


class Kernel:
    """Forward and backward of an elementwise module, recorded from the module itself."""

    def __init__(self, module: nn.Module, dtype: torch.dtype) -> None:
        self.module = copy.deepcopy(module).cpu()
        if hasattr(self.module, "inplace"):
            setattr(self.module, "inplace", False)  # noqa: B010
        self._steepest: dict[tuple[torch.dtype, torch.device], Tensor] = {}
        self.native = dict[tuple[torch.dtype, int], tuple[int, int]]()
        """Addresses of its functions as machine code, by the numbers that the stack learns."""
        refuse_what_is_no_function_of_numbers(self.module, dtype)
        z = torch.linspace(-3, 3, 6, dtype=dtype).reshape(1, 2, 3).requires_grad_()
        g = torch.linspace(1, 2, 6, dtype=dtype).reshape(1, 2, 3)
        self.forward_recipe = _recorded(lambda: [self.module(z)], {"z": z}, "a")
        self.backward_recipe = _recorded(
            lambda: [a := self.module(z), _slope(a, z, g)],
            {"z": z, "g": g},
            "a",
            "gz",
        )
        self._refuse_another_result(dtype)
        refuse_another_in_evaluation(self.module, lambda: [a := self.module(z), _slope(a, z, g)])

    def _refuse_another_result(self, dtype: torch.dtype) -> None:
        """Raise `NotStackable` unless trials beside each other get what each gets alone, gradients too."""
        z = _tried(dtype)
        a, g, gz = torch.full_like(z, math.nan), torch.cos(z), torch.full_like(z, math.nan)
        for run in (*self.forward(z, a, ()), *self.backward(g, z, a, (), gz, ())):
            run()
        alone = [(each.clone().requires_grad_(), own) for each, own in zip(z, g, strict=True)]
        values = [self.module(each) for each, _ in alone]
        slopes = [_slope(value, *of) for value, of in zip(values, alone, strict=True)]
        found = zip((a, gz), (values, slopes), strict=True)
        least = 100 * torch.finfo(dtype).eps
        alike = partial(torch.allclose, atol=least, equal_nan=True)
        if not all(alike(mine, torch.stack(theirs)) for mine, theirs in found):
            raise NotStackable(NO_FUNCTION)

    def forward(self, z: Tensor, a: Tensor, w: Tensors) -> list[Run]:
        """a ← φ(z)"""
        return self.forward_recipe({"z": z, "a": a})

    def backward(self, g: Tensor, z: Tensor, a: Tensor, w: Tensors, gz: Tensor, gw: Tensors) -> list[Run]:
        """gz ← g · φ′(z), with a = φ(z) known"""
        return self.backward_recipe({"g": g, "z": z, "a": a, "gz": gz})

    def steepest(self, like: Tensor, w: Tensors) -> Tensor:
        """max |φ′|, a scalar; `like` tells its precision and device; from −20 to 20, 0.01 apart."""
        key = (like.dtype, like.device)
        if key not in self._steepest:
            grid = torch.linspace(-20, 20, 4001, dtype=like.dtype, device=like.device)
            with torch.enable_grad():
                a = self.module(grid.requires_grad_())
                (slope,) = torch.autograd.grad(a.sum(), grid)
            self._steepest[key] = slope.abs().max()
        return self._steepest[key]


NO_FUNCTION = "a hidden activation that is not a fixed function of single numbers"
SCALES = (0.1, 5.0, 1e4)
"""Of what an activation is tried on: a trial each."""


def _tried(dtype: torch.dtype) -> Tensor:
    """(trials, rows, features) small, usual and large numbers of both signs."""
    line = torch.linspace(-1, 1, 20, dtype=dtype).reshape(4, 5)
    return torch.stack([scale * line for scale in SCALES])


def refuse_what_is_no_function_of_numbers(module: nn.Module, dtype: torch.dtype) -> None:
    """Raise `NotStackable` if an activation decides something by all the numbers it is given.

    What it does with the few that it is recorded on would hold for all others. Under vmap there are none that
    Python could look at.
    """
    try:
        vmap(module)(_tried(dtype))
    except Exception as error:  # the user's, or torch's for what has no batched form
        raise NotStackable(f"{NO_FUNCTION}: {message_of(error)}") from error


class _Seeded(torch.autograd.Function):
    """a, whose gradient is g. Given g, ``torch.autograd.grad`` would import sympy, for half a second."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, g: Tensor) -> Tensor:
        ctx.save_for_backward(g)
        return a.view_as(a)

    @staticmethod
    def backward(ctx: Any, *_: Any) -> tuple[Tensor, None]:
        (g,) = ctx.saved_tensors
        return g, None


def _slope(a: Tensor, z: Tensor, g: Tensor) -> Tensor:
    """g · ∂a/∂z, in memory of its own also where the derivative is 1."""
    (slope,) = torch.autograd.grad(_Seeded.apply(a, g).sum(), z)
    return slope.clone() if storage_of(slope) == storage_of(g) else slope


def gradients(
    function: Callable[[Tensor, Tensors], Tensor], z: Tensor, w: Tensors, g: Tensor
) -> list[Tensor]:
    """g · ∂φ/∂z and g · ∂φ/∂w of φ = `function`."""
    total = _Seeded.apply(function(z, w), g).sum()
    return list(torch.autograd.grad(total, [z, *w], allow_unused=True, materialize_grads=True))


class SlopeKernel:
    """PReLU: z where z > 0, else w·z with a slope w per trial, or per trial and channel, that learns."""

    def __init__(self) -> None:
        self.native = dict[tuple[torch.dtype, int], tuple[int, int]]()
        """See `Kernel.native`."""

    def formula(self, z: Tensor, w: Tensors) -> Tensor:
        """φ(z) with the slope beside every number; numbers above 0 are no part of the slope's gradient."""
        return torch.where(z > 0, z, torch.where(z > 0, 0.0, z) * w[0])

    def forward(self, z: Tensor, a: Tensor, w: Tensors) -> list[Run]:
        """a ← φ(z); w: (n, 1) or (n, channels), channels being the axis after the rows."""
        wide = _beside(w[0], z)

        def run() -> None:
            torch.mul(z, wide, out=a)
            torch.where(z > 0, z, a, out=a)

        return [run]

    def backward(self, g: Tensor, z: Tensor, a: Tensor, w: Tensors, gz: Tensor, gw: Tensors) -> list[Run]:
        """gz ← g · φ′(z), gw ← the gradient of the slopes"""
        wide, (gs,) = _beside(w[0], z), gw
        summed = [axis for axis in range(1, z.ndim) if wide.shape[axis] == 1]

        def run() -> None:
            steep = z > 0  # as torch asks, which takes the slope where z is NaN
            gs.copy_(torch.where(steep, 0.0, g * z).sum(summed).view_as(gs))
            torch.mul(g, wide, out=gz)
            torch.where(steep, g, gz, out=gz)

        return [run]

    def steepest(self, like: Tensor, w: Tensors) -> Tensor:
        """max |φ′| of one trial, a scalar."""
        return torch.cat([w[0].abs(), w[0].new_ones(1)]).max()


class LearnedKernel:
    """A module with parameters of any shape, which learn: the module itself, batched over the trials."""

    def __init__(self, module: nn.Module) -> None:
        self.module = copy.deepcopy(module)
        self.names = [name for name, _ in module.named_parameters()]
        self.native = dict[tuple[torch.dtype, int], tuple[int, int]]()
        """See `Kernel.native`."""
        self._tried = set[torch.Size]()
        """Shapes of what it was tried on in evaluation."""

    def refuse_another_in_evaluation(self, z: Tensor, w: Tensors) -> None:
        """Raise `NotStackable` if one trial's numbers, or what it learns, get something else there."""
        if z.shape not in self._tried:
            at, values = z.clone().requires_grad_(), [t.clone().requires_grad_() for t in w]
            slopes = partial(gradients, self.formula, at, values, torch.ones_like(z))
            with torch.enable_grad():
                refuse_another_in_evaluation(self.module.to(z.device), slopes)
            self._tried.add(z.shape)

    def formula(self, z: Tensor, w: Tensors) -> Tensor:
        """φ(z) with other tensors in place of the parameters."""
        output: Tensor = functional_call(self.module, dict(zip(self.names, w, strict=True)), (z,))
        return output

    def forward(self, z: Tensor, a: Tensor, w: Tensors) -> list[Run]:
        """a ← φ(z); w: the parameters, (n, …) each."""
        if not below_autograd():
            self.refuse_another_in_evaluation(z[0], [t[0] for t in w])

        def run() -> None:
            a.copy_(z if below_autograd() else self._outputs(z, w))

        return [run]

    def backward(self, g: Tensor, z: Tensor, a: Tensor, w: Tensors, gz: Tensor, gw: Tensors) -> list[Run]:
        """gz ← g · ∂φ/∂z, gw ← g · ∂φ/∂w"""

        def run() -> None:
            if below_autograd():
                gz.copy_(g)
                return
            with torch.enable_grad():
                at, values = z.detach().requires_grad_(), [v.detach().requires_grad_() for v in w]
                outputs = self._outputs(at, values)
                gradients = torch.autograd.grad(
                    outputs, [at, *values], g, allow_unused=True, materialize_grads=True
                )
            for target, gradient in zip((gz, *gw), gradients, strict=True):
                target.copy_(gradient)

        return [run]

    def steepest(self, like: Tensor, w: Tensors) -> Tensor:
        """max |φ′| of one trial, a scalar; `like`: a batch of its pre-activations."""

        def one(x: Tensor) -> Tensor:
            return self._outputs(x[None], [value[None] for value in w])[0]

        return derivative(one, slope_grid(like, channels=True)).abs().max()

    def _outputs(self, z: Tensor, w: Tensors) -> Tensor:
        self.module.to(z.device)

        return vmap(self.formula)(z, list(w))


def below_autograd() -> bool:
    """Whether a step is being recorded: no gradient can be taken there, and nothing but shapes counts."""
    with torch.enable_grad():
        return not torch.ones((), requires_grad=True).neg().requires_grad


AnyKernel = Kernel | SlopeKernel | LearnedKernel


def kernel_of(module: nn.Module, dtype: torch.dtype) -> AnyKernel:
    """The kernel of a hidden activation layer.

    Raises:
        NotStackable: for activations that draw random numbers.
    """
    if isinstance(module, nn.RReLU):
        raise NotStackable("RReLU draws random slopes for the negative inputs alone")
    if isinstance(module, nn.PReLU):
        return SlopeKernel()
    return LearnedKernel(module) if any(True for _ in module.parameters()) else Kernel(module, dtype)


@lru_cache(maxsize=64)
def kernel_for(activation: Activation, dtype: torch.dtype) -> AnyKernel:
    """The kernel of an entry of `activation_of`; one for all trials, so that they share runs.

    Its numbers have the digits that they have in models of that precision.
    """
    with default_precision(dtype):
        return kernel_of(activation.make(), dtype)


def _beside(w: Tensor, z: Tensor) -> Tensor:
    return w.reshape(len(w), *([1, w.shape[1]] if z.ndim > 2 else [w.shape[1]]), *[1] * (z.ndim - 3))


@dataclass(frozen=True)
class Recipe:
    """Recorded operations on named tensors of any shape."""

    calls: Sequence[Call]
    known: Mapping[int, str]
    """Storage -> name of the tensor."""

    def __call__(self, tensors: Mapping[str, Tensor]) -> list[Run]:
        """What does them on these tensors."""
        like = tensors["z"]
        made = {storage_of(t) for c in self.calls for t in c.results}
        temporary: dict[int, Tensor] = {}

        def memory(tensor: Tensor) -> Tensor:
            where = storage_of(tensor)
            if where in self.known:
                return tensors[self.known[where]]
            if where not in made:
                return tensor  # a constant
            if where not in temporary:
                temporary[where] = torch.empty_like(like, dtype=tensor.dtype)
            return temporary[where]

        return [_run(call, memory) for call in self.calls]


def _recorded(function: Callable[[], Sequence[Tensor]], inputs: dict[str, Tensor], *names: str) -> Recipe:
    """`function` of named `inputs`; `names` are those of its results.

    Raises:
        NotStackable: for what is not elementwise, or draws random numbers.
    """
    calls, results = record(function)
    known = {storage_of(t): name for name, t in (*inputs.items(), *zip(names, results, strict=True))}
    given = set(names[:-1])
    fixed = {storage_of(t) for t in (*inputs.values(), *results[:-1])}
    written = [t for c in calls for t in c.written]
    calls = [c for c in calls if {known.get(storage_of(t)) for t in c.results} - given]
    last = results[-1]
    kept = needed(calls, [*inputs.values(), *results[:-1]], [last])
    shape, moving = last.shape, known.keys() | {storage_of(t) for c in kept for t in c.results}
    kept = [c.on(lambda t: t if storage_of(t) in moving else _as_number(t)) for c in kept]
    tensors = [t for c in kept for t in (*c.inputs, *c.results)]
    whole = all(t.ndim == 0 or (t.shape == shape and storage_of(t) in moving) for t in tensors)
    fewer = any(max(map(Tensor.dim, c.inputs), default=0) > c.results[0].ndim for c in kept if c.results)
    own = {storage_of(t) for c in kept for t in c.results if not c.written} - fixed
    spoiled = any(t.shape != shape or not t.is_contiguous() or storage_of(t) not in own for t in written)
    if not whole or fewer or spoiled or any(c.random for c in kept):
        raise NotStackable(NO_FUNCTION)
    return Recipe(kept, known)


def _as_number(constant: Tensor) -> Tensor:
    """One number in place of many alike, as ``torch.zeros_like`` makes them: it fits any shape."""
    if constant.ndim and constant.numel() and bool((constant == constant.flatten()[0]).all()):
        return constant.flatten()[0]
    return constant


def _run(call: Call, memory: Callable[[Tensor], Tensor]) -> Run:
    arguments, options = replaced(call.arguments, memory), replaced(call.options, memory)
    if call.written:  # memory that an operation before it has made
        return partial(unchecked(call.operation), *arguments, **options)
    targets = [memory(t) for t in call.results]
    return writing(call.operation, arguments, options, targets, trying=False)
