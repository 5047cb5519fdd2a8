"""Small JSON files of a run folder. Each carries a checksum, so that a changed digit is noticed."""

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sweeper.records.atomic import write_atomically
from sweeper.records.finding import Finding, unreadable
from sweeper.to_json import to_json

CHECKSUM = "crc32"
"""Key of the checksum; files of earlier releases lack it."""


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Keep `content`; it replaces what was there. What is not finite becomes null.

    Raises:
        OSError: if it cannot be written.
    """
    plain = json.loads(to_json(content))
    write_atomically(file, to_json({**plain, CHECKSUM: _checksum(plain)}, indent=1))


def read_json(
    file: Path, is_sound: Callable[[dict[str, Any]], bool]
) -> tuple[dict[str, Any] | None, Finding | None]:
    """What is in `file`, or what is wrong with it; neither if there is no such file."""
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None, Finding(file, "leads nowhere") if file.is_symlink() else None
    except OSError as error:
        return None, Finding(file, unreadable(error))
    except (ValueError, RecursionError):
        return None, Finding(file, "is incomplete or not JSON")
    if not isinstance(content, dict):
        return None, Finding(file, "holds something else")
    noted = content.pop(CHECKSUM, None)
    if noted is not None and noted != _checksum(content):
        return None, Finding(file, "has changed since it was written")
    try:
        sound = is_sound(content)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
        sound = False
    return (content, None) if sound else (None, Finding(file, "holds something else"))


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
