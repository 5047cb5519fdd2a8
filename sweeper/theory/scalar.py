"""An activation as what it is to each unit: a function of one number, computed in float64."""

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from sweeper.components.activations import ACTIVATIONS, Activation, activation_of
from sweeper.errors import UserError, did_you_mean
from sweeper.theory.function_shape import Breaks, Function, find_breaks
from sweeper.user_code.calls import message_of, user_code
from sweeper.user_code.lookup import names_function

END = 12.0
"""The normal density beyond ±12 is below 1e-32."""
_POWERS = 2.0 ** np.arange(-44, 0)
_HALF = np.concatenate([_POWERS, np.arange(1.0, END + 1.0)])
_EDGES = torch.from_numpy(np.concatenate([-_HALF[::-1], [0.0], _HALF]))
MOST_HALVINGS = 6
_NODES, _WEIGHTS = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(16))


def gaussian_mean(f: Callable[[Tensor], Tensor], sigma: Tensor, breaks: Sequence[float] = ()) -> Tensor:
    """E[f(σz)], z ~ N(0, 1), for each standard deviation σ > 0; shape of `sigma`, float64.

    Gauss–Hermite is exact for polynomials, but a kink or a jump costs it all but two digits, and for large σ
    a sigmoid is a step between two of its nodes. So the line is cut into panels with sixteen Gauss–Legendre
    nodes each: at the breaks of f, so that every panel sees a smooth function, and at powers of 2 towards 0,
    so that for any σ a panel is as wide as what f does there. Of a function that turns often, as sin(30x),
    panels are halved until that changes the mean by less than 1e-9 of itself, `MOST_HALVINGS` times at most.

    Args:
        f: elementwise on float64 tensors; smooth but for its `breaks`.
        sigma: standard deviations, any shape.
        breaks: where f or its derivative jumps.
    """
    scale = sigma.to(torch.float64).reshape(-1, 1)
    inner = (torch.tensor(breaks, dtype=torch.float64).reshape(1, -1) / scale).clamp(-END, END)
    edges = torch.cat([_EDGES.expand(len(scale), -1), inner], dim=1).sort(dim=1).values
    mean = _on_panels(f, scale, edges)
    for _ in range(MOST_HALVINGS):
        edges = torch.cat([edges, (edges[:, 1:] + edges[:, :-1]) / 2], dim=1).sort(dim=1).values
        coarser, mean = mean, _on_panels(f, scale, edges)
        if not ((mean - coarser).abs() > 1e-9 * mean.abs() + 1e-15).any():
            return coarser.reshape(sigma.shape)
    return mean.reshape(sigma.shape)


def _on_panels(f: Callable[[Tensor], Tensor], scale: Tensor, edges: Tensor) -> Tensor:
    """The same between `edges` (deviations, panels + 1) of z, for each of `scale` (deviations, 1)."""
    half = edges.diff(dim=1).unsqueeze(-1) / 2
    z = edges[:, :-1, None] + half * (1 + _NODES)
    density = torch.exp(-z.square() / 2) / (2 * torch.pi) ** 0.5
    values = f((scale.unsqueeze(-1) * z).reshape(-1)).reshape(z.shape)
    return (values * density * half * _WEIGHTS).sum(dim=(1, 2))


SMALLEST_DEVIATION, LARGEST_DEVIATION = 1e-12, 1e12
"""What stands for the limits σ → 0 and σ → ∞ of E[f(σz)]."""


