"""What is wrong with a file of a run folder, in words; nothing of it is an exception."""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LISTED = 8
"""Findings that are told one by one; of more, the number."""
DAMAGED = {errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENOENT, errno.ENOTDIR, errno.ENXIO}
"""Errors of a file that stays unreadable. Others (of a disk, or too many open files) may pass."""


@dataclass(frozen=True)
class Damage:
    """One file, what is wrong with it, and what was done."""

    file: Path
    problem: str
    done: str = "left out"

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}; {self.done}"


def lines(findings: Sequence[Damage]) -> list[str]:
    """One line for each finding, the last for those beyond `LISTED`."""
    listed = [str(finding) for finding in findings[:LISTED]]
    more = len(findings) - len(listed)
    return [*listed, f"and {more} more files like these"] if more else listed


def unreadable(error: OSError) -> str:
    """Why a file cannot be read, for a `Damage`."""
    return f"cannot be read: {error.strerror or error}"
