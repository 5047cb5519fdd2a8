"""Study files as they are written: parsed, not yet checked."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.errors import Mistake, StudyError, UserError, did_you_mean
from sweeper.study.explain import SECTIONS
from sweeper.study.find import find
from sweeper.study.limits import MAX_DEPTH, beyond_limits
from sweeper.study.override import apply

ARGUMENTS = ("file", "folder", "trusted")
"""Keys that no study file has; `Study` would take them for arguments of its own."""
MAX_BYTES = 2_000_000
"""A study file is what a person reads."""
DEEP_KEY = re.compile(
    rf"""(?m)(?:^|[\[{{,])[ \t]*(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MAX_DEPTH + 1}}}"""
)
"""A dotted key of so many parts that `tomllib` would take long over it."""


@dataclass(frozen=True)
class Written:
    """What a study file says, overrides applied, before it is checked."""

    file: str
    """As messages name it"""
    folder: Path
    values: Mapping[str, Any]
    mistakes: tuple[Mistake, ...]
    """Keys that are left out"""


def read(path: str | Path, overrides: tuple[str, ...] = ()) -> Written:
    """A file, or a built-in study by its name, with ``key=value`` overrides.

    Raises:
        UserError: if there is no such study, or the file is not TOML.
        StudyError: if it is too large or nested too deeply.
    """
    file = find(path)
    raw = read_toml(file)
    called = str(path) if Path(path).suffix else str(file.name)
    if beyond := beyond_limits(raw):
        raise StudyError(called, beyond)
    apply(raw, overrides)
    hints = {key: did_you_mean(key, ["name", "question", *SECTIONS]) for key in ARGUMENTS if key in raw}
    mistakes = [Mistake(key, f"unknown key; {hint}", raw.pop(key)) for key, hint in hints.items()]
    return Written(called, file.resolve().parent, raw, tuple(mistakes))


def read_toml(file: Path) -> dict[str, Any]:
    """The file's content; a syntax error becomes one clear message with its line."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{file}: larger than {MAX_BYTES:,} bytes, too large for a study file")
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if deep := DEEP_KEY.search(text):
            line = 1 + text.count("\n", 0, deep.end())
            raise UserError(f"{file}: line {line}: a key has more than {MAX_DEPTH} parts")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not a valid TOML file: {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not a UTF-8 text file (byte {error.start}); save it in UTF-8") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        raise UserError(f"{file}: too long a number, or too deeply nested") from None
