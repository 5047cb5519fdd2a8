"""Norm of the loss gradient with respect to the layer's weights."""

import torch
from torch import Tensor

from sweeper.measures.layer import Layer


def weight_gradient_norm(layer: Layer) -> Tensor | None:
    """‖dL/dW‖₂ (Frobenius) on the evaluation batch."""
    if layer.weight_gradient is None:
        return None
    return torch.linalg.vector_norm(layer.weight_gradient)
