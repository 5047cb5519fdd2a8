"""How far an effect of the activation penalty can go, and from where on it is a large one."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from sweeper.answer.bounds import CUT_OFF, range_of, which_cut
from sweeper.questions.penalty_contrasts import objective_name, penalty_data
from sweeper.questions.run_data import RunData

LARGE = 0.2
"""Relative change from which an effect counts as large; of other changes, the share of `scales`."""
ENDS = {"sparsity": (0.0, 1.0), "activation_size": (0.0, math.inf)}
"""The lowest and the highest value of what is no score."""
NO_FURTHER = " [it can go no further]"
"""`CUT_OFF` of what is no score."""
Ends = tuple[float, float]
Numbers = tuple[float, float, float]


def ends_of(run: RunData, quantity: str) -> Ends:
    """The lowest and the highest value that a quantity can have."""
    return ENDS[quantity] if quantity in ENDS else range_of(quantity, run.ranked.least_loss)


def in_logarithms(ends: Ends) -> Ends:
    """Those of its logarithm."""
    low, high = (math.log(end) if end > 0 else -math.inf for end in ends)
    return low, high


def cut(numbers: Numbers, room: Ends) -> tuple[Numbers, str]:
    """An effect and its interval, whose ends reach no further than there is `room` on either side of 0.

    Second, which ends were cut. The effect itself stays inside.
    """
    effect, low, high = numbers
    kept = max(low, min(room[0], effect)), min(high, max(room[1], effect))
    return (effect, *kept), which_cut((low, high), kept)


def mark(quantity: str) -> str:
    """What is said beside an end that was cut."""
    return NO_FURTHER if quantity in ENDS else CUT_OFF


def scales(run: RunData) -> Mapping[str, float]:
    """Quantity -> what its changes are measured by where these are no shares of it.

    Of the objective, the way from guessing to its best value where both are known; else, as of all others,
    the way from the lowest to the highest of the trials.
    """
    data = penalty_data(run)
    numbers = data.select_dtypes("number")
    spread = {str(name): float(np.ptp(values)) for name in numbers if len(values := _finite(numbers[name]))}
    baseline = None if run.answer is None else run.answer.baseline
    best = range_of(run.objective, run.ranked.least_loss)[run.ranked.highest]
    way = abs(best - baseline.of_search) if baseline is not None else math.nan
    return spread | ({objective_name(run): way} if math.isfinite(way) and way > 0 else {})


def _finite(values: "pd.Series[float]") -> "pd.Series[float]":
    return values[np.isfinite(values.astype(float))]
