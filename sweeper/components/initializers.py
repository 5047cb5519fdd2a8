"""Initial weights: each function initialises every weight matrix in a module, in module order.

Only linear and convolution layers are touched; biases become 0. Recurrent layers, norms and PReLU
slopes keep the values that torch gives them.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn


def torch_default(module: nn.Module) -> None:
    """The weights that the layers were made with; torch draws them uniformly, variance 1 / (3·fan_in)."""


def fill_weights(module: nn.Module, fill: Callable[[Tensor], object]) -> None:
    """`fill` each weight, in module order; biases become 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            fill(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def he(module: nn.Module) -> None:
    """Normal, variance 2 / fan_in (He et al. 2015, arXiv 1502.01852): keeps the signal of ReLU layers."""
    fill_weights(module, partial(nn.init.kaiming_normal_, nonlinearity="relu"))


def xavier(module: nn.Module) -> None:
    """Normal, variance 2 / (fan_in + fan_out) (Glorot and Bengio 2010): for tanh-like activations."""
    fill_weights(module, nn.init.xavier_normal_)


def lecun(module: nn.Module) -> None:
    """Normal, variance 1 / fan_in (LeCun et al. 1998): what SELU was derived for."""
    fill_weights(module, partial(nn.init.kaiming_normal_, nonlinearity="linear"))


def orthogonal(module: nn.Module) -> None:
    """Random (semi-)orthogonal matrices, gain 1 (Saxe et al. 2013, arXiv 1312.6120)."""
    fill_weights(module, nn.init.orthogonal_)


INITIALIZERS: dict[str, Callable[[nn.Module], None]] = {
    "torch": torch_default,
    "he": he,
    "xavier": xavier,
    "lecun": lecun,
    "orthogonal": orthogonal,
}

VARIANCES: dict[str, Callable[[int, int], tuple[float, float]]] = {
    "torch": lambda fan_in, fan_out: (1 / 3, 1 / (3 * fan_in)),  # both uniform
    "he": lambda fan_in, fan_out: (2.0, 0.0),
    "xavier": lambda fan_in, fan_out: (2 * fan_in / (fan_in + fan_out), 0.0),
    "lecun": lambda fan_in, fan_out: (1.0, 0.0),
    "orthogonal": lambda fan_in, fan_out: (min(1.0, fan_in / fan_out), 0.0),
}
"""(fan_in, fan_out) of a linear layer -> fan_in × the variance of a weight, and the variance of a bias.

Theory predicts nothing for an initializer that has no line here.
"""
