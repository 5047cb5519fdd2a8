"""Whether anything was learned: the objective before training against the best afterwards, seed by seed."""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from sweeper.answer.baseline import Baseline
from sweeper.answer.bounds import range_of
from sweeper.answer.seed_curves import seed_curves
from sweeper.statistics.curve_class import IMPROVING, UNSTABLE, over_seeds
from sweeper.statistics.intervals import interval, shows_majority
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.trial import cost, is_maximized, objective_metric, objective_value, start_metric
from sweeper.wording import count

NOISE = 1e-3
"""Share of the value before training; a smaller fall is none."""
ROUNDING = 1e-6
"""Share of the largest value; values that differ by less are one."""


@dataclass(frozen=True)
class Learning:
    """What training did to the objective; means over `seeds`."""

    before: float
    """At step 0."""
    fell: float
    """By how much the value afterwards is better than that before training, at the evaluation point that is
    best over the other seeds (of one seed: its own); below 0 where it is worse."""
    low: float
    high: float
    """95 % interval of `fell`; NaN for one seed, or two or three alike."""
    seeds: int
    learned: bool
    """`fell` is more than `NOISE`, and on every seed or with an interval above 0; or the best points of the
    seeds lie lower than luck puts them; or guessing is beaten, by the objective or by far on test rows,
    and the start on most seeds."""
    at_best: float
    """As `fell`, at the best point of each seed: at least 0 by luck alone where there are many points."""
    points: int
    """Evaluation points after step 0."""
    furthest: float
    """The largest fall of any trial on record, each on its own seed, to its best point."""
    from_start: bool = True
    """Whether the objective has a value at step 0: then it is the best of `points` + 1."""
    at_end: float = math.nan
    """Objective at the last evaluation."""
    above_guess: tuple[str, ...] = ()
    """Scores on the test rows that are shown to beat guessing."""
    unstable: int = 0
    """Seeds on which the validation loss was unstable, see `sweeper.statistics.curve_class`."""
    improving: int = 0
    """Seeds on which it still fell at the end."""
    perfect: int = 0
    """Seeds on which the objective has the best value that it can have before training already."""

    @property
    def floor(self) -> float:
        """A fall up to it is none."""
        return NOISE * abs(self.before)

    @property
    def unsteady(self) -> bool:
        """Whether its losses were unstable on most seeds, and so many that they would be on most others."""
        return self.seeds >= ENOUGH_SEEDS and shows_majority(self.unstable, self.seeds)

    @property
    def goes_on(self) -> bool:
        """The same of seeds on which it still fell at the end."""
        return self.seeds >= ENOUGH_SEEDS and shows_majority(self.improving, self.seeds)

    @property
    def began_perfect(self) -> bool:
        """Whether no seed leaves anything to learn."""
        return self.perfect == self.seeds

    @property
    def unclear(self) -> bool:
        """Neither that it learned is shown nor that not, which takes falls that cannot be above `floor`, and
        no score that beats guessing."""
        none = self.at_best <= self.floor or self.high <= self.floor
        return not self.learned and not (none and not self.above_guess)

    @property
    def evaluations(self) -> str:
        """What the objective is the best of: ``13 evaluations, the one before training included``."""
        if not self.from_start:
            return count(self.points, "evaluation")
        return f"{count(self.points + 1, 'evaluation')}, the one before training included"


def learning(
    curves: pd.DataFrame, trial: int, seeds: list[int], objective: str, baseline: Baseline | None = None
) -> Learning | None:
    """Of `trial` on `seeds`; ``None`` where its curves have no value before training or none after.

    The lowest of several noisy values lies below the first even where nothing is learned. So the evaluation
    point that counts on a seed is the one that is lowest on average over the other seeds; with one seed, its
    own lowest. An unstable training is at its best at another step on each seed, and that fall misses it:
    then the falls at the best points count, where luck does not explain them, see `_beyond_luck`. Where its
    scores beat the `baseline`, those on test rows included, or where they do so on test rows by more than
    luck with these explains, it learned, if most seeds have their best after step 0: what was good before
    owes nothing to training, and seeds on which nothing can be better than the start do not count. A training
    loss has no value at step 0; the validation loss there stands for it, as untrained weights have seen
    neither part, and where that loss is shown to fall, the trial learned.
    """
    own = curves[(curves["trial"] == trial) & curves["seed"].isin(seeds)]
    metric = objective_metric(objective)
    after = _by_seed(own[(own["metric"] == metric) & (own["step"] > 0)])
    before = _by_seed(own[(own["metric"] == start_metric(objective)) & (own["step"] == 0)])
    if after.empty or before.empty:
        return None
    values = after.reindex(before.index).dropna(how="all")
    if values.empty:
        return None
    start = objective_value(objective, before.loc[values.index, 0].to_numpy())
    first, later = cost(objective, start), cost(objective, objective_value(objective, values.to_numpy()))
    falls = first - _best(later)
    low, high = interval(falls)
    mean, floor = float(falls.mean()), NOISE * abs(float(first.mean()))
    sure = not math.isfinite(low) or low > 0 or bool((falls > floor).all())
    best = first - np.where(np.isfinite(later), later, np.inf).min(axis=1)
    learned = (mean > floor and sure) or (best.mean() > floor and _beyond_luck(best, later))
    if not learned and metric != start_metric(objective):  # as the fall from another score shows too little
        other = learning(curves, trial, seeds, start_metric(objective))
        learned = other is not None and other.learned
    beats = baseline is not None and baseline.follows
    perfect = first - _best_possible(objective) <= floor
    rose = best[~perfect] > floor
    endings = ending_counts(own)
    return Learning(
        before=float(start.mean()),
        fell=mean,
        low=low,
        high=high,
        seeds=len(falls),
        learned=bool(learned or (beats and len(rose) and rose.mean() > 0.5)),
        at_best=float(best.mean()),
        points=int(np.isfinite(later).any(axis=0).sum()),
        furthest=_furthest(curves, objective),
        from_start=metric == start_metric(objective),
        at_end=float(np.mean([_last(row) for row in objective_value(objective, values.to_numpy())])),
        above_guess=baseline.scores_above if baseline is not None else (),
        unstable=endings[UNSTABLE],
        improving=endings[IMPROVING],
        perfect=int(perfect.sum()),
    )


