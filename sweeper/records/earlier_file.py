"""``earlier.json``: the trials that a run took over from an earlier one. A run that goes on keeps to them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.records.finding import Finding
from sweeper.records.json_file import read_json, write_json
from sweeper.trial import Outcome

NAME = "earlier.json"


def read_earlier(folder: Path) -> tuple[dict[str, Any] | None, Finding | None]:
    """What the run in `folder` took over, or what is wrong with the file."""
    return read_json(folder / NAME, _is_earlier)


def write_earlier(folder: Path, content: Mapping[str, Any]) -> None:
    """Keep it; it replaces what was there."""
    write_json(folder / NAME, content)


def _is_earlier(content: dict[str, Any]) -> bool:
    outcomes = {str(outcome) for outcome in Outcome}
    return (
        isinstance(content["run"], str)
        and isinstance(content["of"], int)
        and isinstance(content.get("failed"), int | None)
        and all(
            isinstance(row["parameters"], dict) and row["outcome"] in outcomes for row in content["trials"]
        )
    )
