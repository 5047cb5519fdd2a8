"""``baselines.json``: what guessing scores on the rows of each seed, and facts about those rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.records.finding import Finding
from sweeper.records.json_file import read_json, write_json

NAME = "baselines.json"
PARTS = ("train", "validation", "test")


def read_baselines(folder: Path) -> tuple[dict[str, Any] | None, Finding | None]:
    """Those of the run in `folder` (none in those of earlier versions), or what is wrong with them."""
    return read_json(folder / NAME, _is_baselines)


def write_baselines(folder: Path, baselines: Mapping[str, Any]) -> None:
    """Keep them; they replace those before."""
    write_json(folder / NAME, baselines)


def _is_baselines(content: dict[str, Any]) -> bool:
    scored = [each.get(part, {}) for each in content["scores"] for part in PARTS]
    counts = [each["rows"] for each in content["few"]] + [content["rows"][part] for part in PARTS]
    return (
        all(isinstance(each["seed"], int) for each in content["scores"])
        and all(isinstance(value, int | float) for part in scored for value in part.values())
        and all(isinstance(count, int) and count >= 0 for count in (*counts, content["labels"]))
        and all(isinstance(each[key], str) for each in content["few"] for key in ("class", "part"))
        and isinstance(content["why"], str)
        and isinstance(content["guess"], str | None)
        and content["rows"]["validation"] > 0
    )
