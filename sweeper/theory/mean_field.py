"""Mean-field theory of wide random networks: how signals grow on the way in, gradients on the way back.

Weights of variance σw²/fan_in and biases of variance σb² turn pre-activations of variance q into ones of
variance σw² E[φ(√q z)²] + σb², z ~ N(0, 1), and multiply the variance of the gradient, layer by layer on
its way back, by χ = σw² E[φ′(√q z)²]; its norm by √χ. χ < 1 vanishes, χ > 1 explodes (Poole et al. 2016,
arXiv 1606.05340; Schoenholz et al. 2017, arXiv 1611.01232). Exact for infinite width; `log_variance_spread`
says how far finite networks scatter. φ′ is what backpropagation uses: a jump of φ counts nothing.

An activation is a name in `ACTIVATIONS`, a module, a function of tensors, or what `scalar` makes of these:
make it once where many numbers are computed.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import brentq
from torch import Tensor

from sweeper.components.initializers import VARIANCES
from sweeper.errors import UserError, did_you_mean
from sweeper.theory.scalar import LARGEST_DEVIATION, Scalar, scalar

Activation = Scalar | str | Callable[[Tensor], Tensor]

ROUNDING = 1e-10
"""Relative change of a variance that is none."""
_POWERS = 2.0 ** torch.arange(61, dtype=torch.float64)


@dataclass(frozen=True)
class Propagation:
    """What a deep network of one activation and one initialisation tends to."""

    q: float
    """Fixed point q* of the length map; 0 when signals die out, inf when they grow for ever."""
    chi: float
    """χ at q*: factor per layer on the variance of the gradient."""

    @property
    def depth_scale(self) -> float:
        """Layers over which the variance of the gradient changes by a factor e."""
        return depth_scale(self.chi)


def propagation(activation: Activation, sigma_w2: float, sigma_b2: float = 0.0) -> Propagation:
    """q* and χ(q*), starting from pre-activations of variance 1."""
    phi = scalar(activation)
    q = fixed_point(phi, sigma_w2, sigma_b2)
    return Propagation(q, chi(phi, q, sigma_w2))


def length_map(activation: Activation, q: float, sigma_w2: float, sigma_b2: float = 0.0) -> float:
    """Variance of the next layer's pre-activations: σw² E[φ(√q z)²] + σb²."""
    return sigma_w2 * scalar(activation).second_moment(q).item() + sigma_b2


def chi(activation: Activation, q: float, sigma_w2: float) -> float:
    """σw² E[φ′(√q z)²]; at q = 0 and q = inf the limits, inf where φ′ has no bound."""
    value = sigma_w2 * scalar(activation).slope_second_moment(q).item()
    return math.inf if math.isinf(q) and value > LARGEST_DEVIATION else value


def depth_scale(chi: float) -> float:
    """1/|ln χ| layers; inf at χ = 1, 0 at χ = 0."""
    if chi == 0:
        return 0.0
    return math.inf if chi == 1 else 1 / abs(math.log(chi))


def fixed_point(activation: Activation, sigma_w2: float, sigma_b2: float = 0.0, start: float = 1.0) -> float:
    """q* that layer after layer tends to from q = `start` > 0: the nearest root in the direction it moves.

    That is where it ends since E[φ(√q z)²] rises with q, for every activation of the catalogue. 0 and inf
    are possible; where `start` itself stays, as any q does for ReLU with σw² = 2, it is `start`.
    """
    phi = scalar(activation)

    def growth(q: Tensor) -> Tensor:
        return (sigma_w2 * phi.second_moment(q) + sigma_b2) / q - 1

    first = growth(torch.tensor(start, dtype=torch.float64)).item()
    if abs(first) <= ROUNDING:
        return start
    tried = start * _POWERS if first > 0 else start / _POWERS
    ends = _rises_through_0(growth(tried) * -math.copysign(1, first))
    if ends is None:
        return math.inf if first > 0 else 0.0
    return _root(growth, *tried[ends].tolist())


