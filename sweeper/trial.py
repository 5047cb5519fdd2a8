"""What travels through all stages: a trial with its pruning rule, and its result.

The search proposes a `Trial`, the training gives back a `TrialResult`, the records keep it. Plain data.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from itertools import chain, compress, repeat
from typing import Any, TypeVar, cast, overload

import numpy as np

Values = TypeVar("Values", float, np.ndarray)
Row = TypeVar("Row", bound=tuple[Any, ...])
Columns = tuple[tuple[Any, ...], ...]
"""Those between step and value, each as long as there are values."""
Block = tuple[int, Columns, tuple[float, ...]]
"""Step, columns, values."""

MEASURED_ROWS = 128
"""Rows of validation data on which the layers of a trial are measured, at most."""

P_VALUE, FEWEST_PAIRS = 0.05, 6
"""Of the test against the best trial. Five pairs reach p = 1/32 if all are worse; one more leaves room for
noise."""


@dataclass(frozen=True)
class PruningRule:
    """When a trial is given up, by the statistics known when it was handed out.

    Objectives are costs here, see `cost`. A trial is pruned at step `s` when its best objective so far is
    above ``limits[s]`` (halving, median), or when a one-sided Wilcoxon signed-rank test says that its
    objective is larger than `leader`, the curve of the best trial so far, at the same steps.
    """

    limits: Mapping[int, float] = field(default_factory=dict)
    leader: Mapping[int, float] = field(default_factory=dict)
    warm_up: int = 0
    """No pruning before this step."""

    def prunes(self, curve: Mapping[int, float]) -> bool:
        """Whether a trial ends at the last point of its `curve`, step -> objective."""
        if not (curve and (self.limits or self.leader)) or (last := max(curve)) < self.warm_up:
            return False
        limit = self.limits.get(last, np.inf)
        return min(curve.values()) > limit or (bool(self.leader) and self._behind_leader(curve))

    def _behind_leader(self, curve: Mapping[int, float]) -> bool:
        from scipy.stats import wilcoxon  # loaded late: the command line starts without scipy

        differences = np.array([curve[step] - self.leader[step] for step in curve if step in self.leader])
        if len(differences) < FEWEST_PAIRS or not np.any(differences):
            return False
        return bool(wilcoxon(differences, alternative="greater").pvalue < P_VALUE)


@dataclass(frozen=True)
class Trial:
    """One training: a configuration, a seed, and when to give up."""

    number: int
    phase: str
    """explore | exploit | confirm"""
    seed: int
    """Replicate seed: draws initial weights, batch order and, where rows are split at random, which of them
    are for training and which for validation."""
    parameters: Mapping[str, Any]
    """Under their names in the study file, conditional keys resolved (`learning_rate`, `model.depth`)."""
    pruning: PruningRule = PruningRule()
    test: bool = False
    """Score the test rows too, at the evaluation point with the best objective."""
    measured: bool = True
    """Measure its layers, which takes as long as some tens of steps."""


class Outcome(StrEnum):
    """How a trial ended. Divergence is an outcome, never an exception."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"


class Rows(Sequence[Row]):
    """Rows (step, …, value) of a trial in the order in which they were added; equal to the same tuples.

    They are kept step by step, and a row is made when it is asked for: as so many tuples, hundreds a trial,
    they cost the garbage collector and the way from process to process a tenth of a small training.
    """

    __slots__ = ("_blocks",)

    def __init__(self, blocks: Sequence[Block] = ()) -> None:
        self._blocks = list(blocks)

    def add(self, step: int, columns: Columns, values: Sequence[float]) -> None:
        """A row for each of `values` that is finite."""
        if not math.isfinite(sum(values)):  # quick, and nearly always so
            sound = [*map(math.isfinite, values)]
            columns = tuple(tuple(compress(column, sound)) for column in columns)
            values = [*compress(values, sound)]
        self._blocks.append((step, shared(columns), tuple(values)))

    def columns(self, width: int) -> list[list[Any]]:
        """The rows as so many columns: the first is the step, the last one the value."""
        steps = [*chain.from_iterable(repeat(step, len(values)) for step, _, values in self._blocks)]
        values = [*chain.from_iterable(values for _, _, values in self._blocks)]
        kept = [columns for _, columns, _ in self._blocks]
        between = [[*chain.from_iterable(each[k] for each in kept)] for k in range(width - 2)]
        return [steps, *between, values]

    def clear(self) -> None:
        """Forget all rows."""
        self._blocks.clear()

    def __len__(self) -> int:
        return sum(len(values) for _, _, values in self._blocks)

    def __iter__(self) -> Iterator[Row]:
        for step, columns, values in self._blocks:
            yield from cast(Iterator[Row], zip(repeat(step), *columns, values, strict=False))

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, index: int | slice) -> Row | tuple[Row, ...]:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Rows, (self._blocks,)


