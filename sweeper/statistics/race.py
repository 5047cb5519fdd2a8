"""Who of several finalists is worse than the leader, after each round of a race.

Finalists are trained on the same seeds, round by round. After each round (`LOOKS`) the one with the lowest
mean leads, and every rival has the mean of its paired differences to the leader, with two intervals: one
for the page, one for calls. A rival whose second interval lies above 0 is called worse.
`sweeper.statistics.levels` says how often each of them errs.

An interval reaches as far as the farther of two on each side:

- the rival's own: mean ± t·s/√n, and Hall's transformation for skew (Hall 1992, doi
  10.1111/j.2517-6161.1992.tb01876.x), at a level that is `OWN` times as large;
- that of all rivals together: s² is their median variance, with more degrees of freedom. So few seeds say
  more where luck is alike for all, and a rival that happened to vary little is not trusted for that;

but no farther than the rival's own at a level `OWN` times as small: differences that hardly vary are known.

Among rivals the calls step down (Holm 1979): once some are apart, the others are held against the level of
those left. Rounded scores: no standard deviation is taken below that of rounding. No interval of a mean
can allow for what none of the seeds has shown, such as a bad seed in twenty.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from sweeper.statistics.intervals import FARTHEST, finite
from sweeper.statistics.levels import LOOKS, OWN, call_level, pooled_freedom, shown_level

ENOUGH_SEEDS = 5
"""Completed fresh seeds below which nothing is called confirmed, tied or better."""

POWER = 0.8
"""Of a difference that a race would have seen."""


@dataclass(frozen=True)
class InterimLook:
    """The rivals held against the leader; arrays with an entry for each finalist, 0 for the leader's own."""

    leader: int
    low: np.ndarray
    high: np.ndarray
    """Intervals of the mean differences, which hold together; NaN where fewer than two pairs are known"""
    worse: np.ndarray
    """Called worse"""
    seen: np.ndarray
    """Difference that would have been called with a probability of `POWER`; NaN where no pair differs"""
    out: np.ndarray
    """Called worse, or failed on two seeds more than the leader"""

    def alike(self, within: float) -> bool:
        """Whether every difference is known to be at most `within`."""
        return bool((self.low >= -within).all() and (self.high <= within).all())


