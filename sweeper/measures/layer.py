"""What the measures of one layer are computed from."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Layer:
    """One layer at one moment, on a fixed evaluation batch of `n` rows; ``None`` where it has no such part.

    In a training that diverges, values may be infinite or NaN: a measure gives NaN then, and raises nothing.

    The output layer has weights and no activation; before the first update there is no `weight_before`.
    """

    activation: Tensor | None = None
    """Output a of the activation, shape (n, units) or (n, channels, h, w) or (n, time, units)."""
    activation_gradient: Tensor | None = None
    """dL/da of the mean loss L (without the penalty), shape of `activation`."""
    derivative: Tensor | None = None
    """φ′(z) at the pre-activation z, shape of `activation`."""
    steepest: Tensor | None = None
    """max |φ′| of the activation, scalar."""
    weight: Tensor | None = None
    """All weight matrices of the layer, flat."""
    weight_gradient: Tensor | None = None
    """dL/dW, shape of `weight`."""
    weight_before: Tensor | None = None
    """The weights before the last update, shape of `weight`."""
