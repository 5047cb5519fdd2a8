"""What became of an expectation: its verdict, the number that decides, and how sure that is."""

import math
from dataclasses import dataclass

from sweeper.wording import interval

FOUND, NOT_FOUND, CONTRARY = "found", "not found", "contrary"
"""The whole 95 % interval on the expected side; on both sides, or no interval; wholly on the other side."""
NOTHING = "nothing"
"""The basis of a verdict where nothing could be measured."""


@dataclass(frozen=True)
class CheckResult:
    """What one check found."""

    verdict: str
    """`FOUND`, `NOT_FOUND` or `CONTRARY`."""
    number: float
    """Null where the records cannot tell."""
    low: float
    high: float
    """95 % interval of the number, or the bracket that holds it; null where there is none."""
    unit: str
    """What the number is, in words."""
    basis: str
    """What it was computed from."""
    sentence: str
    """What was measured, with the numbers; the verdict is not part of it."""


def judge(low: float, high: float, limit: float, *, below: bool) -> str:
    """The verdict on "the number lies below (or above) `limit`" for a number known to lie in low … high."""
    if math.isnan(low) or math.isnan(high):
        return NOT_FOUND
    right, wrong = (high < limit, low > limit) if below else (low > limit, high < limit)
    return FOUND if right else CONTRARY if wrong else NOT_FOUND


def unknown(unit: str, why: str) -> CheckResult:
    """The records cannot tell."""
    return CheckResult(NOT_FOUND, math.nan, math.nan, math.nan, unit, NOTHING, why)


def spread(mean: float, low: float, high: float) -> tuple[str, str]:
    """The mean, and ``−0.03 to 0.02``: all with the decimals of their interval."""
    middle, least, most = interval(mean, low, high)
    return middle, f"{least} to {most}"
