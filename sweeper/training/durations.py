"""How long cohorts will take: the longest are handed out first, so that no worker ends long after the others.

Rows that a training sees, epochs × rows, times the seconds a row of trainings that were alike. Only the order
of work depends on it, and no result.
"""

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

from sweeper.study.settings import settings as settings_of
from sweeper.training.cohort import Cohort
from sweeper.training.planning import steps_of
from sweeper.training.setup import Task
from sweeper.trial import Trial, TrialResult

KEPT = 30
"""Trainings of one kind that are remembered."""

Kind = tuple[Any, ...]
"""Values of the parameters that are no numbers."""
Sizes = tuple[float, ...]
"""Logarithms of those that are."""


class Durations:
    """Learns from results of a run what trainings of its study cost."""

    def __init__(self, task: Task) -> None:
        self._task = task
        entries = task.study.space.entries
        varied = sorted(name for name, values in entries.items() if len(values.values or "any") > 1)
        costly = [name for name in varied if name.startswith(("model.", "training."))]
        self._names = [*costly, "optimizer", "activation"]
        self._vary = bool(costly)
        """Whether trainings differ by more than their update and activation."""
        self._rates: dict[Kind, deque[tuple[Sizes, float]]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._rows: dict[tuple[Kind, Sizes], float] = {}

    def learn(self, results: Iterable[TrialResult]) -> None:
        """Trainings that have ended."""
        for result in results if self._vary else ():
            if result.steps > 0 and result.seconds > 0:
                kind, sizes = self._place(result.trial)
                steps = steps_of(self._task, result.trial)
                rows = self._rows_of(result.trial) * result.steps / max(steps, 1)
                self._rates[kind].append((sizes, result.seconds / rows))

    def longest_first(self, cohorts: Sequence[Cohort]) -> list[Cohort]:
        """Those that take equally long, as far as is known, stay in their order."""
        if not self._vary:
            return list(cohorts)
        return sorted(cohorts, key=lambda cohort: -sum(self.of(trial) for trial in cohort.trials))

    def of(self, trial: Trial) -> float:
        """Estimated seconds of a training; the rows that it sees where nothing was measured yet, as only the
        order counts."""
        kind, sizes = self._place(trial)
        alike = self._rates.get(kind) or [pair for rates in self._rates.values() for pair in rates]
        rate = min(alike, key=lambda pair: _apart(pair[0], sizes), default=(sizes, 1.0))[1]
        return self._rows_of(trial) * rate

    def _place(self, trial: Trial) -> tuple[Kind, Sizes]:
        values = {name: trial.parameters.get(name) for name in self._names}
        numbers = {n: abs(v) for n, v in values.items() if isinstance(v, int | float) and type(v) is not bool}
        others = tuple((name, "number" if name in numbers else str(value)) for name, value in values.items())
        return others, tuple(math.log(size + 1e-9) for size in numbers.values())

    def _rows_of(self, trial: Trial) -> float:
        place = self._place(trial)
        if place not in self._rows:
            batch = settings_of(self._task.study, trial.parameters).batch_size
            rows = self._task.data.rows if batch == "full" else int(batch)
            self._rows[place] = float(steps_of(self._task, trial) * rows)
        return self._rows[place]


def _apart(one: Sizes, other: Sizes) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=False))
