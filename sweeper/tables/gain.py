"""What a sweep gained over the published default of an optimizer, on the same fresh seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.study.space import among
from sweeper.tables.parameters import parameters_of


@dataclass(frozen=True)
class Gain:
    """The winner against the best published default among the finalists; in the unit of the objective."""

    trial: int
    """The default"""
    optimizer: str
    default: float
    """Mean of the default over its fresh seeds"""
    difference: float
    """Mean paired difference, default minus winner: above 0 is gained"""
    low: float
    high: float
    """Its interval, as in `sweeper.tables.confirmation`"""
    seeds: int
    """Pairs"""
    verdict: str
    """winner (the default is the winner itself) | gained | unshown | fails (it lost more seeds)"""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN."""
        numbers = {"default": self.default, "difference": self.difference, "low": self.low, "high": self.high}
        plain = {name: None if math.isnan(value) else value for name, value in numbers.items()}
        return {"trial": self.trial, "optimizer": self.optimizer, **plain, "verdict": self.verdict}


def gain(search: pd.DataFrame, ranking: pd.DataFrame, defaults: Sequence[Mapping[str, Any]]) -> Gain | None:
    """The gain over the default that ranks best; ``None`` if no finalist is one.

    Args:
        search: completed trials of the search.
        ranking: `sweeper.tables.confirmation.confirmed`.
        defaults: their parameters.
    """
    finalists = search[search["trial"].isin(ranking["trial"])]
    known = {int(row["trial"]): parameters_of(row) for _, row in finalists.iterrows()}
    rows = ranking.to_dict("records")
    own = [row for row in rows if among(known.get(int(row["trial"]), {}), defaults)]
    if not own:
        return None
    row, winner = own[0], rows[0]
    number, ends = int(row["trial"]), (float(row["difference_low"]), float(row["difference_high"]))
    mean, optimizer = float(row["mean"]), str(known[number]["optimizer"])
    if row is winner:
        return Gain(number, optimizer, mean, 0.0, 0.0, 0.0, int(row["n"]), "winner")
    verdict = "unshown" if row["tied"] else "gained"
    if row["failures"] > winner["failures"]:
        verdict = "fails"
    elif not ends[0] > 0:
        verdict = "unshown"
    difference = float(row["difference"])
    return Gain(number, optimizer, mean, difference, *ends, int(row["pairs"]), verdict)
