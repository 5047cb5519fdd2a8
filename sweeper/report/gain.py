"""What the sweep gained over the published defaults, in words."""

import math

import pandas as pd

from sweeper.report.doubts import ENOUGH_SEEDS
from sweeper.report.words import count, interval, number, percent
from sweeper.tables.gain import Gain

LABEL = "Over the default"


def power(tied: pd.DataFrame) -> str:
    """``; a difference of 0.02 (8 %) would have been seen``: the largest of those tied with the winner."""
    seen, mean = tied["seen"].iloc[1:].max(), abs(tied["mean"].iloc[0])
    return would_be_seen(seen, seen / mean if mean else math.nan)


def would_be_seen(difference: float, share: float, of: str = "") -> str:
    """A clause on the power of a race; empty where it is not known. `share` is NaN where there is none."""
    if not math.isfinite(difference):
        return ""
    part = f" ({percent(share)}{of})" if math.isfinite(share) else ""
    return f"; a difference of {number(difference)}{part} would have been seen in 80 % of such races"


def gained(found: Gain | None, metric: str) -> tuple[str, str]:
    """Value and meaning of the line on the card."""
    if found is None:
        return "–", "no published default was confirmed, so what the sweep gained is not known"
    name = f"the published default of {found.optimizer}, trial {found.trial}"
    if found.verdict == "winner":
        return "nothing gained", f"{name}, is itself the winner: no other finalist has a lower mean {metric}"
    side = "lower" if found.difference >= 0 else "higher"
    share = abs(found.difference / found.default) if found.default else math.nan
    size = number(abs(found.difference)) + (f" ({percent(share)})" if math.isfinite(share) else "")
    than = f"mean {metric} of the winner than of {name}, {number(found.default)}"
    same = f"on {count(found.seeds, 'fresh seed')} of both"
    ends = ""
    if math.isfinite(found.low):
        _, low, high = interval(found.difference, found.low, found.high)
        ends = f"; interval of the difference {low} to {high}"
    if found.verdict == "fails":
        return f"{size} {side}", f"{than}, {same}{ends}; the default diverged or failed on more seeds"
    if found.verdict == "gained":
        return f"{size} {side}", f"{than}, {same}{ends}"
    if found.seeds < ENOUGH_SEEDS:
        return "not known", f"{size} {side} {than}, {same}: too few seeds to say that it is no luck"
    includes = "includes nothing gained" if not found.low > 0 else "is not far enough from nothing gained"
    why = f"{ends}, which {includes}" if ends else "; too few to know the spread"
    return "nothing shown", f"{size} {side} {than}, {same}{why}"
