"""Mean activation."""

from torch import Tensor

from sweeper.measures.layer import Layer


def activation_mean(layer: Layer) -> Tensor | None:
    """mean(a) over all rows and units of the evaluation batch."""
    if layer.activation is None:
        return None
    return layer.activation.mean()
