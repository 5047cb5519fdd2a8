"""Standard deviation of the activations."""

import torch
from torch import Tensor

from sweeper.measures.layer import Layer


def activation_std(layer: Layer) -> Tensor | None:
    """sqrt(mean((a − mean(a))²)) over all rows and units (population form, no Bessel correction)."""
    if layer.activation is None:
        return None
    # Many times as fast as `std`, which updates mean and variance number by number.
    deviations = layer.activation - layer.activation.mean()
    return torch.linalg.vector_norm(deviations) / deviations.numel() ** 0.5