def _best_possible(objective: str) -> float:
    """The cost that no value is below, of scores that have one; -inf of a loss."""
    return float(cost(objective, np.array(range_of(objective)[is_maximized(objective)])))


def ending_counts(curves: pd.DataFrame) -> Counter[str]:
    """How many trainings of one trial have a validation loss of each class, see
    `sweeper.statistics.curve_class`."""
    return Counter(shape.name for shape in over_seeds([curve for _, _, curve in seed_curves(curves)]))


def _last(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else math.nan


def _furthest(curves: pd.DataFrame, objective: str) -> float:
    """Of the best cost after step 0 below that at step 0, over all trainings that have both."""
    first = curves[(curves["metric"] == start_metric(objective)) & (curves["step"] == 0)]
    later = curves[(curves["metric"] == objective_metric(objective)) & (curves["step"] > 0)]
    costs = [
        each.assign(cost=cost(objective, objective_value(objective, each["value"].to_numpy())))
        for each in (first, later)
    ]
    start, best = (each.groupby(["trial", "seed"])["cost"].min() for each in costs)
    return float((start - best).max())


def _beyond_luck(falls: np.ndarray, later: np.ndarray) -> bool:
    """Whether `falls` to the best of k points, a seed each, are larger than noise alone makes them.

    Where all k points are independent N(start, σ²), the fall to the lowest has mean e·σ and standard
    deviation c·σ, those of the largest of k standard normals. So √n · mean / s of n falls is noncentral t
    with n − 1 degrees of freedom and noncentrality √n · e / c; it has to exceed the 97.5 % quantile. Starts
    that differ and points that resemble each other only make it smaller. Scores in steps of q (errors of few
    rows) may agree by chance, so s² gains q² / 12 (Sheppard).
    """
    from scipy.stats import nct  # loaded late: the command line starts without scipy

    n, known = len(falls), np.unique(later[np.isfinite(later)])
    steps = np.diff(known)
    steps = steps[steps > ROUNDING * np.abs(known).max(initial=0)]
    if n < 2 or not len(steps) or not np.isfinite(falls).all():
        return False
    spread = math.sqrt(float(falls.var(ddof=1)) + float(steps.min()) ** 2 / 12)
    mean, deviation = _largest_of(later.shape[1])
    quantile = float(nct.ppf(0.975, n - 1, math.sqrt(n) * mean / deviation))
    return math.sqrt(n) * float(falls.mean()) / spread > quantile


@cache
def _largest_of(k: int) -> tuple[float, float]:
    """Mean and standard deviation of the largest of `k` standard normals, by the trapezoidal rule."""
    # loaded late: it takes a second, and few answers need it
    from scipy.special import log_ndtr

    x = np.linspace(-9, 9, 3601)
    density = k * np.exp((k - 1) * log_ndtr(x) - x**2 / 2) / math.sqrt(2 * math.pi)
    mean = float(np.trapezoid(x * density, x))
    return mean, math.sqrt(float(np.trapezoid((x - mean) ** 2 * density, x)))


def _by_seed(curves: pd.DataFrame) -> pd.DataFrame:
    """A row for each seed, its evaluations in turn: seeds with more rows make more steps."""
    curves = curves.drop_duplicates(["seed", "step"], keep="last").sort_values(["seed", "step"])
    return curves.assign(turn=curves.groupby("seed").cumcount()).pivot(
        index="seed", columns="turn", values="value"
    )


def _best(values: np.ndarray) -> np.ndarray:
    """Of each row of (seeds, steps) the value at the step that is lowest over the other rows."""
    known = np.where(np.isfinite(values), values, np.inf)
    if len(values) == 1:
        return np.asarray(known.min(axis=1))
    others = [np.delete(known, row, axis=0).mean(axis=0) for row in range(len(known))]
    size = np.abs(known[np.isfinite(known)]).max(initial=0.0)  # rounding picks no step among equal ones
    others = [np.round(mean / size, 12) if size else mean for mean in others]
    lowest = np.array([known[row, int(np.argmin(mean))] for row, mean in enumerate(others)])
    return np.asarray(np.where(np.isfinite(lowest), lowest, known.min(axis=1)))
