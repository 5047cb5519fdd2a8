"""``plan.json``: how the trials of a run were trained. A run that goes on keeps to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.records.finding import Finding
from sweeper.records.json_file import read_json, write_json
from sweeper.records.schema import ENGINES

NAME = "plan.json"


def read_plan(folder: Path) -> tuple[dict[str, Any] | None, Finding | None]:
    """The plan of the run in `folder`, or what is wrong with it."""
    return read_json(folder / NAME, _is_plan)


def write_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Keep a plan; it replaces the one before."""
    write_json(folder / NAME, plan)


def _is_plan(content: dict[str, Any]) -> bool:
    counts = [content[name] for name in ("slots", "processes")]
    return (
        isinstance(content["asked"], dict)
        and isinstance(content["line"], str)
        and content["engine"] in ENGINES
        and all(isinstance(count, int) and count > 0 for count in counts)
    )
