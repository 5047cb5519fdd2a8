"""Finalists on fresh seeds in the order in which they stand, with all that is said of each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from sweeper.statistics.intervals import (
    FARTHEST,
    FEWEST_FOR_BOOTSTRAP,
    finite,
    interval,
    resampled,
    share_interval,
    standard_error,
    studentized,
)
from sweeper.statistics.race import dropped_interval, interim_look
from sweeper.statistics.remembered import remembered

OFTEN = 0.75
"""Share of seeds that "better" asks for (Bouthillier et al. 2021, arXiv 2103.03098)."""


@dataclass(frozen=True)
class Standing:
    """Finalists with a completed seed, the winner first."""

    order: np.ndarray
    """Their rows in the scores"""
    columns: Mapping[str, np.ndarray]
    """name -> one entry each; names as in `sweeper.answer.confirmed`"""


@remembered
def standing(scores: np.ndarray, ran: np.ndarray) -> Standing:
    """The order of finalists and the numbers of each; of both arguments, (finalists, seeds).

    Args:
        scores: NaN where a seed was lost or not run.
        ran: whether it was run.
    """
    n = np.isfinite(scores).sum(axis=1)
    failures, dropped = ran.sum(axis=1) - n, dropouts(scores, ran)
    means = np.array([finite(row).mean() if np.isfinite(row).any() else np.nan for row in scores])
    order = np.lexsort((_comparable(scores, ran, dropped, means), failures, dropped))
    order = order[n[order] > 0]
    scores, dropped, failures = scores[order], dropped[order], failures[order]
    columns = {"mean": means[order], "n": n[order], "failures": failures, "dropped": dropped}
    return Standing(order, columns | against_the_winner(scores, failures, dropped))


def _comparable(scores: np.ndarray, ran: np.ndarray, dropped: np.ndarray, means: np.ndarray) -> np.ndarray:
    """What orders finalists of as many lost seeds: `means`, of those that lasted over the seeds that all of
    them ran. Where a search went on one may have more, and a seed is hard or easy for all settings alike."""
    lasted = ~dropped & np.isfinite(means)
    shared = ran[lasted].all(axis=0)
    if not lasted.any() or not shared.any() or (ran[lasted] == shared).all():
        return means
    return np.where(
        lasted, [finite(row).mean() if np.isfinite(row).any() else np.inf for row in scores[:, shared]], means
    )


@remembered
def intervals(scores: np.ndarray, tied: np.ndarray, level: float = 0.95, seed: int = 0) -> np.ndarray:
    """Intervals of the means, (finalists, 2); `scores` are in the order of `standing`.

    That of the winner allows for its having been picked among those `tied`.
    """
    plain = [interval(row, level, seed) for row in scores[1:]]
    return np.array([*([winners_interval(scores, tied, level, seed)] if len(scores) else []), *plain])


def winners_interval(
    scores: np.ndarray, tied: np.ndarray, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Interval of the winner's mean; wider where others are tied with it, as it was picked among them."""
    contenders = scores[tied]
    return (
        picked_interval(contenders, level, seed) if len(contenders) > 1 else interval(scores[0], level, seed)
    )


def dropouts(scores: np.ndarray, ran: np.ndarray) -> np.ndarray:
    """Which rows left the race: the race is run again on what is on record, so a break is no drop.

    A search that went on may have brought further finalists. Among more rivals a call takes more, so one that
    was called worse before they came may not be called now; and of two that led together either may be
    taken. It has fewer seeds than the others, and left if its interval, which allows for all of them, lies
    above 0.
    """
    dropped, counts = np.zeros(len(scores), dtype=bool), ran.sum(axis=1)
    for count in sorted(set(counts.tolist()) - {counts.max(initial=0)}):
        left = np.flatnonzero((counts >= count) & ~dropped)
        found = interim_look(scores[left, :count])
        behind = left[found.out | (found.low > 0)]
        dropped[behind[counts[behind] == count]] = True
    return dropped


