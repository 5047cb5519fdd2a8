"""Who of several finalists is worse than the leader, at every look at once.

Finalists are trained on the same seeds, round by round. After each round (`LOOKS`) the one with the lowest
mean leads, and every rival has the interval of its mean paired difference to the leader. A rival whose
interval lies above 0 is called worse. The probability of one or more false calls in a whole race is at most
`FALSE_CLAIMS`, whenever the race stops, where paired differences are roughly normal.

A call at n seeds needs a p-value below ``level(finalists, n) = LEVELS[finalists] · weight(n)``: alpha
spending (Lan and DeMets 1983, doi 10.1093/biomet/70.3.659), with `LEVELS` found by simulation of the largest
paired t against the lowest mean over all looks (`calibrated`). Among rivals the calls step down (Holm 1979):
once some are called, the others are held against the level of those left.

Two guards for what is not normal. Skew: each interval reaches as far as Student's t and Hall's
transformation (Hall 1992, doi 10.1111/j.2517-6161.1992.tb01876.x) say on each side. Rounded scores: no
standard deviation is taken below that of rounding. No interval of a mean can allow for what none of the seeds
has shown, such as a bad seed in twenty.
"""

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from sweeper.statistics.intervals import finite

FALSE_CLAIMS = 0.05
"""Probability of one or more false calls in a race of finalists that are all alike."""
LOOKS = (4, 6, 8, 10, 13, 16, 20, 25, 32, 40)
"""Numbers of seeds after which finalists are compared."""
FULL = 10
"""Seeds at which a call is easiest: fewer are less like normal samples, and most races end there."""
LATER = 0.25
LEVELS = {
    2: 0.023,
    3: 0.0079,
    4: 0.0041,
    5: 0.0025,
    6: 0.0018,
    7: 0.0012,
    8: 0.00091,
    9: 0.00072,
    10: 0.00061,
}
"""Finalists -> largest p-value of a call at `FULL` seeds. A test finds them again by `calibrated`."""


def weight(seeds: int) -> float:
    """What a look at so many seeds may spend, against one at `FULL`: (n/10)² up to there, then a quarter."""
    return (seeds / FULL) ** 2 if seeds <= FULL else LATER


def level(finalists: int, seeds: int) -> float:
    """Largest two-sided p-value of a call with so many finalists left, after so many seeds."""
    most = max(LEVELS)
    if finalists <= most:
        return LEVELS[finalists] * weight(seeds)
    return LEVELS[most] * most * (most - 1) / (finalists * (finalists - 1)) * weight(seeds)  # Bonferroni


