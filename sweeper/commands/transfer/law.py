"""The power law of optima over sizes, and what it predicts for one."""

from dataclasses import dataclass

import pandas as pd

from sweeper.commands.transfer.trials import FEWEST
from sweeper.statistics.scaling import PowerLaw


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


def inside(check: Prediction, optima: pd.DataFrame, value: str) -> bool:
    """Whether the optimum that was measured lies in the interval that was predicted."""
    there = float(optima.loc[optima["size"] == check.size, value].iloc[0])
    return check.low <= there <= check.high
