"""Share of weights that moved."""

from torch import Tensor

from sweeper.measures.layer import Layer


def moved(layer: Layer) -> Tensor | None:
    """Share of the weights that the last update changed, in [0, 1]"""
    if layer.weight is None or layer.weight_before is None:
        return None
    return (layer.weight != layer.weight_before).to(layer.weight.dtype).mean()
