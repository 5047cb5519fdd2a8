"""Vanishing and exploding gradients: the norm of the backpropagated signal by layer."""

import pandas as pd

from sweeper.tables.gradient_verdicts import gradient_verdicts, norms
from sweeper.tables.source import Source, once

KEYS = ["moment", "activation"]


@once
def gradients(source: Source) -> pd.DataFrame:
    """`norms` with `decades_per_layer`, the slope that `gradient_verdicts` states for moment and activation.

    It is the mean over networks: −0.5 means that the norm shrinks by √10 at each layer on the way back from
    the output to the input (vanishing), above 0 it grows (exploding). Networks that differ among themselves
    may have another mean slope than the line through their medians. Null where no slope can be fitted.
    """
    slopes = gradient_verdicts(source)[[*KEYS, "slope"]].rename(columns={"slope": "decades_per_layer"})
    return norms(source).merge(slopes, on=KEYS, how="left")