def against_the_winner(
    scores: np.ndarray, failures: np.ndarray, dropped: np.ndarray
) -> dict[str, np.ndarray]:
    """The paired columns; `scores` are (finalists, seeds), the winner's first."""
    pairs = [finite(row - scores[0]) for row in scores]
    low, high, seen = (np.full(len(scores), np.nan) for _ in range(3))
    worse, lasted = dropped.copy(), ~dropped
    if len(scores):
        interim = interim_look(scores[lasted], 0)
        low[lasted], high[lasted], worse[lasted], seen[lasted] = (
            interim.low,
            interim.high,
            interim.worse,
            interim.seen,
        )
    for row in np.flatnonzero(dropped).tolist():
        low[row], high[row] = dropped_interval(scores[0], scores[row], len(scores) - 1)
    sound = (failures == failures[lasted].min(initial=np.iinfo(int).max)) & lasted
    even = np.array([int((pair == 0).sum()) for pair in pairs], dtype="int64")
    shares = np.array([share_won(pair) if index else (np.nan,) * 3 for index, pair in enumerate(pairs)])
    p_better, p_low, p_high = shares.reshape(-1, 3).T
    return {
        "difference": np.array([_mean(pair, scores[0]) for pair in pairs], dtype=float),
        "difference_low": low,
        "difference_high": high,
        "pairs": np.array([len(pair) for pair in pairs], dtype="int64"),
        "even": even,
        "tied": sound & ~worse & ~(high < 0),
        "seen": seen,
        "p_better": p_better,
        "p_low": p_low,
        "p_high": p_high,
        "better": worse & (low > 0) & shows_most(p_better, p_low),
    }


def _mean(pair: np.ndarray, scores: np.ndarray) -> float:
    """Of differences; what rounding leaves of equal sums is 0."""
    if not len(pair):
        return math.nan
    mean = float(pair.mean())
    return 0.0 if abs(mean) <= 1e-14 * np.abs(finite(scores)).max(initial=0.0) else mean


def shows_most(p: float | np.ndarray, low: float | np.ndarray) -> np.ndarray:
    """Whether P, and the low end of its interval, are high enough for "better"."""
    return np.asarray((p >= OFTEN) & (low > 0.5))


def share_won(differences: np.ndarray) -> tuple[float, float, float]:
    """Share of `differences` above 0, ties counted half, with Wilson's interval: on how many seeds the one
    that is subtracted is lower."""
    if len(differences) == 0:
        return np.nan, np.nan, np.nan
    won = float((differences > 0).sum() + (differences == 0).sum() / 2)
    return won / len(differences), *share_interval(won, len(differences))


def picked_interval(contenders: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of the first mean, which was picked as the lowest; `contenders` is (finalists, seeds).

    The lowest of several means is too low on average, so plain intervals miss the truth above too often.
    Seeds are resampled in a world where all contenders have equal means; there the lowest mean* is
    picked, t* = mean*/se* of the picked one, and its lower quantile gives the upper end. The lower end is
    the plain one. What the plain lower end misses less often than (1 − level)/2 is given to the upper end,
    so that together they miss 1 − level; with one contender this is `interval`. Where too few seeds are
    shared for a bootstrap, Student's t with 1 − level shared out among the contenders (Bonferroni); with
    more, no end is farther than `FARTHEST` times that.
    """
    shared = contenders[:, np.isfinite(contenders).all(axis=0)].T
    own = finite(contenders[0])
    plain, error = interval(own, level, seed), standard_error(own) if len(own) >= 2 else 0.0
    if len(shared) < 2 or error == 0:
        return plain
    tail = (1 - level) / 2
    student = float(stats.t.ppf(1 - 2 * tail / len(contenders), len(own) - 1))
    if len(shared) < FEWEST_FOR_BOOTSTRAP:
        return plain[0], float(max(own.mean() + student * error, plain[1]))
    centred = shared - shared.mean(axis=0)
    means, errors = resampled(centred, seed)
    rows, picked = np.arange(len(means)), means.argmin(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = finite(means[rows, picked] / errors[rows, picked])
    alone = np.quantile(finite(studentized(centred, seed)[:, 0]), 1 - tail)
    missed = min(float((statistics > alone).mean()), tail)
    reach = min(-float(np.quantile(statistics, 2 * tail - missed)), FARTHEST * student)
    high = own.mean() + reach * error
    return plain[0], float(max(high, plain[1]))
