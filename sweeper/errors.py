"""The exceptions a user can meet, and what their messages are made of.

`UserError` and its children mean that the input is wrong: one clear message, exit code 2, no
traceback, nothing written. `RunFailed` means that the run itself failed: exit code 1.
"""

import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from sweeper.suggestions import suggestion

MAX_MISTAKES = 50
"""Mistakes of one study, or of one key, that a message lists."""
MAX_SHOWN = 200
"""Characters of a value or a name in a message."""
MAX_LISTED = 60
"""Names that a message lists."""


class SweeperError(Exception):
    """Anything the program tells its user without a traceback."""

    exit_code = 1


class RunFailed(SweeperError):
    """The run could not finish, though its input was right."""


class StateKept(RunFailed):
    """The run had to stop in the middle; what is finished is kept, and the same command goes on.

    Its text says so; the command line adds the command.
    """

    def __str__(self) -> str:
        return f"{super().__str__().rstrip('.')}; finished trials are kept"


class UserError(SweeperError):
    """The input is wrong; the message names file, key, value and what is allowed."""

    exit_code = 2


@dataclass(frozen=True)
class Mistake:
    """One wrong entry of a study file."""

    key: str
    """Dotted key, as the user would write it after ``--set``."""
    problem: str
    """What is wrong and what is allowed, in one sentence."""
    value: Any = None
    """The value found there; ``None`` when the key is missing."""

    def __str__(self) -> str:
        value = "" if self.value is None else f" = {shown(self.value)}"
        return f"{shortened(self.key)}{value}: {self.problem}"


class StudyError(UserError):
    """A study file with one or more mistakes; all of them are listed at once."""

    def __init__(self, file: str, mistakes: list[Mistake]) -> None:
        self.file, self.mistakes = file, tuple(mistakes)
        super().__init__(all_mistakes(file, mistakes))

    def __reduce__(self) -> tuple[Any, ...]:
        """It may come from another process."""
        return StudyError, (self.file, list(self.mistakes))


class DataError(UserError):
    """A data source that cannot be read or does not fit the study."""


class ModelError(UserError):
    """A model function that cannot be found, or whose module does not fit data and loss."""


class RunFolderError(UserError):
    """A run folder that is missing, in use, or was written by another study."""


def all_mistakes(file: object, mistakes: Sequence[object]) -> str:
    """One message: how many mistakes a file has, and a line for each of the first `MAX_MISTAKES`."""
    count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
    lines = [f"  {mistake}" for mistake in mistakes[:MAX_MISTAKES]]
    lines += [f"  … and {len(mistakes) - MAX_MISTAKES} more"] * (len(mistakes) > MAX_MISTAKES)
    return "\n".join([f"{file}: {count}", *lines])


def did_you_mean(word: str, allowed: Collection[str]) -> str:
    """``allowed: a, b, c`` with a suggestion in front when `word` is near one, or means the same."""
    meant = suggestion(word, allowed)
    hint = f"did you mean {meant!r}? " if meant else ""
    more = f" … ({len(allowed)} in all)" if len(allowed) > MAX_LISTED else ""
    return f"{hint}allowed: {', '.join(islice(allowed, MAX_LISTED))}{more}"


def shown(value: Any) -> str:
    """`value` for a message, shortened; numbers of thousands of digits have no text."""
    try:
        return shortened(repr([*value] if type(value) is tuple else value))  # as a study file writes it
    except (ValueError, RecursionError):
        return f"a {type(value).__name__} too large to show"


def shortened(text: str) -> str:
    """The beginning of a text that is too long for a message."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} … ({len(text)} characters)"


def first_line(error: BaseException, most: int | None = None) -> str:
    """Of its message, `most` characters of it; the name of its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]


def named_line(error: BaseException, most: int | None = None) -> str:
    """``RuntimeError: the first line``: its kind, too; that alone where it says nothing."""
    kind = type(error).__name__
    return f"{kind}: {first_line(error, most)}" if str(error).strip() else kind


class FileType(StrEnum):
    """What may lie at a path, as messages say it."""

    REGULAR = "a file"
    MISSING = "nothing"
    FOLDER = "a folder"
    SPECIAL = "no regular file but a pipe or a device"


def what_lies_at(path: Path) -> FileType:
    """Only files are ever opened, as a pipe never ends."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # not there, or no name that a file can have
        return FileType.MISSING
    if stat.S_ISREG(mode):
        return FileType.REGULAR
    return FileType.FOLDER if stat.S_ISDIR(mode) else FileType.SPECIAL
