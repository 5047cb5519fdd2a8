"""The data of one run that the page is made of: handed on as they are, from the run to every question."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.bounds import loss_floor
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import OWN, as_costs, search_labels
from sweeper.errors import SweeperError
from sweeper.records.store import Records
from sweeper.study.settings import default_activation
from sweeper.study.study import Study

_P = ParamSpec("_P")
SHARPNESS, PRECONDITIONED = "sharpness", "preconditioned_sharpness"
SHARPNESS_METRICS = (SHARPNESS, PRECONDITIONED, "sharpness_loss", "next_learning_rate")
"""Of the ``curves`` records: what is measured last, of a few trials, while the page is begun."""


class BeingMeasured(SweeperError):
    """A table needs what is still being measured."""


def _no_importances() -> pd.DataFrame:
    numbers = {name: pd.Series(dtype="float64") for name in ("importance", "low", "high", "chance")}
    return pd.DataFrame({"parameter": pd.Series(dtype="str"), **numbers})


@dataclass(frozen=True)
class RunData:
    """A run as its questions see it."""

    study: Study
    records: Records
    answer: Answer | None = None
    """``None`` while no trial has completed."""
    importances: pd.DataFrame = field(default_factory=_no_importances)
    """Columns as in `sweeper.search.importances`; empty where they are not known."""
    seconds: float | None = None
    """Wall time of the run; ``None`` where several calls trained it, or none that is known."""
    notes: tuple[str, ...] = ()
    """Sentences about how it was run: the plan, say."""
    defaults: Sequence[Mapping[str, Any]] = ()
    """Parameters of the published defaults"""
    drawn: Collection[int] = ()
    """Numbers of the trials whose settings were drawn, before the search had learned anything."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of each part, ``validation`` and others; empty where they are not known."""
    unmeasured: str = ""
    """Why layers are not measured; empty where they are."""
    split: str = ""
    """How rows were split, as ``baselines.json`` has it; empty where that is not on record."""
    measuring: bool = False
    """Whether sharpness is still being measured: everything else is on record."""
    kept: dict[Any, pd.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Tables that `once` has computed; nothing else uses it."""

    @property
    def default_activation(self) -> str:
        """What trials are called by whose parameters name no activation: that of a built-in model, or
        `OWN`."""
        return default_activation(self.study) or OWN

    @property
    def advises(self) -> bool:
        """Whether its trainings may advise anything: not where nothing is shown to have been learned."""
        return self.answer is None or self.answer.above_chance

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The ``trials`` records; their objective is what ranks them, lower is better (`as_costs`)."""
        return as_costs(self.records.trials, self.study.objective)

    @cached_property
    def labels(self) -> "pd.Series[str]":
        """What each trial of the search is called, by its number."""
        return search_labels(self.trials)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The ``curves`` records but for those of `sharpness`."""
        return self.records.curves[~self._of_sharpness]

    @property
    def sharpness(self) -> pd.DataFrame:
        """The ``curves`` records of `SHARPNESS_METRICS`.

        Raises:
            BeingMeasured: where they are not complete.
        """
        if self.measuring:
            raise BeingMeasured("the sharpness is still being measured")
        return self.records.curves[self._of_sharpness]

    @property
    def _of_sharpness(self) -> "pd.Series[bool]":
        return self.records.curves["metric"].isin(SHARPNESS_METRICS)

    @property
    def layers(self) -> pd.DataFrame:
        """The ``layers`` records."""
        return self.records.layers

    @property
    def objective(self) -> str:
        """What tables call `ranked`, with its direction: ``validation_auc (higher is better)``."""
        return self.study.objective

    @property
    def ranked(self) -> Ranked:
        """The objective as people read it, with its direction: `read` turns what was computed in costs."""
        return Ranked(self.study.objective, loss_floor(self.study, self.curves))

    @property
    def metric(self) -> str:
        """`objective` in words."""
        return self.ranked.metric


def once(
    table: Callable[Concatenate[RunData, _P], pd.DataFrame],
) -> Callable[Concatenate[RunData, _P], pd.DataFrame]:
    """Compute a table that others build on one time for each run and arguments; every caller gets a copy."""

    @wraps(table)
    def kept(run: RunData, *given: _P.args, **named: _P.kwargs) -> pd.DataFrame:
        key = (table, given, *named.items())
        if key not in run.kept:
            run.kept[key] = table(run, *given, **named)
        return run.kept[key].copy(deep=False)

    return kept
