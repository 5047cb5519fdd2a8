"""Which figures the page can exchange for charts that are explored, and how the charts lie in its text."""

from collections.abc import Mapping
from typing import Any

from sweeper.to_json import to_json

CHARTS: Mapping[str, str] = {"learning_rate": "rates", "convergence": "curves", "parallel": "settings"}
"""Figure -> the chart that it can be exchanged for."""
OPENED = ("convergence", "parallel")
"""Figures in whose place the chart stands from the start: single lines cannot be told apart there."""


def as_script(found: Mapping[str, Any]) -> str:
    """JSON for an element that no browser runs: nothing in it ends the element."""
    return to_json(found, indent=None).replace("<", "\\u003c")
