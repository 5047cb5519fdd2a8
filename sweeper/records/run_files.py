"""The small JSON files of a run folder. Each carries a checksum, so that a changed digit is noticed."""

import json
import math
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.records.atomic import write_atomically
from sweeper.records.damage import Damage, unreadable
from sweeper.records.schema import ENGINES
from sweeper.split_names import SPLITS
from sweeper.to_json import to_json
from sweeper.trial import Outcome

CHECKSUM = "crc32"
"""Key of the checksum; files of earlier releases lack it."""


@dataclass(frozen=True)
class RunFile:
    """One of them; those that exist are listed below."""

    name: str
    is_sound: Callable[[dict[str, Any]], bool]
    """Whether a content is one; it may raise what a wrong content makes it raise."""

    def read(self, folder: Path) -> tuple[dict[str, Any] | None, Damage | None]:
        """What the run in `folder` keeps, or what is wrong with the file; neither if there is none."""
        return read_json(folder / self.name, self.is_sound)

    def write(self, folder: Path, content: Mapping[str, Any]) -> None:
        """Keep `content`; see `write_json`."""
        write_json(folder / self.name, content)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Keep `content`; it replaces what was there. What is not finite becomes null.

    Raises:
        OSError: if it cannot be written.
    """
    plain = json.loads(to_json(content))
    write_atomically(file, to_json({**plain, CHECKSUM: _checksum(plain)}, indent=1))


def read_json(
    file: Path, is_sound: Callable[[dict[str, Any]], bool]
) -> tuple[dict[str, Any] | None, Damage | None]:
    """What is in `file`, or what is wrong with it; neither if there is no such file."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None, Damage(file, "leads nowhere") if file.is_symlink() else None
    except OSError as error:
        return None, Damage(file, unreadable(error))
    except (ValueError, RecursionError):
        return None, Damage(file, "is incomplete or not JSON")
    if not isinstance(content, dict):
        return None, Damage(file, "holds something else")
    noted = content.pop(CHECKSUM, None)
    if noted is not None and noted != _checksum(content):
        return None, Damage(file, "has changed since it was written")
    try:
        sound = is_sound(content)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        sound = False
    return (content, None) if sound else (None, Damage(file, "holds something else"))


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def _is_plan(content: dict[str, Any]) -> bool:
    counts = [content[name] for name in ("slots", "processes")]
    return (
        isinstance(content["asked"], dict)
        and isinstance(content["line"], str)
        and content["engine"] in ENGINES
        and all(isinstance(count, int) and count > 0 for count in counts)
    )


def _is_baselines(content: dict[str, Any]) -> bool:
    rows = [kept for each in content["scores"] for kept in (each, each.get("drawn", {}))]
    scored = [each.get(part, {}) for each in rows for part in SPLITS]
    counts = [each["rows"] for each in content["few"]] + [content["rows"][part] for part in SPLITS]
    counts += content.get("positives", {}).values()
    return (
        all(isinstance(each["seed"], int) for each in content["scores"])
        and all(isinstance(value, int | float) for part in scored for value in part.values())
        and all(isinstance(count, int) and count >= 0 for count in (*counts, content["labels"]))
        and all(isinstance(each[key], str) for each in content["few"] for key in ("class", "part"))
        and isinstance(content["why"], str)
        and isinstance(content.get("split", ""), str)
        and isinstance(content.get("positive", ""), str)
        and isinstance(content["guess"], str | None)
        and content["rows"]["validation"] > 0
    )


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


def _is_test(content: dict[str, Any]) -> bool:
    trial, seeds, scores = content["trial"], content["seeds"], content["scores"]
    numbers = [value for score in scores for value in score.values() if value is not None]
    return (
        set(content) == {"trial", "seeds", "scores"}
        and all(isinstance(n, int) and not isinstance(n, bool) for n in (trial, *seeds))
        and len(scores) <= len(seeds)
        and all(isinstance(v, int | float) and not isinstance(v, bool) and not math.isnan(v) for v in numbers)
    )


PLAN = RunFile("plan.json", _is_plan)
"""How the trials of a run are trained. A run that goes on keeps to it."""
BASELINES = RunFile("baselines.json", _is_baselines)
"""What guessing scores on the rows of each seed, and facts about those rows."""
EARLIER = RunFile("earlier.json", _is_earlier)
"""The trials that a run took over from an earlier one. A run that goes on keeps to them."""
TEST = RunFile("test.json", _is_test)
"""What the winner scored on the test rows."""


def lost_records(folder: Path, *, any_left: bool) -> Damage | None:
    """That the records of a run are gone; `any_left`: whether they hold a trial.

    A run that has just begun has a folder without any; one that has scored a winner had trials.
    """
    records = folder / "records"
    if not os.path.lexists(records):
        return Damage(records, "is missing") if (folder / "journal.log").exists() else None
    if any_left or not any((folder / name).exists() for name in ("test.json", "best.py")):
        return None
    return Damage(records, "is empty, though the run has a winner")


def keep_wall_time(folder: Path, seconds: float, trainings: int) -> None:
    """Note with the plan how long one call took for so many `trainings`, all that are on record."""
    if (plan := PLAN.read(folder)[0]) is not None:
        PLAN.write(folder, {**plan, "took": {"seconds": seconds, "trainings": trainings}})


def wall_time(plan: Mapping[str, Any] | None, trainings: int) -> float | None:
    """What the `plan` notes of one call that made all `trainings` on record; ``None`` where several did."""
    took = (plan or {}).get("took")
    if not isinstance(took, Mapping) or took.get("trainings") != trainings:
        return None
    seconds = took.get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def write_test(folder: Path, trial: int, scores: Mapping[int, Mapping[str, float]]) -> None:
    """Keep the winner's scores on the test rows, by seed; a seed whose training failed has none."""
    kept = [dict(score) for score in scores.values() if score]
    TEST.write(folder, {"trial": trial, "seeds": list(scores), "scores": kept})
