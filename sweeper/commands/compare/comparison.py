"""Two runs beside each other, and what their comparison found."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from sweeper.answer.claims import HOLLOW
from sweeper.answer.ranked import Ranked
from sweeper.commands.compare.pairing import Run
from sweeper.commands.compare.winners import Compared


@dataclass(frozen=True)
class Comparison:
    """Two runs, what their comparison found, and the tables of it."""

    a: Run
    b: Run
    found: Compared
    tables: Mapping[str, pd.DataFrame]

    @property
    def ranked(self) -> Ranked:
        """What ranks trials in both."""
        return Ranked(self.a.study.objective)

    @property
    def hollow(self) -> tuple[Run, ...]:
        """Runs whose answer is not worth comparing: both, or the one that came out better; then nothing is
        called better."""
        weak = [run for run in (self.a, self.b) if run.answer.standing in HOLLOW]
        ahead = {"a": self.a, "b": self.b}.get(self.found.verdict)
        return tuple(weak) if len(weak) == 2 else tuple(run for run in weak if run is ahead)

    @property
    def seeds(self) -> tuple[int, int]:
        """Fresh seeds that each winner completed."""
        return self.a.completed, self.b.completed
