"""Study files as they are written: found by path or by the name of a built-in study, and read."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.data.files import what_lies_at
from sweeper.errors import Mistake, StudyError, UserError, did_you_mean, shown
from sweeper.study.builtin import builtin_studies
from sweeper.study.explain import SECTIONS
from sweeper.study.limits import MAX_DEPTH, beyond_limits
from sweeper.study.override import apply

ARGUMENTS = ("file", "folder", "trusted")
"""Keys that no study file has; `Study` would take them for arguments of its own."""
MAX_BYTES = 2_000_000
"""A study file is what a person reads."""
MODULE = re.compile(rb"\w:[^\W\d]")
"""The middle of ``package.module:function``."""
DEVICE = re.compile(r"""\bdevice["']?\s*=\s*["']?(auto|cpu|mps|cuda(?::\d+)?)\b""")
"""``training.device`` in a file or an override."""
DEEP_KEY = re.compile(rf"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MAX_DEPTH + 1}}}""")
"""A dotted key that takes `tomllib` long, the longer the worse."""


@dataclass(frozen=True)
class Written:
    """What a study file says, overrides applied, before anybody has looked whether it is right."""

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
        StudyError: if it is beyond all limits.
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


def names_code(path: str | Path, overrides: Iterable[str] = ()) -> bool:
    """Whether a module of the user may have to be imported for this study; sometimes true where it has not.

    Raises:
        UserError: if there is no such study.
    """
    texts = [find(path).read_bytes(), *(each.encode("utf-8", "replace") for each in overrides)]
    return any(MODULE.search(text) for text in texts)


def written_device(path: str | Path, overrides: Iterable[str] = ()) -> str:
    """``training.device`` as it is written, before anything is checked; ``auto`` where it is not.

    Raises:
        UserError: if there is no such study.
    """
    texts = [find(path).read_text(encoding="utf-8", errors="replace"), *overrides]
    return next((match[1] for text in reversed(texts) if (match := DEVICE.search(text))), "auto")


def find(path: str | Path) -> Path:
    """The file that `path` names: a path first, then a built-in study."""
    what = what_lies_at(Path(path))
    if what == "file":
        return Path(path)
    builtin = builtin_studies()
    if str(path) in builtin:
        return builtin[str(path)]
    if what != "nothing":
        raise UserError(
            f"study {shown(str(path))} is {what}; give a .toml file or one of: {', '.join(builtin)}"
        )
    hint = did_you_mean(str(path), list(builtin))
    raise UserError(f"no study {shown(str(path))}: neither a file nor a built-in study; {hint}")


def read_toml(file: Path) -> dict[str, Any]:
    """The file's content; a syntax error becomes one clear message with its line."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{file}: larger than {MAX_BYTES:,} bytes, too large for a study file")
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if DEEP_KEY.search(text):
            raise UserError(f"{file}: a key has more than {MAX_DEPTH} parts")
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not a valid TOML file: {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not a UTF-8 text file (byte {error.start}); save it in UTF-8") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        raise UserError(f"{file}: too long a number, or too deeply nested") from None
