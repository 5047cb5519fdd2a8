"""What every tool is: a name, the package that it needs, and a function that hands a run over to it."""

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.result import Result

Say = Callable[[str], object]
"""Prints one line."""


@dataclass(frozen=True)
class Tool:
    """Where a run can be exported to."""

    about: str
    """What it writes, for ``--help``."""
    write: Callable[[Result, str | None, Say], None]
    """(run, the argument DIR if it was given, prints where things are)"""
    module: str = ""
    """That must be installed; empty where this package brings all that is needed."""
    extra: str = ""
    """The extra of this package that installs it."""
