"""Standard deviation of the activations."""

from torch import Tensor

from sweeper.measures.layer import Layer


def activation_std(layer: Layer) -> Tensor | None:
    """sqrt(mean((a − mean(a))²)) over all rows and units (population form, no Bessel correction)."""
    if layer.activation is None:
        return None
    return layer.activation.std(correction=0)
