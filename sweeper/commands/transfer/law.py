"""The power law of optima over sizes, and what it predicts for one."""

from dataclasses import dataclass

import pandas as pd

from sweeper.commands.transfer.trials import FEWEST
from sweeper.statistics.scaling import PowerLaw
from sweeper.wording import count


@dataclass(frozen=True)
class Prediction:
    """The best value at a size, from the optima of others; the interval is at 90 %."""

    size: float
    value: float
    low: float
    high: float

    def to_dict(self, name: str) -> dict[str, float]:
        """For JSON, the value under `name`."""
        return {"size": self.size, name: self.value, "low": self.low, "high": self.high}


def law(optima: pd.DataFrame, value: str) -> PowerLaw | None:
    """That of the columns size, `value` and error (of its logarithm); ``None`` below `FEWEST` sizes."""
    if len(optima) < FEWEST:
        return None
    columns = (tuple(map(float, optima[name])) for name in ("size", value, "error"))
    return PowerLaw(*columns)


def predicted(optima: pd.DataFrame, value: str, size: float | None) -> Prediction | None:
    """The prediction of that law for `size`."""
    found = law(optima, value)
    return Prediction(size, *found.predicted(size)) if found and size is not None else None


def checked_by_others(optima: pd.DataFrame, value: str, size: float | None) -> Prediction | None:
    """The prediction for `size` from the other sizes; ``None`` where it has no optimum itself."""
    if size not in set(optima["size"]):
        return None
    return predicted(optima[optima["size"] != size], value, size)


def unchecked(usable: pd.DataFrame, size: float, what: str, needs: str = "") -> str:
    """Why a check at `size` that was asked for checks nothing; `usable` are the optima that can be told.

    Args:
        usable: those rows of the optima.
        size: where the check was asked for.
        what: ``best rate``.
        needs: what is said of those of other sizes besides.
    """
    sizes = set(usable["size"])
    if size not in sizes:
        return f"no {what} was found there, so it checks nothing"
    others = count(len(sizes) - 1, "other size has", "other sizes have")
    return f"only {others} a {what}{needs}, {FEWEST} are needed, so it checks nothing"


def inside(check: Prediction, optima: pd.DataFrame, value: str) -> bool:
    """Whether the optimum that was measured lies in the interval that was predicted."""
    there = float(optima.loc[optima["size"] == check.size, value].iloc[0])
    return check.low <= there <= check.high
