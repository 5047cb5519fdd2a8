"""``test.json``: what the winner scored on the test rows."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.records.finding import Finding
from sweeper.records.json_file import read_json, write_json

NAME = "test.json"


def read_test(folder: Path) -> tuple[dict[str, Any] | None, Finding | None]:
    """The winner's scores on the test rows, or what is wrong with their file."""
    return read_json(folder / NAME, _is_test)


def write_test(folder: Path, trial: int, scores: Mapping[int, Mapping[str, float]]) -> None:
    """Keep the winner's scores on the test rows, by seed; a seed whose training failed has none."""
    kept = [dict(score) for score in scores.values() if score]
    write_json(folder / NAME, {"trial": trial, "seeds": list(scores), "scores": kept})


def _is_test(content: dict[str, Any]) -> bool:
    trial, seeds, scores = content["trial"], content["seeds"], content["scores"]
    numbers = [value for score in scores for value in score.values() if value is not None]
    return (
        set(content) == {"trial", "seeds", "scores"}
        and all(isinstance(n, int) and not isinstance(n, bool) for n in (trial, *seeds))
        and len(scores) <= len(seeds)
        and all(isinstance(v, int | float) and not isinstance(v, bool) and not math.isnan(v) for v in numbers)
    )
