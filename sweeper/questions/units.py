"""Saturated and dead units before and after training."""

import pandas as pd

from sweeper.questions.layers import layer_profile
from sweeper.questions.run_data import RunData, once

SHARES = ("saturated", "dead")


@once
def units(run: RunData) -> pd.DataFrame:
    """`layer_profile` of the shares `saturated` and `dead`, both in [0, 1]; see `sweeper.measures`."""
    return layer_profile(run, SHARES)
