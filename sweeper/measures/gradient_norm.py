"""Norm of the signal that backpropagation brings to the layer's activation."""

import torch
from torch import Tensor

from sweeper.measures.layer import Layer


def gradient_norm(layer: Layer) -> Tensor | None:
    """‖dL/da‖₂ over all rows and units of the evaluation batch, for the mean loss L.

    Unit: loss per activation.
    """
    if layer.activation_gradient is None:
        return None
    return torch.linalg.vector_norm(layer.activation_gradient)
