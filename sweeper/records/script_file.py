"""``best.py`` of a run folder: the script of the winner, made while the run trained, and kept as text.

Making it imports the user's modules, so it is made when the run has just trained with them. Whatever reads
the run later copies the text and runs nothing. Its first line says for which trial and parameters it is.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.printable import printable
from sweeper.records.atomic import write_atomically

NAME = "best.py"
MARK = "# winner: "


@dataclass(frozen=True)
class KeptScript:
    """The script, and what it trains."""

    trial: int
    parameters: Mapping[str, Any]
    text: str
    """The whole file; it ends with `reason` at once where there is no script."""
    reason: str = ""
    """Why no script can be written; empty if there is one."""

    def is_for(self, trial: int, parameters: Mapping[str, Any]) -> bool:
        """Whether it trains this winner."""
        return (self.trial, self.parameters) == (trial, _plain(parameters))


def keep_script(
    folder: Path, trial: int, parameters: Mapping[str, Any], script: str, reason: str = ""
) -> None:
    """Keep the `script` of a winner, or the `reason` why there is none; it replaces the one before."""
    text = no_script(reason) if reason else script
    note = {"trial": trial, "parameters": parameters, "crc32": zlib.crc32(text.encode())}
    note |= {"reason": reason} if reason else {}
    write_atomically(folder / NAME, f"{MARK}{json.dumps(note)}\n{text}")


def load_script(folder: Path) -> KeptScript | None:
    """What is kept in `folder`; ``None`` if nothing is that can be shown as it is."""
    file = folder / NAME
    try:
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        note = json.loads(text.partition("\n")[0].removeprefix(MARK))
        if zlib.crc32(text.partition("\n")[2].encode()) != note["crc32"]:
            return None  # a digit has changed, say
        kept = KeptScript(note["trial"], dict(note["parameters"]), text, str(note.get("reason", "")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # not ours, or damaged: the run makes it again
    return kept if text.startswith(MARK) and printable(text) == text else None


def no_script(reason: str) -> str:
    """A program that says why it is no script."""
    return f"raise SystemExit({f'no script can be written for this run: {reason}'!r})\n"


def _plain(parameters: Mapping[str, Any]) -> Any:
    """As JSON gives them back."""
    return json.loads(json.dumps(parameters))
