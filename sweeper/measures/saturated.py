"""Share of activations on a flat part of the activation function."""

from torch import Tensor

from sweeper.measures.layer import Layer

FLAT = 0.05
"""Saturated means |φ′(z)| below this share of max |φ′|."""


def saturated(layer: Layer) -> Tensor | None:
    """Share of the elements (rows x units) with |φ′(z)| < 0.05 max |φ′|; in [0, 1].

    Defined by the derivative, not by the output, so that it means the same for every activation.
    A fresh ReLU layer has about one half: its negative side is flat.
    """
    if layer.derivative is None or layer.steepest is None:
        return None
    return (layer.derivative.abs() < FLAT * layer.steepest).to(layer.derivative.dtype).mean()
