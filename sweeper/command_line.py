"""Commands as text that the shell of this system takes back."""

import os
import re
import shlex
import subprocess
from collections.abc import Iterable

PLAIN = re.compile(r"[\w@+=:./\\-]+", re.ASCII)
"""Words that neither ``cmd.exe`` nor PowerShell takes apart."""


def command_line(words: Iterable[str]) -> str:
    """`words` as one line: quoted as POSIX shells want it, or on Windows as programs there split it."""
    return shlex.join(words) if os.name == "posix" else " ".join(map(_for_windows, words))


def _for_windows(word: str) -> str:
    """In double quotes if it is not `PLAIN`: ``cmd.exe`` acts on ``&``, PowerShell on a comma too."""
    if PLAIN.fullmatch(word):
        return word
    # `list2cmdline` quotes a word that has a space; the one put in front goes again, with its quotation mark.
    return '"' + subprocess.list2cmdline([f" {word}"])[2:]
