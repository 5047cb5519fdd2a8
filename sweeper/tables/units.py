"""Saturated and dead units by layer."""

import pandas as pd

from sweeper.tables.layer_profile import layer_profile
from sweeper.tables.source import Source, once


@once
def units(source: Source) -> pd.DataFrame:
    """`layer_profile` of the shares `saturated` and `dead`, both in [0, 1]; see `sweeper.measures`."""
    return layer_profile(source, ("saturated", "dead"))
