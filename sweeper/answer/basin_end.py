"""Where the basin of an optimizer ends: the learning rates beyond which costs rise."""

import math
from typing import Any

import numpy as np
import pandas as pd

from sweeper.statistics.trend import rises
from sweeper.wording import count, every, number

WITHIN = 0.1
"""A cost is as good as the best ℓ* up to ℓ* + 0.1·min(|ℓ*|, ℓ0 − ℓ*), where guessing costs ℓ0."""
REACH = 0.1
"""Decades beyond the last good rate that trials must reach to show that a basin ends there."""


def as_good_as(best: float, guess: float = math.inf) -> float:
    """The highest cost that counts as as good as the best one, see `WITHIN`; `guess` where it is known."""
    return best + WITHIN * (guess - best if is_by_gain(best, guess) else abs(best))


def is_by_gain(best: float, guess: float) -> bool:
    """Whether 10 % are those of the gain over guessing: of the cost itself they would be more."""
    return 0 < guess - best < abs(best)


def ends_before(tried: pd.DataFrame, best: "pd.Series[Any]", side: str) -> str:
    """Whether the basin of an optimizer ends before the bound at `side`, in words; empty where it does not.

    It does where two trials or more lie beyond the outermost rate that is as good as the best one
    (`as_good_as`), one of them by `REACH`: each of them diverged or is worse. And where the trials beyond
    the best one score worse the nearer they lie to the bound (`rises`), however little that is.

    Args:
        tried: all trials that drew from the range.
        best: of the optimizer of the best trial near the bound, the best trial anywhere. Each optimizer has
            rates of its own.
        side: low | high.
    """
    own = tried[(tried["optimizer"] == best["optimizer"]) & (tried["outcome"] != "failed")]
    sign, side_of = (1.0, "above") if side == "high" else (-1.0, "below")
    rates, costs = sign * own["learning_rate"].to_numpy(float), own["objective"].to_numpy(float)
    several = f" with {best['optimizer']}" if tried["optimizer"].nunique() > 1 else ""
    last = rates[costs <= as_good_as(float(best["objective"]))].max()
    if (beyond := int((rates > last).sum())) >= 2 and _apart(last, rates.max()) >= REACH:
        return f"{every(beyond, 'trial')}{several} {side_of} {number(sign * last)} did worse in the search"
    own_rate = sign * float(best["learning_rate"])
    farther = rates > own_rate
    if rises(rates[farther], np.nan_to_num(costs[farther], nan=math.inf)):
        scored = f"the {count(int(farther.sum()), 'trial')}{several} {side_of} {number(sign * own_rate)}"
        return f"{scored}, the rate of the best one, tend to do worse the nearer they lie to it"
    return ""


def _apart(one: float, other: float) -> float:
    """Decades between two rates of one sign; infinite to 0."""
    return abs(math.log10(one / other)) if one * other > 0 else math.inf