def calibrated(finalists: int, races: int = 20_000, seed: int = 0) -> float:
    """The entry of `LEVELS`: quantile `FALSE_CLAIMS` of minₙ p(n) / weight(n) over all looks.

    p(n) is the two-sided p-value of the largest paired t statistic against the lowest mean of n independent
    standard normal scores of each of `finalists`. What a seed does to all alike cancels in pairs.
    """
    rng, looks = np.random.default_rng(seed), np.array(LOOKS)
    smallest = []
    for _ in range(races // 2000):
        draws = rng.standard_normal((2000, LOOKS[-1], finalists))
        found = [_p_value(draws[:, :n]) / weight(int(n)) for n in looks]
        smallest.append(np.min(found, axis=0))
    return float(np.quantile(np.concatenate(smallest), FALSE_CLAIMS))


def _p_value(draws: np.ndarray) -> np.ndarray:
    """Of the rival that looks worst, for races of shape (races, seeds, finalists)."""
    leader = draws.mean(axis=1).argmin(axis=1)[:, None, None]
    differences = draws - np.take_along_axis(draws, leader, axis=2)
    errors = differences.std(axis=1, ddof=1) / np.sqrt(draws.shape[1])
    largest = np.max(differences.mean(axis=1) / np.where(errors > 0, errors, np.inf), axis=1)
    return 2 * stats.t.sf(largest, draws.shape[1] - 1)


def difference_intervals(
    values: np.ndarray, leader: int, finalists: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Simultaneous intervals of the mean paired differences to `leader`: (low, high), each (finalists,).

    Args:
        values: (finalists, seeds) scores, NaN where there is none; pairs are seeds on which both have one.
        leader: row of the finalist that the others are compared with; its own interval is 0 to 0.
        finalists: of how many the leader was picked, if more than the rows.

    Returns:
        Nulls where fewer than two pairs are known. Above 0: the rival is worse.
    """
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    low[leader] = high[leader] = 0.0
    pairs = [finite(row) for row in values - values[leader]]
    more = max(0, (finalists or 0) - len(values))
    floor = resolution(values) / math.sqrt(6)  # of the difference of two rounded scores
    left = [k for k, each in enumerate(pairs) if k != leader and len(each) >= 2]
    while left:
        found = {k: mean_interval(pairs[k], level(len(left) + 1 + more, len(pairs[k])), floor) for k in left}
        apart = [k for k, (below, above) in found.items() if below > 0 or above < 0]
        for k in apart or left:
            low[k], high[k] = found[k]
        if not apart:
            break
        left = [k for k in left if k not in apart]
    return low, high


def mean_interval(values: np.ndarray, alpha: float, floor: float = 0.0) -> tuple[float, float]:
    """Interval of the mean of `values` that misses it with probability `alpha`, skew allowed for.

    With T = √n (mean − μ) / s, γ the skewness and a = γ/√n: T + a T²/3 + a² T³/27 + a/6 is nearly Student's t
    (Hall 1992). Each end is the farther of this one and of plain t. s is at least `floor`.
    """
    n, mean = len(values), float(values.mean())
    spread = float(values.std(ddof=1))
    if spread <= 1e-12 * float(np.abs(values).max()):
        spread = 0.0
    spread = max(spread, floor if n >= LOOKS[0] else max(floor, abs(mean)))  # few alike may be chance
    if spread == 0:
        return mean, mean
    error, quantile = spread / math.sqrt(n), float(stats.t.ppf(1 - alpha / 2, n - 1))
    skewness = float(((values - mean) ** 3).mean()) / spread**3
    up, down = _untransformed(quantile, skewness, n), _untransformed(-quantile, skewness, n)
    return mean - max(up, quantile) * error, mean - min(down, -quantile) * error


def _untransformed(y: float, skewness: float, n: int) -> float:
    """The T of which Hall's transformation makes `y`: (3/a) ((1 + a (y − a/6))^⅓ − 1)."""
    a = skewness / math.sqrt(n)
    if abs(a) < 1e-6:
        return y
    return 3 / a * (float(np.cbrt(1 + a * (y - a / 6))) - 1)


def resolution(values: np.ndarray) -> float:
    """Step of the grid that all `values` lie on, as shares of few rows do; 0 where there is none.

    Only where scores recur: any two numbers lie on a grid.
    """
    known = np.unique(finite(values))
    if len(known) < 2 or len(known) == np.isfinite(values).sum():
        return 0.0
    gaps = np.diff(known)
    step = float(gaps[gaps > 1e-9 * np.abs(known).max()].min(initial=np.inf))
    if not math.isfinite(step):
        return 0.0
    places = (known - known[0]) / step
    return step if bool((np.abs(places - places.round()) < 1e-3).all()) else 0.0


def leader_of(values: np.ndarray) -> int:
    """Row of `values` (finalists, seeds) with the fewest gaps, and of those the lowest mean."""
    gaps = (~np.isfinite(values)).sum(axis=1)
    means = [finite(row).mean() if np.isfinite(row).any() else np.inf for row in values]
    return min(range(len(values)), key=lambda k: (gaps[k], means[k], k))


def out_of_race(values: np.ndarray) -> list[int]:
    """Rows of `values` (finalists, seeds) called worse, or failed on two seeds more than the leader."""
    leader = leader_of(values)
    low, _ = difference_intervals(values, leader)
    gaps = (~np.isfinite(values)).sum(axis=1)
    return [k for k in range(len(values)) if low[k] > 0 or gaps[k] >= gaps[leader] + 2]


def all_alike(values: np.ndarray, matters: float) -> bool:
    """Whether every difference to the leader is known to be within `matters` times the leader's mean."""
    leader = leader_of(values)
    gaps = (~np.isfinite(values)).sum(axis=1)
    if (gaps != gaps[leader]).any():
        return False
    low, high = difference_intervals(values, leader)
    within = matters * abs(float(np.nanmean(values[leader])))
    return bool((low >= -within).all() and (high <= within).all())


def next_look(seeds: int, affordable: int) -> int:
    """Seeds after the next round, of which `affordable` more can be paid for; `seeds` if none can."""
    later: Sequence[int] = [n for n in LOOKS if n > seeds] or [seeds + LOOKS[-1] - LOOKS[-2]]
    return min(later[0], seeds + max(affordable, 0))
