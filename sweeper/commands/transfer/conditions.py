"""What all trainings of a transfer have in common, and what was asked of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any


class Purpose(StrEnum):
    """What the command that goes on is for."""

    TRAIN_AT_SIZE = auto()
    """At the size asked for, with the rates that are predicted."""
    GO_BEYOND_EDGE = auto()
    """The same transfer with rates beyond those that the best ones lie at the edge of."""
    MORE_SEEDS = auto()
    """The same transfer with more seeds."""
    ADVICE = auto()
    """What keeps the model from learning."""


@dataclass(frozen=True)
class NextCommand:
    """The command that goes on from a transfer, and what it is for."""

    purpose: Purpose
    command: str


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
    next: NextCommand
    """The command that goes on from here; in JSON without what it is for."""
