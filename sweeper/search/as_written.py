"""Whether trials in Optuna's storage are as they were written: each carries a checksum of its own.

A changed digit in the journal file is valid JSON. The records count, not the journal; but dashboards and
other readers of Optuna would show other numbers than the report.
"""

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.records.damage import Damage
from sweeper.wording import exact

CHECKSUM = "crc32"
"""User attribute of a trial; those of earlier releases lack it."""
OWN = ("phase", "outcome", "parameters", "reason")
"""User attributes that are checked; others may add more."""
CREATE_TRIAL = 4
"""Optuna's code of the operation."""
SHOWN = 5


def checksum(
    state: int, value: float | None, curve: Mapping[Any, float], attributes: Mapping[str, Any]
) -> int:
    """Of all that a finished trial says; numbers to 12 digits, as not every database keeps more."""
    written = [
        state,
        _digits(value),
        sorted((int(step), _digits(each)) for step, each in curve.items()),
        [str(attributes.get(name, "")) for name in OWN],
    ]
    return zlib.crc32(json.dumps(written).encode())


def journal_findings(path: Path) -> tuple[Damage, ...]:
    """What is wrong with lines of a journal file, if it is there; a last line may be under way."""
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError:  # the next run says so, and writes it anew
        return ()
    changed: list[int] = []
    counts: dict[Any, int] = {}
    for line_number, line in enumerate(lines, 1):
        try:
            log = json.loads(line)
            if log["op_code"] != CREATE_TRIAL:
                continue
            study = log["study_id"]
            number = counts[study] = counts.get(study, -1) + 1
            known = log.get("user_attrs", {})
            given = (log["state"], log.get("value"), log.get("intermediate_values") or {}, known)
            if CHECKSUM in known and known[CHECKSUM] != checksum(*given):
                changed.append(number)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return (_finding(path, f"line {line_number} was not written by Optuna"),)
    return (_finding(path, f"{_listed(changed)} not as written"),) if changed else ()


def _finding(path: Path, problem: str) -> Damage:
    return Damage(path, problem, "the records count; the next run writes it anew from them")


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"trial {numbers[0]} is"
    more = len(numbers) - SHOWN
    return f"trials {', '.join(map(str, numbers[:SHOWN]))}{f' and {more} more' if more > 0 else ''} are"


def _digits(value: float | None) -> str:
    return "" if value is None or math.isnan(value) else exact(value)
