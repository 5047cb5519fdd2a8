"""Whether a study found what it was expected to find.

A check takes a `Source` and its arguments from ``[expect]`` and gives a `Finding`. To add one: its arguments
in `sweeper.study.expect`, a file here, a line in `CHECKS`.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from sweeper.study.expect import ExpectSection
from sweeper.tables.findings.better import better, no_worse
from sweeper.tables.findings.dead_share import dead_share
from sweeper.tables.findings.finding import CONTRARY, FOUND, NOT_FOUND, Finding
from sweeper.tables.findings.lowers import lowers
from sweeper.tables.findings.near_limit import near_limit
from sweeper.tables.findings.slope import slope
from sweeper.tables.findings.threshold import threshold
from sweeper.tables.source import Source

__all__ = ["CHECKS", "COLUMNS", "CONTRARY", "FOUND", "NOT_FOUND", "Finding", "finding", "finding_of"]

CHECKS: dict[str, Callable[[Source, Any], Finding]] = {
    "threshold": threshold,
    "near_limit": near_limit,
    "better": better,
    "no_worse": no_worse,
    "lowers": lowers,
    "dead_share": dead_share,
    "slope": slope,
}
COLUMNS = ["verdict", "expected", "expected_by", "number", "low", "high", "unit", "basis", "sentence"]


def finding_of(source: Source, expect: ExpectSection) -> Finding | None:
    """The verdict on what was expected; ``None`` where nothing was, or nothing was recorded."""
    arguments = expect.arguments
    if expect.check is None or arguments is None or source.trials.empty:
        return None
    return CHECKS[expect.check](source, arguments)


def finding(source: Source) -> pd.DataFrame:
    """One row, columns as in `COLUMNS`; empty where `finding_of` is ``None``."""
    found = finding_of(source, source.expect)
    if found is None:
        return pd.DataFrame(columns=COLUMNS)
    said = {"expected": source.expect.finding, "expected_by": source.expect.source}
    return pd.DataFrame([{**vars(found), **said}])[COLUMNS]
