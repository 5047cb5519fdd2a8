"""What all trainings of a transfer have in common, and what was asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Conditions:
    """Under what a transfer was measured; in JSON these are keys beside the results."""

    study: str
    key: str
    """The dotted key whose value is the size."""
    sizes: Sequence[float]
    to: float
    """The size of which the rate is predicted."""
    check: float | None
    """A size at which the prediction is tested."""
    objective: str
    held: Mapping[str, Any]
    """The configuration, but for size and rate."""
    held_from: str
    """Where that is from, in words."""
    unlike: Sequence[str]
    """In what the study differs from its run, in words."""
    rates: int
    """Learning rates at each size."""
    seeds: int
    """Trainings at each rate."""
    trainings: int
    """Of the rates, all sizes together."""
    lowest_rate: float
    highest_rate: float
    plan: str
    """How they were trained, in a line."""
    next: str
    """The command that goes on from here."""
