"""Decades, or parts of them, that values of a logarithmic range fall into."""

import numpy as np
import pandas as pd

CLOSE = 1e-9
"""In parts of a decade: rounding of a bound."""


def part_of(values: "pd.Series[float]", per_decade: int = 1) -> "pd.Series[float]":
    """k of the part 10^(k / n) … 10^((k + 1) / n) of each value, n = `per_decade`; null for 0.

    A largest value at the end of a part belongs to it, if others lie inside: as the upper bound of a range it
    would be alone in the next one, which was not searched. A value of a list that is as far from the one
    before it as a part is wide begins its own.
    """
    places = np.log10(values.astype(float).where(values > 0)) * per_decade
    found, most = np.floor(places + CLOSE), places.max()
    inside = ((places > most - 1 + CLOSE) & (places < most - CLOSE)).any()
    return found - ((found >= most - CLOSE) & inside)
