"""Who may be called worse than the winner, when the winner was picked by the same numbers.

The winner is the lowest mean of K finalists, so the largest of its paired t statistics is large even
between identical settings: with K = 5 and ten seeds a plain paired t test calls about one pair in five
different. Here the largest statistic is held against its own distribution under identity.
"""

from functools import cache

import numpy as np
from scipy import stats

FALSE_CLAIMS = 0.025
"""Probability of one or more false claims in a run whose finalists are all alike. Half of the 5 % that are
promised, because losses over few seeds are not quite normal."""
SIMULATIONS, BATCH = 20_000, 4000


@cache
def critical_value(finalists: int, seeds: int, level: float = 1 - FALSE_CLAIMS) -> float:
    """Quantile of the largest paired t statistic against the lowest mean of identical `finalists`.

    For X of shape (seeds, finalists) with independent standard normal entries, w the column of lowest mean
    and dᵢ = Xᵢ − X_w: the `level` quantile of maxᵢ mean(dᵢ) / (std(dᵢ) / √seeds), by simulation with a fixed
    seed. What a seed does to all finalists alike cancels in dᵢ, so it is left out. For two
    finalists it is the two-sided quantile of Student's t.
    """
    if finalists == 2:
        return float(stats.t.ppf((1 + level) / 2, seeds - 1))
    rng = np.random.default_rng(0)
    batches = range(SIMULATIONS // BATCH)
    largest = [_largest(rng.standard_normal((BATCH, seeds, finalists))) for _ in batches]
    return float(np.quantile(np.concatenate(largest), level))


def _largest(draws: np.ndarray) -> np.ndarray:
    winner = draws.mean(axis=1).argmin(axis=1)[:, None, None]
    differences = draws - np.take_along_axis(draws, winner, axis=2)
    errors = differences.std(axis=1, ddof=1) / np.sqrt(draws.shape[1])
    return np.max(differences.mean(axis=1) / np.where(errors > 0, errors, np.inf), axis=1)


def step_down(differences: np.ndarray, errors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Half widths of the intervals around the paired `differences` to the winner, one for each rival.

    Step-down as in Holm 1979: the rival with the largest t = difference / error is held against
    `critical_value` of all finalists; when it is called worse (the interval leaves 0 out), the next
    against that of those left. So the probability of a false claim holds for any subset that is alike.

    Args:
        differences: mean paired difference to the winner, above 0 where the rival is worse.
        errors: their standard errors; 0 where all pairs differ by the same.
        pairs: seeds behind each, at least 2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.where(errors > 0, differences / errors, np.sign(differences) * np.inf)
    statistics = np.nan_to_num(statistics, nan=0.0, posinf=np.inf, neginf=-np.inf)
    widths, left = np.zeros(len(differences)), list(range(len(differences)))
    while left:
        limits = np.array([critical_value(len(left) + 1, int(pairs[k])) for k in left])
        ratios = statistics[left] / limits
        first = int(np.argmax(ratios))
        if ratios[first] <= 1:
            widths[left] = limits * errors[left]
            break
        widths[left[first]] = limits[first] * errors[left[first]]
        del left[first]
    return widths
