"""What one worker trains in one go."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.trial import Trial


@dataclass(frozen=True)
class Cohort:
    """Trials that are handed out together and whose results come back together."""

    trials: tuple[Trial, ...]
    engine: str = "reference"
    """A name in `sweeper.training.work.ENGINES`."""
    slots: int = 1
    """Trials in training at the same time."""
    threads: int = 1
    """Torch threads of the worker."""


def singles(trials: Sequence[Trial]) -> list[Cohort]:
    """Every trial by itself, for the reference engine."""
    return [Cohort((trial,)) for trial in trials]