@lru_cache(maxsize=1024)
def shared(columns: Columns) -> Columns:
    """The first that were equal: one object is held once, and travels once."""
    return columns


@dataclass(frozen=True)
class TrialResult:
    """A finished trial; `curves` and `layers` are rows of the tables of the same name."""

    trial: Trial
    outcome: Outcome
    objective: float
    """Best value of the study's objective at the evaluation points; NaN if diverged or failed."""
    steps: int
    seconds: float
    engine: str
    reason: str = ""
    curves: Sequence[tuple[int, str, float]] = ()
    """(step, metric, value)"""
    layers: Sequence[tuple[int, int, str, float]] = ()
    """(step, layer, measure, value); layers are numbered in the order of the forward pass"""
    test: Mapping[str, float] = field(default_factory=dict)
    """metric -> value on the test rows at the best evaluation point, where the trial asked for it."""
    layer_names: tuple[str, ...] = ()
    """Name of each layer, by its number; empty where none was measured."""
    unstacked: str = field(default="", compare=False)
    """What the stack raised that it was to train in; empty where it trained as it was handed out."""
    uncompiled: str = field(default="", compare=False)
    """Why it trained in a stack of recorded operations where it was to be machine code."""
    host: str = field(default="", compare=False)
    """Name of the machine that it was trained on."""

    @property
    def tested(self) -> Mapping[str, float]:
        """Its scores on the test rows; none unless it trained to the end."""
        return self.test if self.outcome == Outcome.COMPLETED else {}

    def objectives(self, metric: str) -> tuple[list[int], list[float]]:
        """Steps and values of one metric, in the order of the steps."""
        rows = [(step, value) for step, name, value in self.curves if name == metric]
        return [step for step, _ in rows], [value for _, value in rows]


@dataclass(frozen=True)
class SharpnessResult:
    """How sharp the loss was along the training of a trial: rows that join the curves on record of it."""

    trial: Trial
    seconds: float
    curves: Sequence[tuple[int, str, float]] = ()
    """(step, metric, value)"""
    reason: str = ""
    """Why it could not be measured; empty where it was."""


HIGHER = " (higher is better)"
"""Ends the name of an objective that is maximised, wherever tables and functions hand it on."""


def objective_name(name: str, maximize: bool) -> str:
    """The objective with its direction, as all stages hand it on: ``validation_auc (higher is better)``."""
    return name + HIGHER * maximize


def is_maximized(objective: str) -> bool:
    """Whether higher values are better."""
    return objective.endswith(HIGHER)


def objective_metric(objective: str) -> str:
    """The metric of the ``curves`` table from which the objective of a study is computed."""
    plain = objective.removesuffix(HIGHER)
    return "validation_accuracy" if plain == "validation_error" else plain


def start_metric(objective: str) -> str:
    """The metric at step 0 that the objective is held against.

    The training loss has none before the first batch; the validation loss stands for it, as untrained weights
    have seen neither part.
    """
    return "validation_loss" if objective == "train_loss" else objective_metric(objective)


def objective_value(objective: str, metric: Values) -> Values:
    """The objective, as people read it, at a value, or values, of its `objective_metric`."""
    return 1 - metric if objective == "validation_error" else metric


def cost(objective: str, value: Values) -> Values:
    """What ranks trials, lower is better, at a value, or values, of the objective.

    Of what is minimised the value itself; of a score s with a best value b, b − s, which has a logarithm; of
    any other score −s. Values are turned round only here and in `from_cost`; differences in `Ranked`.
    """
    return _best(objective) - value if is_maximized(objective) else value


def from_cost(objective: str, value: Values) -> Values:
    """The objective, as people read it, at a `cost`."""
    return cost(objective, value)


def _best(objective: str) -> float:
    # loaded late: torch takes seconds, and readers of trials need none
    from sweeper.components.metrics import known_score

    metric = known_score(objective_metric(objective).removeprefix("validation_"))
    return metric.best if metric is not None and math.isfinite(metric.best) else 0.0


def raised(loss: Values, factor: float) -> Values:
    """`factor` times a loss; of one below 0, as far above it as of one above 0 of the same size."""
    return loss + (factor - 1) * abs(loss)


def failed(trial: Trial, reason: str, engine: str, seconds: float = 0.0) -> TrialResult:
    """The result of a trial that raised, ended its process or ran out of time."""
    return TrialResult(trial, Outcome.FAILED, math.nan, 0, seconds, engine, reason)
