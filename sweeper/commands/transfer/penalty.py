"""The activation penalty of a transfer: which weights are tried at each size, and whether one beats none.

A grid of weights and exactly 0, each at rates about the best one, finds a weight at each size. The lowest of
many means is low by luck too, so that weight and 0 are then trained on fresh seeds, which decide.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum, auto
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.baseline import ROUNDING
from sweeper.commands.transfer.law import Prediction, checked_by_others, predicted
from sweeper.commands.transfer.trials import Over, costs_by_seed
from sweeper.errors import UserError
from sweeper.statistics.intervals import interval
from sweeper.statistics.scaling import Place, optimum
from sweeper.study.parameters import PENALTY, PENALTY_RANGE
from sweeper.study.space import Range, Values
from sweeper.study.study import Given, Study
from sweeper.trial import Outcome, Trial, TrialResult, from_cost, is_maximized

WEIGHTS, FEWEST = 8, 3
"""Weights above 0 that are tried, and fewest of which the best one can lie between two others."""
FACTORS = (0.5, 1.0, 2.0)
"""Rates beside each weight, as multiples of the best rate without this grid: a penalty may move it."""
FRESH = 2
"""Fresh seeds for each seed of the grids."""
LEVEL = 0.95
"""Of the intervals of all sizes together."""
TRIED = ["size", "weight", "rate", "seed", "fresh", "outcome", "objective"]
CURVES = ["size", "weight", "rate", "mean"]
CHOSEN = ["size", "weight", "weight_low", "weight_high", "error", "place", "rate", "rate_without"]


class PenaltyVerdict(StrEnum):
    """What fresh seeds say of the best weight of a size against no penalty."""

    BETTER = auto()
    WORSE = auto()
    OPEN = auto()
    """No difference is shown."""
    DIVERGED = auto()
    """Some training diverged."""
    NOTHING = auto()
    """There are not two pairs to compare."""


@dataclass(frozen=True)
class Compared:
    """The best weight of a size beside none on fresh seeds; NaN where they are not compared."""

    mean: float = math.nan
    mean_without: float = math.nan
    difference: float = math.nan
    """With minus without, on the same seeds."""
    difference_low: float = math.nan
    difference_high: float = math.nan
    seeds: int = 0
    diverged: int = 0
    """Trainings."""
    verdict: PenaltyVerdict = PenaltyVerdict.NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Columns of a table, in plain values."""
        return {**asdict(self), "verdict": self.verdict.value}


COMPARED = [field.name for field in fields(Compared)]


@dataclass(frozen=True)
class PenaltyPlan:
    """What is trained for the penalty."""

    weights: tuple[float, ...]
    """Above 0, ascending; 0 is tried beside them."""
    first: int
    """First seed"""
    seeds: int
    """Of the grid"""
    fresh_seeds: int

    def trainings(self, sizes: int) -> int:
        """How many at most: fewer where every rate of a size diverged."""
        return sizes * ((len(self.weights) + 1) * len(FACTORS) * self.seeds + 2 * self.fresh_seeds)


@dataclass(frozen=True)
class Penalties:
    """What the weights did."""

    plan: PenaltyPlan
    tried: pd.DataFrame
    """One row per training: size, weight, rate, seed, fresh, outcome, objective."""
    curves: pd.DataFrame
    """One row per size and weight of the grid: size, weight, rate (that suits it), mean (over seeds; null
    where some diverged), in the unit of the objective."""
    best: pd.DataFrame
    """One row per size: the best weight above 0 of the grid with its 90 % interval, error (of its logarithm)
    and place (`Place`); the rate that suits it, and that without a
    penalty; then on fresh seeds the means with and without, their paired difference with its interval, the
    seeds, how many trainings diverged, and the verdict (`PenaltyVerdict`)."""
    prediction: Prediction | None
    """Of the best weight; ``None`` where fewer than three sizes have one that is found and better than
    none."""
    check: Prediction | None
    level: float
    """Of the interval of each difference, so that those of all sizes hold together at 95 %."""