def derivative(function: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """φ′(z), elementwise, as backpropagation takes it: by autograd, modules in eval mode; shape of `z`."""
    module = function if isinstance(function, nn.Module) and function.training else None
    if module is not None:
        module.eval()  # RReLU would draw new slopes
    try:
        with torch.enable_grad():
            point = z.detach().requires_grad_()
            (slope,) = torch.autograd.grad(function(point.clone()).sum(), point)
    finally:
        if module is not None:
            module.train()
    return slope


def slope_grid(z: Tensor, *, channels: bool) -> Tensor:
    """Points from −20 to 20, 0.01 apart, (points,); for all `channels` of z (points, channels, 1 …).

    `z`: pre-activations, (rows, channels, …). Of a function that learns, each channel may have its own.
    """
    grid = torch.linspace(-20, 20, 4001, dtype=z.dtype, device=z.device)
    rest = (*z.shape[1:2], *[1] * max(z.ndim - 2, 0)) if channels else ()
    return grid.reshape(-1, *[1] * len(rest)).expand(-1, *rest)


@dataclass(frozen=True)
class Scalar:
    """An elementwise activation φ: R → R, made by `scalar`; `function` takes and returns float64 tensors."""

    name: str
    function: Function
    breaks: Breaks

    def value(self, x: Tensor) -> Tensor:
        """φ(x), shape of `x`."""
        with torch.no_grad():
            return self.function(x)

    def slope(self, x: Tensor) -> Tensor:
        """φ′(x) as backpropagation takes it (at a kink: one of its two slopes), shape of `x`."""
        return derivative(self.function, x)

    def mean(self, q: float | Tensor) -> Tensor:
        """E[φ(√q z)], z ~ N(0, 1), as `second_moment`."""
        return gaussian_mean(self.value, _deviation(q), self.breaks.all)

    def second_moment(self, q: float | Tensor) -> Tensor:
        """E[φ(√q z)²], z ~ N(0, 1), for each variance q ≥ 0 of the pre-activations; shape of `q`."""
        return gaussian_mean(lambda x: self.value(x).square(), _deviation(q), self.breaks.all)

    def slope_second_moment(self, q: float | Tensor) -> Tensor:
        """E[φ′(√q z)²]; at q = 0 and ∞ the limits. Jumps count nothing, as in backpropagation."""
        return gaussian_mean(lambda x: self.slope(x).square(), _deviation(q), self.breaks.all)


def _deviation(q: float | Tensor) -> Tensor:
    return torch.as_tensor(q, dtype=torch.float64).sqrt().clamp(SMALLEST_DEVIATION, LARGEST_DEVIATION)


def scalar(activation: "Scalar | str | Callable[[Tensor], Tensor]") -> Scalar:
    """`activation` ready for computing: a name, ``package.module:Class``, a module or a function of tensors.

    Looking for its breaks takes some milliseconds: to compute many numbers, call this once and pass on
    what it returns. Modules are copied in eval mode (RReLU with its mean slope), with the weights they have.

    Raises:
        UserError: for an unknown name, a function that is not elementwise, or a user's class that fails.
    """
    if isinstance(activation, Scalar):
        return activation
    if isinstance(activation, str):
        return _named(activation)
    if isinstance(activation, nn.Module):
        activation = of_one_unit(copy.deepcopy(activation).double().eval())
    name = getattr(activation, "__name__", type(activation).__name__)
    if not is_elementwise(activation):
        raise UserError(f"{name} is not elementwise: its outputs depend on more than one input each")
    whole = activation  # a name that the checker knows to be a function

    def slope(x: Tensor) -> Tensor:
        return derivative(whole, x)

    with torch.no_grad():
        return Scalar(name, activation, find_breaks(activation, slope))


def of_one_unit(module: nn.Module) -> nn.Module:
    """`module`; what it has for each unit and sizes by its first input (a lazy module) is there for one."""
    lazy = [parameter for parameter in module.parameters() if is_lazy(parameter)]
    if lazy:
        with torch.no_grad():
            module(torch.zeros(1, 1, dtype=lazy[0].dtype))
    return module


def _named(name: str) -> Scalar:
    if name not in ACTIVATIONS and not names_function(name):
        raise UserError(f"no activation {name!r}; {did_you_mean(name, ACTIVATIONS)}")
    return _of_entry(activation_of(name))


@functools.cache
def _of_entry(activation: Activation) -> Scalar:
    if activation.users_class is None:
        return replace(scalar(activation.make()), name=activation.name)
    with computing(activation.name):
        return replace(scalar(activation.make()), name=activation.name)


@contextmanager
def computing(name: str) -> Iterator[None]:
    """Whatever the user's class ``package.module:Class`` raises is a UserError that says so."""
    try:
        with user_code():
            yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{name} cannot be computed with: {message_of(error)}") from error


def is_elementwise(function: Callable[[Tensor], Tensor]) -> bool:
    """Whether output i is the same function of input i alone, for every i; tried on four rows of eight."""
    generator = torch.Generator().manual_seed(0)
    x = 2 * torch.randn(4, 8, dtype=torch.float64, generator=generator)
    try:
        with torch.no_grad():
            together = function(x)
            alone = torch.stack([function(number.reshape(1)).reshape(()) for number in x.flatten()])
    except (RuntimeError, IndexError, ValueError, TypeError):  # it asks for other shapes
        return False
    return together.shape == x.shape and torch.allclose(
        together, alone.reshape(x.shape), rtol=1e-9, atol=1e-12
    )
