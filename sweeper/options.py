"""How to run a study, as opposed to what it asks."""

import sys
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.printable import printable
from sweeper.trial import TrialResult


class Folder:
    """A field that takes text as a path too; unless given, it is a folder of its own name."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object | None, owner: type) -> Path:
        usual = Path(self._name)
        return usual if instance is None else vars(instance).get(self._name, usual)

    def __set__(self, instance: object, value: str | Path) -> None:
        vars(instance)[self._name] = Path(value)


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes a number."""

    runs: Folder = Folder()
    reports: Folder = Folder()
    jobs: int | None = None
    """Worker processes; ``None``: one per core."""
    storage: str | None = field(default=None, repr=False)
    """Optuna storage URL; ``None``: the journal file of the run folder."""
    fresh: bool = False
    quiet: bool = False
    engine: str = "auto"
    """auto | fused | reference"""
    earlier: str | None = None
    """A run, by name or folder, whose trials inform the sampler, or STORAGE#NAME of Optuna; this alone
    changes numbers."""
    pool: str | Executor = "local"
    """Where trials run: as ``--pool``, or an executor."""
    on_result: Callable[[TrialResult], object] | None = None
    """Called in this process with each finished trial; what it raises is told, and loses none."""

    def tell(self, line: str) -> None:
        """Print a line on stderr, unless `quiet`."""
        if not self.quiet:
            print(printable(line), file=sys.stderr, flush=True)
