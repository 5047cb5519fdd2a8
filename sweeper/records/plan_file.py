"""``plan.json``: how the trials of a run were trained. A run that goes on keeps to it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.records.atomic import write_atomically
from sweeper.to_json import to_json

NAME = "plan.json"


def load_plan(folder: Path) -> dict[str, Any] | None:
    """The plan of the run in `folder`, if one was made."""
    file = folder / NAME
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def write_plan(folder: Path, plan: Mapping[str, Any]) -> None:
    """Keep a plan; it replaces the one before."""
    write_atomically(folder / NAME, to_json(plan, indent=1))
