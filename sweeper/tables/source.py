"""What tables are made of: the records of one run, and what only the study and the search know."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pandas as pd

from sweeper.study.expect import ExpectSection
from sweeper.study.space import Range, Space


def _no_importances() -> pd.DataFrame:
    return pd.DataFrame({"parameter": pd.Series(dtype="str"), "importance": pd.Series(dtype="float64")})


@dataclass(frozen=True)
class Source:
    """The three records, the importances found by the search, and the metric that ranks trials."""

    trials: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    importances: pd.DataFrame = field(default_factory=_no_importances)
    """Columns ``parameter`` and ``importance``; empty where they could not be had."""
    objective: str = "validation_loss"
    """validation_loss | validation_error | train_loss; lower is better."""
    scientific: tuple[str, ...] = ("optimizer", "activation")
    """Parameters whose values are compared fairly; all others are nuisance."""
    ranges: Mapping[str, Range] = field(default_factory=dict)
    """Searched ranges under their keys in the study file: ``learning_rate``, ``learning_rate.adam``."""
    layer_sizes: Sequence[int] = ()
    """Activations that each hidden layer puts out for one row, input side first; empty where not known."""
    expect: ExpectSection = field(default_factory=ExpectSection)
    """What the study is expected to find."""
    init: str = ""
    """Initializer of the study's [model] section; empty where not known."""
    found: dict[Any, pd.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `once` has kept; nothing else uses it."""


def once(table: Callable[[Source], pd.DataFrame]) -> Callable[[Source], pd.DataFrame]:
    """Compute a table that others build on one time for each `Source`; every caller gets a copy."""

    @wraps(table)
    def kept(source: Source) -> pd.DataFrame:
        if table not in source.found:
            source.found[table] = table(source)
        return source.found[table].copy(deep=False)

    return kept


def ranges_of(space: Space) -> dict[str, Range]:
    """The `Source.ranges` of a search space."""
    return {key: values for key, values in space.entries.items() if isinstance(values, Range)}