@dataclass(frozen=True)
class Pairs:
    """Moments of the paired differences of each finalist to the leader."""

    n: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    """Standard deviation, not below that of rounding"""
    skewness: np.ndarray

    def ends(self, rows: Sequence[int], alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Intervals of the means of `rows`, rivals of one leader, at the levels 1 − `alpha`."""
        n, mean, spread = self.n[rows], self.mean[rows], self.spread[rows]
        if len(rows) == 1:
            return mean_intervals(n, mean, spread, self.skewness[rows], alpha)
        skewness = self.skewness[rows]
        low, high = mean_intervals(n, mean, spread, skewness, np.minimum(OWN * alpha, 0.5))
        lowest, highest = mean_intervals(n, mean, spread, skewness, alpha / OWN)
        pooled = math.sqrt(float(np.median(spread**2))) / np.sqrt(n)
        reach = stdtrit(pooled_freedom(len(rows), n.mean()), 1 - alpha / 2) * pooled
        return (
            np.maximum(np.minimum(low, mean - reach), lowest),
            np.minimum(np.maximum(high, mean + reach), highest),
        )

    def step_down(
        self, rivals: Sequence[int], level: Callable[[int, np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Intervals of all `rivals` at once; ``level(finalists, seeds)`` is 1 − that of each."""
        low, high = np.full(len(self.n), np.nan), np.full(len(self.n), np.nan)
        left = np.array(rivals, dtype=int)
        while len(left):
            below, above = self.ends(left.tolist(), level(len(left) + 1, self.n[left]))
            low[left], high[left] = below, above
            apart = (below > 0) | (above < 0)
            if not apart.any():
                break
            left = left[~apart]
        return low, high

    def visible(self, rows: Sequence[int], low: np.ndarray) -> np.ndarray:
        """Differences of `rows` that are called with probability `POWER`, given the ends `low` of calls.

        Where t > q calls: noncentral t is nearly normal with variance 1 + q²/(2(n − 1)).
        """
        n, reach = self.n[rows], self.mean[rows] - low
        error = self.spread[rows] / np.sqrt(n)
        return np.asarray(reach + ndtri(POWER) * np.sqrt(error**2 + reach**2 / (2 * (n - 1))))


def interim_look(values: np.ndarray, leader: int | None = None) -> InterimLook:
    """The finalists after some seeds; `values` is (finalists, seeds), NaN where a seed was lost.

    Pairs are the seeds that a rival and the leader both completed. `leader` is the row to compare with;
    `leader_of` if it is not given.
    """
    leader = leader_of(values) if leader is None else leader
    pairs = moments(values - values[leader], resolution(values) / math.sqrt(6))
    rivals = [k for k in range(len(values)) if k != leader and pairs.n[k] >= 2]
    low, high = pairs.step_down(rivals, lambda finalists, n: np.full(len(n), shown_level(finalists)))
    call, _ = pairs.step_down(rivals, lambda f, seeds: np.array([call_level(f, int(n)) for n in seeds]))
    worse, seen = call > 0, np.full(len(values), np.nan)
    differ = (np.nan_to_num(np.abs(values - values[leader])) > 0).any(axis=1) & (pairs.spread > 0)
    seen[rivals] = np.where(differ[rivals], pairs.visible(rivals, call[rivals]), np.nan)
    low[leader] = high[leader] = seen[leader] = 0.0
    gaps = (~np.isfinite(values)).sum(axis=1)
    return InterimLook(leader, low, high, worse, seen, worse | (gaps >= gaps[leader] + 2))


def moments(differences: np.ndarray, floor: float) -> Pairs:
    """Of each row; NaN is no value. `floor`: standard deviation of the rounding of a difference."""
    known = np.isfinite(differences)
    n = known.sum(axis=1)
    values = np.where(known, differences, 0.0)
    count = np.maximum(n, 1)
    mean = values.sum(axis=1) / count
    centred = np.where(known, values - mean[:, None], 0.0)
    spread = np.sqrt((centred**2).sum(axis=1) / np.maximum(n - 1, 1))
    spread = np.where(spread <= 1e-12 * np.abs(values).max(axis=1, initial=0.0), 0.0, spread)
    few = n < LOOKS[0]  # and alike by chance, perhaps
    spread = np.maximum(spread, np.where(few, np.maximum(floor, np.abs(mean)), floor))
    third = (centred**3).sum(axis=1) / count
    skewness = np.divide(third, spread**3, out=np.zeros_like(mean), where=spread > 0)
    return Pairs(n, mean, spread, skewness)


def mean_intervals(
    n: np.ndarray, mean: np.ndarray, spread: np.ndarray, skewness: np.ndarray, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Intervals of means that miss with probability `alpha`, skew allowed for.

    With T = √n (mean − μ) / s, γ the skewness and a = γ/√n: T + a T²/3 + a² T³/27 + a/6 is nearly Student's t
    (Hall 1992). Each end is the farther of this one and of plain t, at most `FARTHEST` times as far as t: for
    very skewed samples the inverse of the transformation has no bounds.
    """
    error, quantile = spread / np.sqrt(n), stdtrit(n - 1, 1 - alpha / 2)
    a = skewness / np.sqrt(n)
    up, down = _untransformed(quantile, a), -_untransformed(-quantile, a)
    up, down = (np.clip(reach, quantile, FARTHEST * quantile) for reach in (up, down))
    return mean - up * error, mean + down * error


def _untransformed(y: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The T of which Hall's transformation makes `y`: (3/a) ((1 + a (y − a/6))^⅓ − 1)."""
    none = np.abs(a) < 1e-6
    a = np.where(none, 1.0, a)
    return np.where(none, y, 3 / a * (np.cbrt(1 + a * (y - a / 6)) - 1))


def resolution(values: np.ndarray) -> float:
    """Step of the grid that all `values` lie on, as shares of few rows do; 0 where there is none.

    Only where scores recur: any two numbers lie on a grid.
    """
    known = np.sort(finite(values))
    gaps = np.diff(known)
    if len(known) < 2 or (gaps > 0).all():
        return 0.0
    step = float(gaps[gaps > 1e-9 * np.abs(known).max()].min(initial=np.inf))
    if not math.isfinite(step):
        return 0.0  # all the same
    multiples = (known - known[0]) / step
    return step if bool((np.abs(multiples - multiples.round()) < 1e-3).all()) else 0.0


def leader_of(values: np.ndarray) -> int:
    """Row of `values` (finalists, seeds) with the fewest gaps, and of those the lowest mean."""
    known = np.isfinite(values)
    n = known.sum(axis=1)
    sums = np.where(known, values, 0.0).sum(axis=1)
    means = np.divide(sums, n, out=np.full(len(values), np.inf), where=n > 0)
    return int(np.lexsort((means, -n))[0])


def unimportant(matters: float, mean: float) -> float:
    """The largest difference that does not matter: a share `matters` of a `mean` cost.

    Costs below 0, of scores without a known best value or of a log-likelihood, have a zero that means
    nothing: there is no share of them.
    """
    return matters * max(mean, 0.0)


def next_look(seeds: int, affordable: int) -> int:
    """Seeds after the next round, of which `affordable` more can be paid for; `seeds` if none can.

    Nobody leaves on fewer than `ENOUGH_SEEDS`: a race that ended there would leave its winner unconfirmed.
    """
    later: Sequence[int] = [n for n in LOOKS if n > seeds and n >= ENOUGH_SEEDS]
    later = later or [seeds + LOOKS[-1] - LOOKS[-2]]
    return min(later[0], seeds + max(affordable, 0))


def dropped_interval(winner: np.ndarray, rival: np.ndarray, rivals: int) -> tuple[float, float]:
    """Interval of the mean difference of a rival that left the race to the winner, one of so many `rivals`.

    Bonferroni's: it was called worse, so it is none of those that the winner was picked from.
    """
    both = np.stack([winner, rival])
    pairs = moments(both[1:] - both[:1], resolution(both) / math.sqrt(6))
    if pairs.n[0] < 2:
        return math.nan, math.nan
    low, high = pairs.ends([0], np.array([0.05 / rivals]))
    return float(low[0]), float(high[0])
