"""Size of one update against the size of the weights."""

import torch
from torch import Tensor

from sweeper.measures.layer import Layer


def update_ratio(layer: Layer) -> Tensor | None:
    """‖W_after − W_before‖₂ / ‖W_before‖₂ of the last update; healthy trainings are often near 1e-3."""
    if layer.weight is None or layer.weight_before is None:
        return None
    change = torch.linalg.vector_norm(layer.weight - layer.weight_before)
    return change / torch.linalg.vector_norm(layer.weight_before)
