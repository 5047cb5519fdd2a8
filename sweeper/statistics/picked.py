"""The interval of a mean that was picked as the lowest of several."""

import numpy as np
from scipy import stats

from sweeper.statistics.intervals import (
    FEWEST_FOR_BOOTSTRAP,
    finite,
    interval,
    resampled,
    standard_error,
    studentized,
)


def picked_interval(contenders: np.ndarray, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of the first mean, which was picked as the lowest; `contenders` is (finalists, seeds).

    The lowest of several means is too low on average, so plain intervals miss the truth above too often.
    Seeds are resampled in a world where all contenders have equal means; there the lowest mean* is
    picked, t* = mean*/se* of the picked one, and its lower quantile gives the upper end. The lower end is
    the plain one. What the plain lower end misses less often than (1 − level)/2 is given to the upper end,
    so that together they miss 1 − level; with one contender this is `interval`. Where too few seeds are
    shared for a bootstrap, Student's t with 1 − level shared out among the contenders (Bonferroni).
    """
    shared = contenders[:, np.isfinite(contenders).all(axis=0)].T
    own = finite(contenders[0])
    plain, error = interval(own, level, seed), standard_error(own) if len(own) >= 2 else 0.0
    if len(shared) < 2 or error == 0:
        return plain
    tail = (1 - level) / 2
    if len(shared) < FEWEST_FOR_BOOTSTRAP:
        quantile = stats.t.ppf(1 - 2 * tail / len(contenders), len(own) - 1)
        return plain[0], float(max(own.mean() + quantile * error, plain[1]))
    centred = shared - shared.mean(axis=0)
    means, errors = resampled(centred, seed)
    rows, picked = np.arange(len(means)), means.argmin(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = finite(means[rows, picked] / errors[rows, picked])
    alone = np.quantile(finite(studentized(centred, seed)[:, 0]), 1 - tail)
    missed = min(float((statistics > alone).mean()), tail)
    high = own.mean() - np.quantile(statistics, 2 * tail - missed) * error
    return plain[0], float(max(high, plain[1]))