def planned(study: Study, optimizer: str, seeds: int, wanted: int | None) -> PenaltyPlan | None:
    """`wanted` weights of the study's range, or of the usual one where it searches none; ``None``: 0 of them.

    Args:
        study: what is searched.
        optimizer: that is held.
        seeds: of the grid of rates; this grid has the same.
        wanted: weights above 0; ``None``: `WEIGHTS` where the study searches several, else none.

    Raises:
        UserError: if `wanted` are too few.
    """
    if wanted is not None and 0 < wanted < FEWEST:
        raise UserError(f"--penalties {wanted}: allowed: 0, which tries no penalty, or {FEWEST} and more")
    entry = study.space.entry(PENALTY, optimizer)
    values = entry[1] if entry is not None and _several(entry[1]) else None
    if wanted == 0 or (wanted is None and values is None):
        return None
    weights = _weights(values or Range(*PENALTY_RANGE, log=True), wanted or WEIGHTS)
    first = study.search.seed
    return PenaltyPlan(weights, first, seeds, FRESH * seeds) if weights else None


def penalized(study: Study, optimizer: str, plan: PenaltyPlan) -> Study:
    """`study` with a penalty in its space, so that what is checked and planned before training knows of
    it."""
    entry = study.space.entry(PENALTY, optimizer)
    if entry is not None and _several(entry[1]):
        return study
    space = {name: value for name, value in study.search.space.items() if study.space.base(name) != PENALTY}
    space[PENALTY] = [0.0, *plan.weights]
    search = study.search.model_copy(update={"space": space})
    sections = Given(
        name=study.name, data=study.data, model=study.model, training=study.training, search=search
    )
    return Study(file="--penalties", folder=study.folder, **sections)


def _several(values: Values) -> bool:
    return values.values is None or len(values.values) > 1


def _weights(values: Values, wanted: int) -> tuple[float, ...]:
    """Those of a list as they are; of a range, evenly spread as the range is."""
    if not isinstance(values, Range):
        return tuple(sorted(float(value) for value in values.values if value > 0))
    spread = np.geomspace if values.log else np.linspace
    points = wanted + (values.low <= 0)  # 0 is no weight
    return tuple(float(value) for value in spread(values.low, values.high, points) if value > 0)


def grid_trials(
    over: Over, held: Mapping[str, Any], plan: PenaltyPlan, optima: pd.DataFrame, number: int
) -> list[Trial]:
    """Every weight and 0 at `FACTORS` times the best rate of each size, on every seed; numbered from
    `number`."""
    configurations = [
        (seed, {**held, over.key: size, "learning_rate": factor * rate, PENALTY: weight})
        for size, rate in zip(optima["size"].tolist(), optima["rate"].tolist(), strict=True)
        if np.isfinite(rate)
        for weight in (0.0, *plan.weights)
        for factor in FACTORS
        for seed in range(plan.first, plan.first + plan.seeds)
    ]
    return _trials(configurations, number)


def fresh_trials(
    over: Over, held: Mapping[str, Any], plan: PenaltyPlan, chosen: pd.DataFrame, number: int
) -> list[Trial]:
    """The best weight of each size and 0, each at its rate, on fresh seeds."""
    begin = plan.first + plan.seeds
    configurations = [
        (seed, {**held, over.key: row["size"], "learning_rate": rate, PENALTY: weight})
        for row in chosen.to_dict("records")
        if np.isfinite(row["weight"]) and np.isfinite(row["rate_without"])
        for weight, rate in ((row["weight"], row["rate"]), (0.0, row["rate_without"]))
        for seed in range(begin, begin + plan.fresh_seeds)
    ]
    return _trials(configurations, number)


def _trials(configurations: Sequence[tuple[int, Mapping[str, Any]]], number: int) -> list[Trial]:
    return [
        Trial(number + place, "explore", seed, parameters, measured=False)
        for place, (seed, parameters) in enumerate(configurations)
    ]


def tried(results: Sequence[TrialResult], key: str, *, fresh: bool) -> pd.DataFrame:
    """One row per training; failed ones are left out."""
    rows = []
    for result in results:
        if result.outcome != Outcome.FAILED:
            trial, of = result.trial, result.trial.parameters
            setting = (of[key], of[PENALTY], of["learning_rate"], trial.seed)
            rows.append((*setting, fresh, str(result.outcome), result.objective))
    return pd.DataFrame(rows, columns=TRIED).sort_values(TRIED[:4], ignore_index=True)