def _rises_through_0(values: Tensor) -> Tensor | None:
    """Indices of the first values below and above 0 with nothing but rounding in between."""
    clear = (values.abs() > ROUNDING).nonzero().flatten()
    below = values[clear] < 0
    rises = (below[:-1] & ~below[1:]).nonzero().flatten()
    return clear[rises[0] : rises[0] + 2] if len(rises) else None


def _root(f: Callable[[Tensor], Tensor], one: float, other: float) -> float:
    def at(q: float) -> float:
        return f(torch.tensor(q, dtype=torch.float64)).item()

    return float(brentq(at, one, other, xtol=1e-14 * min(one, other), rtol=1e-14))


def initial_variances(init: str, fan_in: int, fan_out: int) -> tuple[float, float]:
    """(σw², σb²) of a linear layer as the initializer leaves it: fan_in × the variance of a weight, and the
    variance of a bias.

    Raises:
        UserError: if they are not known.
    """
    if init not in VARIANCES:
        raise UserError(f"no theory for initializer {init!r}; {did_you_mean(init, list(VARIANCES))}")
    return VARIANCES[init](fan_in, fan_out)


def network_variances(init: str, widths: Sequence[int]) -> list[tuple[float, float]]:
    """(σw², σb²) into each hidden layer of an MLP; `widths` = (input features, units of layer 0, 1, …)."""
    return [initial_variances(init, fan_in, fan_out) for fan_in, fan_out in pairwise(widths)]


def predicted_lengths(
    activation: Activation, variances: Sequence[tuple[float, float]], q_input: float = 1.0
) -> np.ndarray:
    """Variance q of the pre-activations of each hidden layer, input side first.

    Args:
        activation: φ after every hidden layer.
        variances: (σw², σb²) into each hidden layer, as `network_variances` gives them.
        q_input: mean square of the input features; 1 for standardised ones.
    """
    phi = scalar(activation)
    lengths: list[float] = []
    square = q_input
    for sigma_w2, sigma_b2 in variances:
        lengths.append(sigma_w2 * square + sigma_b2)
        square = phi.second_moment(lengths[-1]).item()
    return np.array(lengths)


def predicted_profile(
    activation: Activation, variances: Sequence[tuple[float, float]], q_input: float = 1.0
) -> np.ndarray:
    """Norm of the gradient at the activations of each hidden layer, over that of the last one, which is 1.

    From layer l + 1 to layer l the squared norm is multiplied by σw² E[φ′(√q z)²], all three of layer l + 1;
    q is followed layer by layer and need not have reached its fixed point. σw² counts fan_in, so this holds
    for norms also where widths differ (variances per unit would count fan_out).

    Arguments as in `predicted_lengths`.
    """
    phi = scalar(activation)
    lengths = torch.from_numpy(predicted_lengths(phi, variances, q_input))
    factors = phi.slope_second_moment(lengths).numpy() * np.array([sigma_w2 for sigma_w2, _ in variances])
    return np.sqrt(np.append(np.cumprod(factors[:0:-1])[::-1], 1.0))


def log_variance_spread(depth: int, width: int) -> float:
    """Standard deviation over random networks of ln ‖gradient‖² after `depth` ReLU layers with He weights.

    √(5·depth/width), for one input and depth well below width; the mean is −5·depth/(2·width) (Hanin and Nica
    2018, arXiv 1812.05994).
    """
    return math.sqrt(5 * depth / width)


def born_dead_probability(width: int, depth: int) -> float:
    """Probability that a ReLU network with one nonzero input and no bias is constant from the start.

    1 − (1 − 2^−N)^L for L layers of N units, symmetric weights: some layer has no unit above 0 (Lu et al.
    2019, arXiv 1903.06733).
    """
    return -math.expm1(depth * math.log1p(-(2.0**-width)))
