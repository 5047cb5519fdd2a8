"""Vanishing and exploding gradients: the norm of the backpropagated signal by layer."""

import numpy as np
import pandas as pd

from sweeper.tables.layer_profile import layer_profile
from sweeper.tables.source import Source, once


@once
def gradients(source: Source) -> pd.DataFrame:
    """`layer_profile` of ‖dL/da‖₂ with `decades_per_layer`, the slope of each line.

    The slope is the least-squares change of log10(median norm) per layer on the way back from the
    output to the input: −0.5 means that the norm shrinks by √10 at each layer (vanishing), above 0
    it grows (exploding). Null for fewer than two layers with a norm above 0.
    """
    frame = layer_profile(source, ("gradient_norm",))
    slopes = [
        (moment, activation, _slope(lines["layer"].to_numpy(float), lines["median"].to_numpy(float)))
        for (moment, activation), lines in frame.groupby(["moment", "activation"], sort=False)
    ]
    found = pd.DataFrame(slopes, columns=["moment", "activation", "decades_per_layer"])
    return frame.merge(found, on=["moment", "activation"], how="left") if len(frame) else frame


def _slope(layers: np.ndarray, norms: np.ndarray) -> float:
    seen = norms > 0
    if seen.sum() < 2:
        return float("nan")
    x, y = layers[seen] - layers[seen].mean(), np.log10(norms[seen])
    return float(-(x @ y) / (x @ x))