def chosen(grid: pd.DataFrame, objective: str) -> pd.DataFrame:
    """The best weight above 0 at each size, and the rates that suit it and 0: those with the lowest mean
    cost."""
    rows = []
    for size, part in grid.groupby("size"):
        curves = list(_curves(part, objective))
        without = next((rate for weight, rate, _ in curves if weight == 0), float("nan"))
        above = [curve for curve in curves if curve[0] > 0]
        if not above:
            continue
        costs = np.array([each for _, _, each in above])
        best = optimum([weight for weight, _, _ in above], costs)
        weights = np.array([weight for weight, _, _ in above])
        nearest = int(np.abs(np.log(weights / best.value)).argmin()) if np.isfinite(best.value) else 0
        place = (best.value, best.low, best.high, best.error, best.verdict.value)
        rows.append((size, *place, above[nearest][1], without))
    return pd.DataFrame(rows, columns=CHOSEN)


def _curves(part: pd.DataFrame, objective: str) -> Iterator[tuple[float, float, np.ndarray]]:
    """Each weight with its best rate, and the costs there (seeds,), infinite where a training diverged."""
    wide = costs_by_seed(part, ["weight", "rate"], objective)
    costs = wide.to_numpy(dtype=float)
    weights, rates = (wide.index.get_level_values(name).to_numpy(dtype=float) for name in wide.index.names)
    for weight in np.unique(weights):
        of_weight = np.flatnonzero(weights == weight)
        best = of_weight[costs[of_weight].mean(axis=1).argmin()]
        yield float(weight), float(rates[best]), costs[best]


def penalties(
    plan: PenaltyPlan, over: Over, grid: pd.DataFrame, fresh: pd.DataFrame, objective: str
) -> Penalties:
    """Everything that is said of the penalty, from the trainings alone."""
    picked = chosen(grid, objective)
    level = 1 - (1 - LEVEL) / max(int(picked["weight"].notna().sum()), 1)
    each = [_compared(fresh[fresh["size"] == size], objective, level) for size in picked["size"]]
    best = pd.concat([picked, pd.DataFrame([one.to_dict() for one in each], columns=COMPARED)], axis=1)
    known = best[(best["verdict"] == PenaltyVerdict.BETTER) & (best["place"] == Place.FOUND)]
    every = pd.concat([grid, fresh], ignore_index=True)
    curves = pd.DataFrame(
        [
            (size, weight, rate, float(np.asarray(from_cost(objective, costs.mean()))))
            for size, part in grid.groupby("size")
            for weight, rate, costs in _curves(part, objective)
        ],
        columns=CURVES,
    )
    curves["mean"] = curves["mean"].where(np.isfinite(curves["mean"]))
    ahead, check = predicted(known, "weight", over.to), checked_by_others(known, "weight", over.check)
    return Penalties(plan, every, curves, best, ahead, check, level)


def _compared(rows: pd.DataFrame, objective: str, level: float) -> Compared:
    """Of one size: `rows` are its trainings on fresh seeds."""
    wide = rows.assign(above=rows["weight"] > 0).pivot(index="seed", columns="above", values="objective")
    if wide.shape[1] < 2:
        return Compared()
    if diverged := int(rows["objective"].isna().sum()):
        return Compared(seeds=len(wide), diverged=diverged, verdict=PenaltyVerdict.DIVERGED)
    wide = wide.dropna()  # pairs of which neither failed
    if len(wide) < 2:
        return Compared()
    without, with_penalty = wide.to_numpy(dtype=float).T
    low, high = interval(with_penalty - without, level)
    means = (float(with_penalty.mean()), float(without.mean()))
    better, worse = (low > 0, high < 0) if is_maximized(objective) else (high < 0, low > 0)
    if max(abs(low), abs(high)) <= ROUNDING * max(map(abs, means)) or not (better or worse):
        verdict = PenaltyVerdict.OPEN
    else:
        verdict = PenaltyVerdict.BETTER if better else PenaltyVerdict.WORSE
    return Compared(*means, means[0] - means[1], low, high, len(wide), 0, verdict)
