"""Transfer in numbers: the best rate at each size, the exponent, the prediction, and the check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.commands.transfer.conditions import Conditions
from sweeper.commands.transfer.law import Prediction, checked_by_others, inside, law, predicted
from sweeper.commands.transfer.limits import GUESSING, diverges_from, learned
from sweeper.commands.transfer.penalty import Penalties
from sweeper.commands.transfer.trials import Over, costs_by_seed
from sweeper.statistics.scaling import Place, optimum
from sweeper.trial import Outcome, TrialResult, from_cost

MEASURED = ["size", "learning_rate", "seed", "outcome", "objective"]
OPTIMA = ["size", "rate", "low", "high", "error", "best", "verdict", "diverges", "lost"]
FAILED = "failed"
EDGES = (Place.LOWER_EDGE, Place.UPPER_EDGE, Place.NOTHING)
"""Verdicts that ask for other rates, whatever was learned with these."""


@dataclass(frozen=True)
class Beside:
    """What a rate of the grid gave: its best one, or that nearest to half or twice it."""

    rate: float
    mean: float
    """Of the objective; NaN where a seed diverged."""
    lost: int
    """Seeds that diverged, of all `seeds`."""
    seeds: int


@dataclass(frozen=True)
class Found:
    """What the optima say together."""

    optima: pd.DataFrame
    """One row per size, see `optima_of`."""
    exponent: tuple[float, float, float] | None
    """Median, and ends of the 90 % interval; ``None`` where fewer than three sizes have an optimum."""
    prediction: Prediction | None
    """For the size asked for, from all sizes that were trained."""
    check: Prediction | None
    """For the size left out, from the others."""
    off_by_two: tuple[Beside, Beside, Beside] | None
    """At the best rate of the grid, half and twice it, of the largest size that has one; else ``None``."""
    at_check: tuple[Beside, Beside] | None = None
    """At the size left out: at the best rate of the grid, and at that nearest to the prediction."""
    penalty: Penalties | None = None
    """What weights of the activation penalty did; ``None`` where none was tried."""


def measured(results: Sequence[TrialResult], key: str) -> pd.DataFrame:
    """One row per training; failed ones are left out."""
    rows = [
        (
            r.trial.parameters[key],
            r.trial.parameters["learning_rate"],
            r.trial.seed,
            str(r.outcome),
            r.objective,
        )
        for r in results
        if r.outcome != Outcome.FAILED
    ]
    frame = pd.DataFrame(rows, columns=MEASURED)
    return frame.sort_values(["size", "learning_rate", "seed"], ignore_index=True)


def costs_at(frame: pd.DataFrame, size: float, objective: str) -> tuple[np.ndarray, np.ndarray]:
    """Rates (k,), of which no training failed, and costs (k, seeds) of one size; NaN where one diverged."""
    wide = costs_by_seed(frame[frame["size"] == size], "learning_rate", objective)
    found = wide.to_numpy(dtype=float)
    return wide.index.to_numpy(dtype=float), np.where(np.isinf(found), np.nan, found)


def optima_of(
    frame: pd.DataFrame,
    objective: str,
    guessed: Mapping[str, Any] | None = None,
    sizes: Sequence[float] = (),
) -> pd.DataFrame:
    """`optimum` of each size: rate with low and high, error (of its logarithm), best (the lowest mean on the
    grid, in the objective's unit), verdict, and `diverges_from`: the rate and how many seeds are lost there.

    Against what is `guessed` (``baselines.json``) the verdict may be `GUESSING`, too; `FAILED` where some
    training failed at every rate. `sizes`: all that were trained, also those of which every training failed.
    """
    rows = []
    for size in sorted(sizes or frame["size"].unique()):
        values, costs = costs_at(frame, size, objective)
        if not len(values):
            rows.append((size, *[np.nan] * 5, FAILED, np.nan, 0))
            continue
        each = optimum(list(values), costs)
        best = float(np.asarray(from_cost(objective, np.array(each.loss))))
        verdict = each.verdict.value
        if verdict not in EDGES and not learned(frame[frame["size"] == size], objective, guessed):
            verdict = GUESSING
        diverges, lost = diverges_from(values, costs, each.value)
        rows.append((size, each.value, each.low, each.high, each.error, best, verdict, diverges, lost))
    return pd.DataFrame(rows, columns=OPTIMA)


def found(frame: pd.DataFrame, over: Over, objective: str, guessed: Mapping[str, Any] | None = None) -> Found:
    """Everything that is said, from the trainings and what is `guessed` on their seeds alone."""
    optima = optima_of(frame, objective, guessed, over.trained)
    known = optima[optima["verdict"] == Place.FOUND]
    fitted, check = law(known, "rate"), checked_by_others(known, "rate", over.check)
    return Found(
        optima,
        fitted.exponent() if fitted else None,
        predicted(known, "rate", over.to),
        check,
        _off_by_two(frame, known, objective),
        None if check is None else _at_check(frame, known, check, objective),
    )


def _off_by_two(
    frame: pd.DataFrame, known: pd.DataFrame, objective: str
) -> tuple[Beside, Beside, Beside] | None:
    if known.empty:
        return None
    rates, costs, best = _grid(frame, known.iloc[-1], objective)
    far = np.abs(np.log(rates / rates[best])[:, None] - np.log([0.5, 2.0]))
    low, high = int(far[:best, 0].argmin()), best + 1 + int(far[best + 1 :, 1].argmin())
    own, half, twice = (_beside(rates[k], costs[k], objective) for k in (best, low, high))
    return own, half, twice


def _at_check(
    frame: pd.DataFrame, known: pd.DataFrame, check: Prediction, objective: str
) -> tuple[Beside, Beside]:
    rates, costs, best = _grid(frame, known[known["size"] == check.size].iloc[0], objective)
    nearest = int(np.abs(np.log(rates / check.value)).argmin())
    own, predicted = (_beside(rates[k], costs[k], objective) for k in (best, nearest))
    return own, predicted


def _grid(
    frame: pd.DataFrame, optimum: "pd.Series[Any]", objective: str
) -> tuple[np.ndarray, np.ndarray, int]:
    """Rates and costs at the size of an optimum, and which rate has the lowest mean."""
    rates, costs = costs_at(frame, optimum["size"], objective)
    means = np.where(np.isfinite(costs).all(axis=1), costs.mean(axis=1), np.inf)
    return rates, costs, _lowest(rates, means, float(optimum["rate"]))


def _lowest(rates: np.ndarray, means: np.ndarray, optimum: float) -> int:
    """Which mean is the lowest, of several as low the one nearest to the optimum: inside the grid, as that
    is."""
    alike = np.flatnonzero(means == means.min())
    inside = alike[(alike > 0) & (alike < len(rates) - 1)]
    return int(inside[np.abs(np.log(rates[inside] / optimum)).argmin()])


def _beside(rate: float, costs: np.ndarray, objective: str) -> Beside:
    mean = float(np.asarray(from_cost(objective, costs.mean())))  # NaN where one of them is
    return Beside(float(rate), mean, int((~np.isfinite(costs)).sum()), len(costs))


def to_dict(found: Found, conditions: Conditions, figure: Path | None = None) -> dict[str, Any]:
    """For JSON, which has no NaN."""
    return {
        **vars(conditions),
        "next": conditions.next.command,
        "figure": figure,
        "optima": _records(found.optima),
        "exponent": found.exponent and dict(zip(("value", "low", "high"), found.exponent, strict=True)),
        **_predictions(found.prediction, found.check, found.optima, "rate"),
        "best_of_grid": found.off_by_two and _records(pd.DataFrame([vars(found.off_by_two[0])]))[0],
        "at_check": found.at_check and _records(pd.DataFrame(map(vars, found.at_check))),
        "half_and_twice": found.off_by_two and _records(pd.DataFrame(map(vars, found.off_by_two[1:]))),
        "penalty": _penalty(found.penalty),
    }


def _penalty(found: Penalties | None) -> dict[str, Any] | None:
    if found is None:
        return None
    plan = {name: value for name, value in vars(found.plan).items() if name != "first"}
    measured = {"level": found.level, "sizes": _records(found.best)}
    return {**plan, **measured, **_predictions(found.prediction, found.check, found.best, "weight")}


def _predictions(
    ahead: Prediction | None, check: Prediction | None, optima: pd.DataFrame, name: str
) -> dict[str, Any]:
    held = check and {**check.to_dict(name), "inside": inside(check, optima, name)}
    return {"prediction": ahead and ahead.to_dict(name), "check": held}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]
