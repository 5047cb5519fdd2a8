"""Whether a study found what it was expected to find.

A check takes the data of a run and its arguments from ``[expect]`` and gives a `CheckResult`. To add one: its
arguments in `sweeper.study.expect`, a function in a file here, a line in `CHECKS`.
"""

from collections.abc import Callable
from typing import Any

from sweeper.questions.checks.better import better, dead_share, lowers, no_worse
from sweeper.questions.checks.rates import near_limit, threshold
from sweeper.questions.checks.slope import slope
from sweeper.questions.checks.verdict import CheckResult
from sweeper.questions.run_data import RunData

__all__ = ["CHECKS"]

CHECKS: dict[str, Callable[[RunData, Any], CheckResult]] = {
    "threshold": threshold,
    "near_limit": near_limit,
    "better": better,
    "no_worse": no_worse,
    "lowers": lowers,
    "dead_share": dead_share,
    "slope": slope,
}
