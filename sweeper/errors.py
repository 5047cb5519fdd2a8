"""The exceptions a user can meet.

`UserError` and its children mean that the input is wrong: one clear message, exit code 2, no
traceback, nothing written. `RunFailed` means that the run itself failed: exit code 1.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class SweeperError(Exception):
    """Anything the program tells its user without a traceback."""

    exit_code = 1


class RunFailed(SweeperError):
    """The run could not finish, though its input was right."""


class StateKept(RunFailed):
    """The run had to stop in the middle; what is finished is kept, and the same command goes on."""


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
        shown = "" if self.value is None else f" = {self.value!r}"
        return f"{self.key}{shown}: {self.problem}"


class StudyError(UserError):
    """A study file with one or more mistakes; all of them are listed at once."""

    def __init__(self, file: str, mistakes: list[Mistake]) -> None:
        self.file, self.mistakes = file, tuple(mistakes)
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{file}: {count}\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


class DataError(UserError):
    """A data source that cannot be read or does not fit the study."""


class ModelError(UserError):
    """A model function that cannot be found, or whose module does not fit data and loss."""


class RunFolderError(UserError):
    """A run folder that is missing, in use, or was written by another study."""


def did_you_mean(word: str, allowed: list[str]) -> str:
    """``allowed: a, b, c`` with a suggestion in front when one of them is close to `word`."""
    close = get_close_matches(str(word), allowed, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}allowed: {', '.join(allowed)}"
